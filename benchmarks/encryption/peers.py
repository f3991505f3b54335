"""What a Python user has otherwise for inner products of encrypted data, to be measured beside PoLe.

Both need the extra `benchmarks`. Each encrypts one vector and decrypts one inner product at a time, on one
core; its result is checked before it is measured.
"""

import importlib.util
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_INPUT, MAX_WEIGHT = 255, 7
SECP256K1_ORDER = 2**256 - 432420386565659656852420866394968145599


@dataclass(frozen=True, slots=True)
class Peer:
    """One vector of `columns` values to encrypt, and one inner product to decrypt."""

    name: str
    columns: int
    encrypt: Callable[[], object]
    decrypt: Callable[[], object]


def missing() -> list[str]:
    """The packages that are not installed."""
    return [name for name, module in {"pymife": "mife", "coincurve": "coincurve"}.items() if not _has(module)]


def peers(columns: int) -> list[Peer]:
    """The peers that are installed, over vectors of that many columns of 8 bits, with weights of 3 bits."""
    found = []
    if _has("mife"):
        found.append(pymife(columns))
    if _has("coincurve"):
        found.append(secp256k1_loop(columns))
    return found


def pymife(columns: int) -> Peer:
    """PyMIFE's selective DDH scheme with its default group: 1024 bits, about 80 bits of security."""
    from mife.single.selective.ddh import FeDDH  # type: ignore[import-untyped]

    x, z = _vectors(columns)
    key = FeDDH.generate(columns)
    public, functional_key = key.get_public_key(), FeDDH.keygen(z, key)
    ciphertext = FeDDH.encrypt(x, public)
    bound = (0, columns * MAX_WEIGHT * MAX_INPUT)

    def decrypt() -> object:
        return FeDDH.decrypt(ciphertext, public, functional_key, bound)

    assert decrypt() == _product(x, z)
    return Peer("PyMIFE", columns, lambda: FeDDH.encrypt(x, public), decrypt)


def secp256k1_loop(columns: int) -> Peer:
    """The best loop over libsecp256k1's public functions: buckets by weight, one sum of points for each.

    As the owner of the secret it encrypts by one multiplication of the generator. Decryption ends at the
    point <x, z> G: the discrete logarithm, which PoLe's figure includes, is left out in the loop's favour.
    """
    from coincurve import PublicKey

    order = SECP256K1_ORDER
    x, z = _vectors(columns)
    s = [secrets.randbelow(order) for _ in range(columns)]
    minus_eta = (-sum(s_j * z_j for s_j, z_j in zip(s, z, strict=True)) % order).to_bytes(32, "big")

    def encrypt() -> list[PublicKey]:
        r = secrets.randbelow(order)
        exponents = [r, *((r * s_j + x_j) % order for s_j, x_j in zip(s, x, strict=True))]
        return [PublicKey.from_valid_secret(exponent.to_bytes(32, "big")) for exponent in exponents]

    ct0, *ct = encrypt()

    def decrypt() -> PublicKey:
        buckets: list[list[PublicKey]] = [[] for _ in range(MAX_WEIGHT + 1)]
        for weight, point in zip(z, ct, strict=True):
            buckets[weight].append(point)
        terms = [ct0.multiply(minus_eta)]
        for weight in range(1, MAX_WEIGHT + 1):
            if buckets[weight]:
                terms += [PublicKey.combine_keys(buckets[weight])] * weight
        return PublicKey.combine_keys(terms)

    assert decrypt() == PublicKey.from_valid_secret(_product(x, z).to_bytes(32, "big"))
    return Peer("libsecp256k1 loop", columns, encrypt, decrypt)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _vectors(columns: int) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(4)
    return (
        rng.integers(0, MAX_INPUT + 1, columns).tolist(),
        rng.integers(0, MAX_WEIGHT + 1, columns).tolist(),
    )


def _product(x: list[int], z: list[int]) -> int:
    return sum(x_j * z_j for x_j, z_j in zip(x, z, strict=True))
