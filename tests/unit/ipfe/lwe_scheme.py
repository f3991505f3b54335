"""A second scheme behind the interface: LWE (Abdalla, Bourse, De Caro, Pointcheval 2015, section 5).

It is small enough to read and far too small to be secure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.ipfe.interface import InnerProducts
from pole.protocol.mapping.plan import PADDING, QueryPlan

MODULUS = 2**40
SCALE = 2**22  # of a value; inner products must stay below MODULUS / SCALE
SECRETS, EQUATIONS = 16, 64
NOISE = 2  # of one equation of the public key, at most

Whole = NDArray[np.int64]
RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class LwePublicKey:
    """A (equations, secrets) and P = A S + E (equations, D)."""

    a: Whole
    p: Whole


@dataclass(frozen=True, slots=True, eq=False)
class LweSecretKey:
    """S (secrets, D), and the public key."""

    s: Whole
    public: LwePublicKey


@dataclass(frozen=True, slots=True, eq=False)
class LweCiphertexts:
    """ct0 (n, secrets) and ct (n, D)."""

    ct0: Whole
    ct: Whole


def generate_keys(dimension: int, random_bytes: RandomBytes) -> tuple[LweSecretKey, LwePublicKey]:
    a = _whole((EQUATIONS, SECRETS), MODULUS, random_bytes)
    s = _whole((SECRETS, dimension), MODULUS, random_bytes)
    noise = _whole((EQUATIONS, dimension), 2 * NOISE + 1, random_bytes) - NOISE
    public = LwePublicKey(a, (_product(a, s) + noise) % MODULUS)
    return LweSecretKey(s, public), public


def encrypt(
    secret: LweSecretKey, x: NDArray[np.unsignedinteger], random_bytes: RandomBytes, *, threads: int = 1
) -> LweCiphertexts:
    return encrypt_with_public_key(secret.public, x, random_bytes, threads=threads)


def encrypt_with_public_key(
    public: LwePublicKey, x: NDArray[np.unsignedinteger], random_bytes: RandomBytes, *, threads: int = 1
) -> LweCiphertexts:
    if threads < 1:
        raise InputError("There must be a thread.")
    r = _whole((len(x), EQUATIONS), 2, random_bytes)
    ct = _product(r, public.p) + SCALE * x.astype(np.int64)
    return LweCiphertexts(_product(r, public.a), ct % MODULUS)


def derive_keys(secret: LweSecretKey, plan: QueryPlan) -> Whole:
    plan.check_dimension(secret.s.shape[1])
    return np.stack([_product(secret.s, weights) for weights in _weights(plan, secret.s.shape[1])])


def verify_keys(public: LwePublicKey, plan: QueryPlan, keys: Whole, random_bytes: RandomBytes) -> None:
    assert random_bytes(1)
    for key, weights in zip(keys, _weights(plan, public.p.shape[1]), strict=True):
        difference = _centred(_product(public.p, weights) - _product(public.a, key))
        if (np.abs(difference) > NOISE * weights.sum(axis=0)).any():
            raise IntegrityError("A functional key is wrong.")


def decrypt(
    sealed: LweCiphertexts, plan: QueryPlan, keys: Whole, bound: int, *, threads: int = 1
) -> InnerProducts:
    if threads < 1 or bound >= MODULUS // SCALE:
        raise InputError("There must be a thread, and a bound below the modulus.")
    noisy = [
        _product(sealed.ct, weights) - _product(sealed.ct0, key)
        for key, weights in zip(keys, _weights(plan, sealed.ct.shape[1]), strict=True)
    ]
    products = np.stack([(_centred(one) + SCALE // 2) // SCALE for one in noisy], axis=1)
    bad = np.any((products < 0) | (products > bound), axis=(1, 2))
    products[bad] = 0
    return InnerProducts(products, bad)


def _weights(plan: QueryPlan, dimension: int) -> list[Whole]:
    """The weights (D, L) of all columns, for every window."""
    found = []
    for window in plan.windows:
        weights = np.zeros((dimension + 1, len(plan.vectors)), dtype=np.int64)
        weights[window] += plan.vectors.T.astype(np.int64)
        weights[PADDING] = 0
        found.append(weights[:dimension])
    return found


def _product(left: Whole, right: Whole) -> Whole:
    """The product modulo MODULUS; numpy wraps at 2^64, of which MODULUS is a divisor."""
    return (left @ right) % MODULUS


def _centred(values: Whole) -> Whole:
    return (values + MODULUS // 2) % MODULUS - MODULUS // 2


def _whole(shape: tuple[int, ...], below: int, random_bytes: RandomBytes) -> Whole:
    count = int(np.prod(shape))
    raw = np.frombuffer(random_bytes(8 * count), dtype="<u8") % np.uint64(below)
    return raw.astype(np.int64).reshape(shape)
