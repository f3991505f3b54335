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

from pole.errors import InputError, IntegrityError
from pole.ipfe import backend as backends
from pole.ipfe.group import ORDER
from pole.ipfe.kernel import NO_LOGARITHM, Bytes, InvalidCiphertextError
from pole.ipfe.keys import Ciphertexts, FunctionalKeys, MasterPublicKey, MasterSecretKey
from pole.ipfe.scalars import limbs_of, reduced, scalars_of, sum_limbs
from pole.protocol.query_plan import PADDING, QueryPlan

__all__ = [
    "Ciphertexts",
    "DecryptionError",
    "FunctionalKeys",
    "MasterPublicKey",
    "MasterSecretKey",
    "WrongKeysError",
    "bound_of",
    "decrypt",
    "derive_keys",
    "encrypt",
    "encrypt_with_public_key",
    "generate_keys",
    "verify_keys",
]

RandomBytes = Callable[[int], bytes]
Result = TypeVar("Result")

MAX_INPUT = 2**16 - 1
SHARD = 64  # samples that a thread decrypts at a time; a multiple of the lanes of every code path
ENCRYPTION_SHARD = 512  # more, because tables of the public key are built once a shard
SOUNDNESS_BYTES = 16


class DecryptionError(IntegrityError):
    """A ciphertext and a functional key give no inner product in range: one of them is wrong."""

    def __init__(self, sample: int, window: int, query: int, bound: int) -> None:
        super().__init__(
            f"Sample {sample}, window {window}, query {query} decrypts to nothing in [0, {bound}]: the "
            "ciphertext, the functional key or the bound is wrong; check the keys, then report their owner."
        )
        self.sample = sample
        self.window = window
        self.query = query


class WrongKeysError(IntegrityError):
    """Functional keys do not belong to the master public key."""


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
    """Encrypt the rows of x, unsigned (n, D) below 2^16, as the owner of the master secret key.

    ct_j = (r s_j + x_j) G is one multiplication of the generator: several times faster than with the public
    key, and the same distribution. Raises InputError for another dtype, shape or range.
    """
    kernel = backends.choose(backend)
    values = _as_input(x, msk.dimension)
    secret = np.ascontiguousarray(msk.scalars)
    return _encrypt_shards(
        lambda rows, r: kernel.encrypt(secret, r, rows), values, random_bytes, threads=threads
    )


def encrypt_with_public_key(
    mpk: MasterPublicKey,
    x: NDArray[np.unsignedinteger],
    random_bytes: RandomBytes,
    *,
    threads: int = 1,
    backend: str | None = None,
) -> Ciphertexts:
    """Encrypt the rows of x, unsigned (n, D) below 2^16, for the owner of the master secret key.

    Raises InputError for another dtype, shape or range, InvalidKeyPointError if the key holds no group
    element.
    """
    kernel = backends.choose(backend)
    values = _as_input(x, mpk.dimension)
    points = np.ascontiguousarray(mpk.points)
    return _encrypt_shards(
        lambda rows, r: kernel.encrypt_with_public_key(points, r, rows), values, random_bytes, threads=threads
    )


def derive_keys(msk: MasterSecretKey, plan: QueryPlan) -> FunctionalKeys:
    """Return eta[w, l] = sum over j of s[windows[w, j]] * z[l, j] mod q, padding left out."""
    plan.check_dimension(msk.dimension)
    limbs = limbs_of(msk.scalars)
    kept = plan.windows != PADDING
    columns = np.where(kept, plan.windows, 0)
    vectors = plan.vectors.astype(np.int64)
    eta = np.empty((len(plan.windows), len(plan.vectors), 32), dtype=np.uint8)
    for w in range(len(columns)):
        eta[w] = sum_limbs((limbs[:, columns[w]] * kept[w]) @ vectors.T)
    return FunctionalKeys(eta)


def verify_keys(
    mpk: MasterPublicKey,
    plan: QueryPlan,
    keys: FunctionalKeys,
    random_bytes: RandomBytes,
    *,
    backend: str | None = None,
) -> None:
    """Check all equations eta[w, l] G = sum over j of z[l, j] h[windows[w, j]] at once.

    They are added up with random weights of 128 bits, so that a wrong key passes with probability 2^-128.
    Raises WrongKeysError, an IntegrityError, when a key is wrong, not reduced, or missing;
    InvalidKeyPointError when the public key holds no group element.
    """
    plan.check_dimension(mpk.dimension)
    windows, queries = len(plan.windows), len(plan.vectors)
    if keys.eta.shape != (windows, queries, 32):
        raise WrongKeysError(
            f"The plan needs {windows} x {queries} functional keys, but there are {keys.eta.shape[0]} x "
            f"{keys.eta.shape[1]}; the round's keys are wrong."
        )
    etas = [int.from_bytes(row.tobytes(), "little") for row in keys.eta.reshape(-1, 32)]
    if max(etas) >= ORDER:
        raise WrongKeysError(
            "A functional key is not reduced modulo the group order; the round's keys are wrong."
        )
    weights = np.frombuffer(random_bytes(SOUNDNESS_BYTES * len(etas)), dtype="<u2").reshape(
        windows, queries, -1
    )
    total = sum(
        eta * int.from_bytes(weight.tobytes(), "little")
        for eta, weight in zip(etas, weights.reshape(len(etas), -1), strict=True)
    )
    kernel = backends.choose(backend)
    left = kernel.base_multiples(scalars_of([total]))[0].tobytes()
    right = kernel.linear_combination(
        np.ascontiguousarray(mpk.points), _column_weights(plan, weights, mpk.dimension)
    )
    if left != right:
        raise WrongKeysError("The round's functional keys do not belong to the data set's master public key.")


