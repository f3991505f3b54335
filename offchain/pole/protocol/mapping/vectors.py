"""Query vectors of the secure mapping layer: Algorithm 3 of the PoLe paper (docs/protocol.md section 5).

With b the 256 bits of the seed, most significant first, `primary(i) = b XOR (b << i)` with the shift
unbounded (256 + i bits); `master(i)` is primary(i) repeated; weight j of vector i is bits (j-1)k .. jk of
master(i), read as an unsigned integer.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError

SEED_BYTES: Final = 32
SEED_BITS: Final = 8 * SEED_BYTES
MAX_BITS: Final = 16
RANK_MODULUS: Final = 2**31 - 1

Weights = NDArray[np.uint8] | NDArray[np.uint16]


class DeficientSeedError(InputError):
    """A seed whose query vectors are linearly dependent, so that the layer would lose data."""


def query_vectors(seed: bytes, *, length: int, count: int, bits: int) -> Weights:
    """Return the query vectors of `seed` as a (count, length) array.

    Weights are uint8 for up to 8 bits a weight and uint16 above. `length` is D of the paper, `count` is L,
    `bits` is k (1 to 16). Costs O(count * length * bits). Raises InputError for an unusable argument and
    DeficientSeedError when the vectors' rank is below min(count, length).
    """
    vectors = _query_vectors_of_any_rank(seed, length=length, count=count, bits=bits)
    rank, full = rank_of(vectors), min(count, length)
    if rank < full:
        raise DeficientSeedError(
            f"The seed {seed.hex()} gives {count} query vectors of length {length} with rank {rank} "
            f"instead of {full}; "
            "take another seed (the mapping layer of a round moves on to the seed's hash)."
        )
    return vectors


def _query_vectors_of_any_rank(seed: bytes, *, length: int, count: int, bits: int) -> Weights:
    if len(seed) != SEED_BYTES:
        raise InputError(
            f"A seed has {SEED_BYTES} bytes, not {len(seed)}; pass the round's seed as the chain gives it."
        )
    if not 1 <= bits <= MAX_BITS:
        raise InputError(f"Query vectors have 1 to {MAX_BITS} bits a weight, not {bits}; change bits.")
    if length < 1 or count < 1:
        raise InputError(
            f"{count} query vectors of length {length} are none; both numbers must be 1 or more."
        )
    base = np.unpackbits(np.frombuffer(seed, dtype=np.uint8))
    place_values = np.left_shift(1, np.arange(bits - 1, -1, -1, dtype=np.uint16), dtype=np.uint16)
    vectors = np.empty((count, length), dtype=np.uint8 if bits <= 8 else np.uint16)
    for shift in range(1, count + 1):
        primary = np.concatenate((np.zeros(shift, dtype=np.uint8), base))
        primary[:SEED_BITS] ^= base
        master = np.resize(primary, length * bits)
        vectors[shift - 1] = master.reshape(length, bits) @ place_values
    return vectors


def rank_of(vectors: Weights) -> int:
    """Return the rank of a small non-negative integer matrix over the rationals, as computed modulo 2^31 - 1.

    The Gram matrix has the same rank and is exact in float64 (entries below 2^53). Its rank modulo a prime
    never exceeds the true rank, so "full" is certain; a true full rank is missed once in about 2^31
    matrices, and by every node alike.
    """
    wide = vectors.astype(np.float64)
    gram = wide @ wide.T if wide.shape[0] <= wide.shape[1] else wide.T @ wide
    return _rank_modulo_prime(gram.astype(np.int64) % RANK_MODULUS)


def _rank_modulo_prime(matrix: NDArray[np.int64]) -> int:
    rank = 0
    for column in range(matrix.shape[1]):
        candidates = np.flatnonzero(matrix[rank:, column])
        if candidates.size == 0:
            continue
        pivot = rank + int(candidates[0])
        matrix[[rank, pivot]] = matrix[[pivot, rank]]
        inverse = pow(int(matrix[rank, column]), -1, RANK_MODULUS)
        matrix[rank, column:] = matrix[rank, column:] * inverse % RANK_MODULUS
        below = matrix[rank + 1 :, column:]
        below -= matrix[rank + 1 :, column, None] * matrix[rank, column:] % RANK_MODULUS
        below %= RANK_MODULUS
        rank += 1
        if rank == matrix.shape[0]:
            break
    return rank
