"""Inner-product functional encryption from DDH (Abdalla, Bourse, De Caro, Pointcheval 2015, section 4).

In ristretto255, of order q, with generator G: the master secret is s in Z_q^D, the public key h_j = s_j G. A
ciphertext of x is ct_0 = r G, ct_j = r h_j + x_j G with a fresh r; the functional key for z is eta = <s, z>
mod q; then sum z_j ct_j - eta ct_0 = <x, z> G, and a small discrete logarithm gives <x, z>. The scheme is
selectively secure under DDH, and only as long as r is used once and fewer than D independent keys are given
away: whoever holds keys for D of them holds x.

Nothing here is constant-time: encryption looks tables up at secret indices, key derivation is integer
arithmetic. The owner of s should not share a machine with somebody who may measure its caches.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.ipfe import backend as backends
from pole.ipfe.functional_keys import RandomBytes, WrongKeysError, derive_keys, reduced_etas, verify_keys
from pole.ipfe.interface import InnerProducts
from pole.ipfe.kernel import NO_LOGARITHM, Bytes
from pole.ipfe.keys import (
    AffineCiphertexts,
    Ciphertexts,
    FunctionalKeys,
    MasterPublicKey,
    MasterSecretKey,
)
from pole.ipfe.scalars import reduced
from pole.protocol.mapping.plan import QueryPlan

__all__ = [
    "AffineCiphertexts",
    "Ciphertexts",
    "FunctionalKeys",
    "InnerProducts",
    "MasterPublicKey",
    "MasterSecretKey",
    "WrongKeysError",
    "bound_of",
    "decrypt",
    "derive_keys",
    "encrypt",
    "encrypt_with_public_key",
    "expand",
    "generate_keys",
    "verify_keys",
]

Result = TypeVar("Result")

MAX_INPUT = 2**32 - 1
SHARD = 64  # samples that a thread encrypts or decodes at a time; a multiple of the lanes of every code path
PUBLIC_KEY_SHARD = 512  # more, because tables of the public key are built once a shard


def generate_keys(
    dimension: int, random_bytes: RandomBytes, *, backend: str | None = None
) -> tuple[MasterSecretKey, MasterPublicKey]:
    """Return a fresh master key pair for data of `dimension` columns; make a new one for every task.

    `random_bytes(n)` must return n bytes from a cryptographic generator (os.urandom).
    """
    if dimension < 1:
        raise InputError(f"A master key needs at least one column, not {dimension}.")
    scalars = _random_scalars(dimension, random_bytes)
    return MasterSecretKey(scalars), MasterPublicKey(backends.choose(backend).base_multiples(scalars))


def encrypt(
    msk: MasterSecretKey,
    x: NDArray[np.unsignedinteger],
    random_bytes: RandomBytes,
    *,
    threads: int = 1,
    backend: str | None = None,
) -> Ciphertexts:
    """Encrypt the rows of x, unsigned (n, D) below 2^32, as the owner of the master secret key.

    ct_j = (r s_j + x_j) G is one multiplication of the generator: several times faster than with the public
    key, and the same distribution. Raises InputError for another dtype, shape or range.

    Memory: x as 32 bits, and the result of 32 n (D + 1) bytes; beside them at most 2 MB + 2.5 KB D for each
    thread, 200 n bytes of randomness, and tables of 6.3 MB once in a process. Data that does not fit is
    encrypted piece by piece: every call draws its own randomness.
    """
    kernel = backends.choose(backend)
    values = _as_input(x, msk.dimension)
    secret = np.ascontiguousarray(msk.scalars)
    return _encrypt_shards(
        lambda rows, r: kernel.encrypt(secret, r, rows), values, random_bytes, shard=SHARD, threads=threads
    )


def encrypt_with_public_key(
    mpk: MasterPublicKey,
    x: NDArray[np.unsignedinteger],
    random_bytes: RandomBytes,
    *,
    threads: int = 1,
    backend: str | None = None,
) -> Ciphertexts:
    """Encrypt the rows of x, unsigned (n, D) below 2^32, for the owner of the master secret key.

    Raises InputError for another dtype, shape or range, InvalidKeyPointError if the key holds no group
    element. Memory: as `encrypt`, but 4 MB + 18 KB D for each thread.
    """
    kernel = backends.choose(backend)
    values = _as_input(x, mpk.dimension)
    points = np.ascontiguousarray(mpk.points)
    return _encrypt_shards(
        lambda rows, r: kernel.encrypt_with_public_key(points, r, rows),
        values,
        random_bytes,
        shard=PUBLIC_KEY_SHARD,
        threads=threads,
    )


def expand(ciphertexts: Ciphertexts, *, threads: int = 1, backend: str | None = None) -> AffineCiphertexts:
    """Decode all points, so that decrypting the same samples again needs no square root for each.

    Every code path gives the same bytes. What is no canonical encoding becomes zeros, which are no point of
    the curve, so that its sample does not decrypt in either form.
    """
    kernel = backends.choose(backend)
    n = len(ciphertexts)
    ct0 = np.empty((n, 64), dtype=np.uint8)
    ct = np.empty((n, ciphertexts.dimension, 64), dtype=np.uint8)

    def work(first: int) -> None:
        rows = slice(first, first + SHARD)
        ct0[rows], ct[rows] = kernel.expand(*_rows_of(ciphertexts, rows))

    for _ in _in_order(work, range(0, n, SHARD), threads):
        pass
    return AffineCiphertexts(ct0, ct)


def decrypt(
    ciphertexts: Ciphertexts | AffineCiphertexts,
    plan: QueryPlan,
    keys: FunctionalKeys,
    bound: int,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    backend: str | None = None,
) -> InnerProducts:
    """Return the inner products, each in [0, bound], and which samples do not decrypt: their values are 0.

    A sample does not decrypt where one of its points is none, or where an inner product has no discrete
    logarithm in [0, bound]: the ciphertext, the functional key or the bound is wrong. It costs no more than
    another, but for giant steps up to the bound.

    Affine ciphertexts give the same results as those they were expanded from. Of their points it is checked
    that both coordinates are reduced and on the curve, without which results would depend on the order of
    additions; not that they are those that encodings decode to: points that differ by one of order 8 or less
    stand for the same group element, because only twice the inner product is looked up. Nothing ties either
    form to what the data node published: check digests first.

    `progress` is called in this thread with the number of samples done so far. Raises WrongKeysError for a
    key that is not reduced, InputError when shapes do not fit together. Costs about k (D + 253/k) / 6 group
    additions for each inner product of D columns with k-bit weights, and a table of min(bound + 1, 2^22)
    logarithms once.

    Memory beside ciphertexts and result: at most 7 MB + (D + 4 k L) KB for each thread; and for all threads
    24 to 48 bytes for each entry of the table, 128 MB at most, and an order of additions of about 4 W (d +
    253/k + 128) k L / 7 bytes for windows of d columns, or 4 W L (k d + 50) for many short ones.
    """
    plan.check_dimension(ciphertexts.dimension)
    shape = (len(plan.windows), len(plan.vectors), 32)
    if keys.eta.shape != shape:
        raise InputError(f"The plan needs functional keys of shape {shape}, not {keys.eta.shape}.")
    reduced_etas(keys)
    if not 0 <= bound < 2**62:
        raise InputError(f"The bound of an inner product must lie in [0, 2^62), not {bound}.")
    decryptor = backends.choose(backend).decryptor(plan, keys.eta, ciphertexts.dimension, bound)
    values = np.empty((len(ciphertexts), *shape[:2]), dtype=np.int64)
    bad = np.empty(len(ciphertexts), dtype=np.bool_)

    def work(first: int) -> None:
        rows = slice(first, first + decryptor.shard)
        products = decryptor.inner_products(*_rows_of(ciphertexts, rows))
        bad[rows] = (products == NO_LOGARITHM).any(axis=(1, 2))
        products[bad[rows]] = 0
        values[rows] = products

    firsts = range(0, len(ciphertexts), decryptor.shard)
    for done, _ in enumerate(_in_order(work, firsts, threads), start=1):
        if progress is not None:
            progress(min(done * decryptor.shard, len(ciphertexts)))
    return InnerProducts(values, bad)


def bound_of(plan: QueryPlan, max_value: int) -> int:
    """Return the largest inner product of the plan when no input exceeds `max_value`."""
    return int(plan.vectors.sum(axis=1, dtype=np.int64).max()) * max_value


def _rows_of(ciphertexts: Ciphertexts | AffineCiphertexts, rows: slice) -> tuple[Bytes, Bytes]:
    return np.ascontiguousarray(ciphertexts.ct0[rows]), np.ascontiguousarray(ciphertexts.ct[rows])


def _encrypt_shards(
    encrypt_rows: Callable[[NDArray[np.uint32], Bytes], tuple[Bytes, Bytes]],
    values: NDArray[np.uint32],
    random_bytes: RandomBytes,
    *,
    shard: int,
    threads: int,
) -> Ciphertexts:
    n, dimension = values.shape
    randomness = _random_scalars(n, random_bytes)
    ct0, ct = np.empty((n, 32), dtype=np.uint8), np.empty((n, dimension, 32), dtype=np.uint8)

    def work(first: int) -> None:
        rows = slice(first, first + shard)
        ct0[rows], ct[rows] = encrypt_rows(values[rows], randomness[rows])

    for _ in _in_order(work, range(0, n, shard), threads):
        pass
    randomness.fill(0)  # r opens its sample; copies that Python made on the way are out of reach
    return Ciphertexts(ct0, ct)


def _in_order(work: Callable[[int], Result], firsts: range, threads: int) -> Iterator[Result]:
    """Run work(first sample) for every shard on `threads` threads; yield, or raise, in their order."""
    if threads < 1:
        raise InputError(f"The number of threads must be at least 1, not {threads}.")
    if threads == 1:
        yield from map(work, firsts)
        return
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work, first) for first in firsts]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _random_scalars(count: int, random_bytes: RandomBytes) -> Bytes:
    """Scalars from 512 bits each, so that their bias is below 2^-250."""
    return reduced(random_bytes(64 * count))


def _as_input(x: NDArray[np.unsignedinteger], dimension: int) -> NDArray[np.uint32]:
    if x.ndim != 2 or x.shape[1] != dimension:
        raise InputError(f"The data must have shape (samples, {dimension}) for this key, not {x.shape}.")
    if x.dtype.kind != "u":
        raise InputError(f"The data must be unsigned integers, not {x.dtype}; quantise it first.")
    if x.size and int(x.max()) > MAX_INPUT:
        raise InputError(f"The data must not exceed {MAX_INPUT}; quantise it to at most 32 bits.")
    return np.require(x, np.uint32, ["C", "ALIGNED"])
