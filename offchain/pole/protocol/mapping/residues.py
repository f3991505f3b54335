"""Exact products of matrices modulo one large prime, by floating-point products modulo many small ones.

A number below the modulus is held as limbs of 20 bits. A product is taken modulo 22-bit primes, where sums
stay below 2^53 and so are exact in float64, and put together again by the Chinese remainder theorem.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMB_BITS: Final = 20
PRIME_BITS: Final = 22
TILE: Final = 256
MAX_TERMS: Final = 2**16
SLACK_BITS: Final = 24

Limbs = NDArray[np.int32]
Floats = NDArray[np.float64]
Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class PrimeField:
    """Matrices of integers modulo a prime: arrays of limbs (limbs, rows, columns), least first, reduced.

    `primes` (P, 1, 1) are the small moduli, `powers` (P, limbs) the limbs' place values modulo them,
    `inverses` (P, 1, 1) the factors of the Chinese remainder theorem, `lifts` (limbs, P + 1) what each
    residue, and their overflow, is worth modulo the prime. Made by `prime_field`.
    """

    modulus: int
    limbs: int
    primes: Floats
    powers: Floats
    inverses: Floats
    lifts: Floats

    def from_integers(self, matrix: NDArray[np.unsignedinteger]) -> Limbs:
        """Return a matrix of integers below 2^20 in limbs."""
        limbs = np.zeros((self.limbs, *matrix.shape), dtype=np.int32)
        limbs[0] = matrix if self.modulus >= 1 << LIMB_BITS else matrix % self.modulus
        return limbs

    def to_objects(self, matrix: Limbs) -> Objects:
        """Return a matrix as an object array of Python integers."""
        total = matrix[-1].astype(object)
        for limb in matrix[-2::-1]:
            total = (total << LIMB_BITS) + limb
        return np.asarray(total, dtype=object)

    def from_objects(self, matrix: Objects) -> Limbs:
        """Return a matrix of reduced Python integers in limbs."""
        mask = (1 << LIMB_BITS) - 1
        return np.array([(matrix >> (LIMB_BITS * k) & mask).astype(np.int32) for k in range(self.limbs)])

    def subtract_product(self, matrix: Limbs, left: Limbs, right: Limbs) -> Limbs:
        """Return matrix - left @ right; works through tiles of 256 rows and columns."""
        if 0 in left.shape or 0 in right.shape:
            return matrix
        result = np.empty_like(matrix)
        for columns in _tiles(matrix.shape[2]):
            right_residues = self._residues(right[:, :, columns])
            for rows in _tiles(matrix.shape[1]):
                total = self._residues(matrix[:, rows, columns])
                negated = self._residues(self._negated(left[:, rows]))
                for terms in _tiles(left.shape[2]):
                    total += negated[:, :, terms] @ right_residues[:, terms]
                    self._take_remainders(total)
                result[:, rows, columns] = self._lifted(total)
        return result

    def _negated(self, matrix: Limbs) -> Limbs:
        return self._limbs_of(self.modulus).reshape(-1, 1, 1) - matrix

    def _residues(self, limbs: Limbs) -> Floats:
        flat = self.powers @ limbs.reshape(self.limbs, -1).astype(np.float64)
        residues = flat.reshape(-1, *limbs.shape[1:])
        self._take_remainders(residues)
        return residues

    def _take_remainders(self, values: Floats) -> None:
        """Reduce whole numbers below 2^53 modulo the small primes, but for one prime more or less.

        The quotient may be off by one, which changes no residue class and no bound that matters.
        """
        for value, prime in zip(values, self.primes.flat, strict=True):
            value -= np.floor(value * (1.0 / prime)) * prime

    def _lifted(self, residues: Floats) -> Limbs:
        shares = residues * self.inverses
        self._take_remainders(shares)
        overflow = np.rint(shares.reshape(len(shares), -1).T @ (1.0 / self.primes.ravel()))
        flat = np.concatenate([shares.reshape(len(shares), -1), overflow[None]])
        return self._reduced((self.lifts @ flat).astype(np.int64)).reshape(self.limbs, *residues.shape[1:])

    def _reduced(self, limbs: NDArray[np.int64]) -> Limbs:
        modulus = self._limbs_of(self.modulus).astype(np.int64)[:, None]
        places = np.array([2.0 ** (LIMB_BITS * place) / self.modulus for place in range(self.limbs)])
        _carry(limbs)
        # The estimate is off by far less than a half, so half the modulus bounds what is left on either side.
        limbs -= np.rint(places @ limbs).astype(np.int64) * modulus
        _carry(limbs)
        limbs += modulus * (limbs[-1] < 0)
        _carry(limbs)
        return limbs.astype(np.int32)

    def _limbs_of(self, number: int) -> Limbs:
        mask = (1 << LIMB_BITS) - 1
        return np.array([number >> (LIMB_BITS * place) & mask for place in range(self.limbs)], dtype=np.int32)


@lru_cache(maxsize=8)
def prime_field(modulus: int) -> PrimeField:
    """Return the field of the integers modulo a prime (not checked to be one)."""
    limbs = -(-(modulus.bit_length() + 1) // LIMB_BITS)
    primes = _primes_above(MAX_TERMS * modulus**2 << SLACK_BITS)
    whole = prod(primes)
    inverses = [pow(whole // prime, -1, prime) for prime in primes]
    values = [whole // prime % modulus for prime in primes] + [-whole % modulus]
    return PrimeField(
        modulus=modulus,
        limbs=limbs,
        primes=np.array(primes, dtype=np.float64)[:, None, None],
        powers=np.array([[pow(2, LIMB_BITS * k, p) for k in range(limbs)] for p in primes], dtype=np.float64),
        inverses=np.array(inverses, dtype=np.float64)[:, None, None],
        lifts=np.array(
            [[value >> (LIMB_BITS * k) & ((1 << LIMB_BITS) - 1) for value in values] for k in range(limbs)],
            dtype=np.float64,
        ),
    )


def _primes_above(bound: int) -> list[int]:
    """Return the largest primes below 2^22, as many as their product needs to pass `bound`."""
    primes: list[int] = []
    candidate = 2**PRIME_BITS - 1
    while prod(primes) <= bound:
        if all(candidate % divisor for divisor in range(3, 2 ** (PRIME_BITS // 2), 2)):
            primes.append(candidate)
        candidate -= 2
    return primes


def _carry(limbs: NDArray[np.int64]) -> None:
    """Bring every limb but the last into 0 .. 2^20 - 1; the last one takes the sign."""
    for place in range(len(limbs) - 1):
        limbs[place + 1] += limbs[place] >> LIMB_BITS
        limbs[place] &= (1 << LIMB_BITS) - 1


def _tiles(count: int) -> Iterator[slice]:
    for start in range(0, count, TILE):
        yield slice(start, start + TILE)