def decrypt(
    ciphertexts: Ciphertexts,
    plan: QueryPlan,
    keys: FunctionalKeys,
    bound: int,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
    backend: str | None = None,
) -> NDArray[np.int64]:
    """Return the inner products, int64 (n, W, L), each in [0, bound].

    `progress` is called in this thread with the number of samples done so far. Raises DecryptionError naming
    the first sample, window and query without a discrete logarithm in range, InvalidCiphertextError naming
    the first point that is none, InputError when shapes do not fit together. Costs about k (D + 253/k) / 6
    group additions for each inner product of D columns with k-bit weights, and a table of min(bound + 1,
    2^22) logarithms once.
    """
    plan.check_dimension(ciphertexts.dimension)
    shape = (len(plan.windows), len(plan.vectors), 32)
    if keys.eta.shape != shape:
        raise InputError(f"The plan needs functional keys of shape {shape}, not {keys.eta.shape}.")
    if not 0 <= bound < 2**62:
        raise InputError(f"The bound of an inner product must lie in [0, 2^62), not {bound}.")
    decryptor = backends.choose(backend).decryptor(plan, keys.eta, ciphertexts.dimension, bound)
    out = np.empty((len(ciphertexts), *shape[:2]), dtype=np.int64)

    def work(first: int) -> None:
        rows = slice(first, first + SHARD)
        ct0, ct = np.ascontiguousarray(ciphertexts.ct0[rows]), np.ascontiguousarray(ciphertexts.ct[rows])
        try:
            out[rows] = decryptor.inner_products(ct0, ct)
        except InvalidCiphertextError as error:
            raise InvalidCiphertextError(first + error.sample, error.column) from error
        missing = np.argwhere(out[rows] == NO_LOGARITHM)
        if len(missing):
            sample, window, query = (int(i) for i in missing[0])
            raise DecryptionError(first + sample, window, query, bound)

    for done, _ in enumerate(_in_order(work, range(0, len(ciphertexts), SHARD), threads), start=1):
        if progress is not None:
            progress(min(done * SHARD, len(ciphertexts)))
    return out


def bound_of(plan: QueryPlan, max_value: int) -> int:
    """Return the largest inner product of the plan when no input exceeds `max_value`."""
    return int(plan.vectors.sum(axis=1, dtype=np.int64).max()) * max_value


def _column_weights(plan: QueryPlan, weights: NDArray[np.uint16], dimension: int) -> Bytes:
    """The scalar that each h_j gets in the sum of all equations: over w, l of weights[w, l] * z[l, j]."""
    vectors = plan.vectors.astype(np.int64)
    totals = np.zeros((weights.shape[2], dimension + 1), dtype=np.int64)  # the last column takes the padding
    for w, window in enumerate(plan.windows):
        products = weights[w].T.astype(np.int64) @ vectors
        for limb in range(len(products)):
            np.add.at(totals[limb], window, products[limb])
    return sum_limbs(totals[:, :dimension])


def _encrypt_shards(
    encrypt_rows: Callable[[NDArray[np.uint16], Bytes], tuple[Bytes, Bytes]],
    values: NDArray[np.uint16],
    random_bytes: RandomBytes,
    *,
    threads: int,
) -> Ciphertexts:
    n, dimension = values.shape
    randomness = _random_scalars(n, random_bytes)
    ct0, ct = np.empty((n, 32), dtype=np.uint8), np.empty((n, dimension, 32), dtype=np.uint8)

    def work(first: int) -> None:
        rows = slice(first, first + ENCRYPTION_SHARD)
        ct0[rows], ct[rows] = encrypt_rows(values[rows], randomness[rows])

    for _ in _in_order(work, range(0, n, ENCRYPTION_SHARD), threads):
        pass
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


def _as_input(x: NDArray[np.unsignedinteger], dimension: int) -> NDArray[np.uint16]:
    if x.ndim != 2 or x.shape[1] != dimension:
        raise InputError(f"The data must have shape (samples, {dimension}) for this key, not {x.shape}.")
    if x.dtype.kind != "u":
        raise InputError(f"The data must be unsigned integers, not {x.dtype}; quantise it first.")
    if x.size and int(x.max()) > MAX_INPUT:
        raise InputError(f"The data must not exceed {MAX_INPUT}; quantise it to at most 16 bits.")
    return np.ascontiguousarray(x, dtype=np.uint16)
