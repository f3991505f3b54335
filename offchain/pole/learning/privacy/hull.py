"""The affine hull of samples: the fewest dimensions that hold them all, exactly.

Columns that never vary, one-hot groups and sums that always come out alike make it smaller than the number of
columns. Whoever knows the hull needs only as many functions of a sample as it has dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation.features import batches
from pole.protocol.mapping.layer import inner_products_in_clear
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.mapping.rank import query_rank

if TYPE_CHECKING:
    from flint import nmod_mat

PRIME: Final = 2**31 - 1
SPARE_ROWS: Final = 32
CHECKS: Final = 2
"""Random equations of the hull that every sample is held against; each errs once in 2^31."""

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AffineHull:
    """The affine hull of samples of `dimension` values; `rank` is the dimension of the hull.

    `pivots` are as many columns as the rank: all others are affine functions of them. The first sample of
    `spanning`, uint8 (m, D), and its differences from the others span the hull. Ranks are modulo the prime
    2^31 - 1: never above those over the rationals, and below them only where it divides all largest minors.
    """

    dimension: int
    rank: int
    pivots: tuple[int, ...]
    spanning: NDArray[np.uint8]

    def functions_of(self, plans: Sequence[QueryPlan], modulus: int) -> int:
        """Return how many independent functions of a sample in the hull the plans' query vectors are.

        Where the hull is everything it is the rank of the vectors modulo the prime `modulus`. Raises what
        `query_rank` raises.
        """
        if not plans:
            return 0
        if self.rank == self.dimension:
            return query_rank(plans, self.dimension, modulus)
        answers = np.concatenate(
            [inner_products_in_clear(plan, self.spanning).reshape(len(self.spanning), -1) for plan in plans],
            axis=1,
        )
        return int(_matrix(answers[1:] - answers[0]).rank())


def affine_hull(samples: NDArray[np.uint8], random: np.random.Generator) -> AffineHull:
    """Return the affine hull of samples (n, D).

    `random` chooses which samples are eliminated first, and the equations that the others are held against: a
    sample outside of what is returned passes with a chance of 2^-62. Costs eliminations of 2 D rows or fewer,
    and n D multiplications for each: seconds for MNIST and CIFAR-10.
    """
    dimension = samples.shape[1]
    spanning = samples[random.permutation(len(samples))[: dimension + SPARE_ROWS + 1]]
    while True:
        differences = spanning[1:].astype(np.int64) - spanning[0]
        matrix = _matrix(differences)
        rank = int(matrix.rank()) if len(differences) else 0
        if rank == dimension:
            return AffineHull(dimension, rank, tuple(range(dimension)), spanning)
        reduced, pivots = _echelon(matrix, rank, dimension)
        outside = _outside(samples, spanning[0], reduced, pivots, random)
        if not len(outside):
            return AffineHull(dimension, rank, pivots, spanning)
        more = random.permutation(outside)[: dimension - rank + SPARE_ROWS]
        spanning = np.concatenate([spanning, samples[more]])


def _matrix(values: Whole) -> "nmod_mat":
    from flint import nmod_mat  # ten megabytes, and needed where disclosure is drawn alone

    rows, columns = values.shape
    return nmod_mat(rows, columns, (values % PRIME).ravel().tolist(), PRIME)


def _echelon(matrix: "nmod_mat", rank: int, dimension: int) -> tuple[Whole, tuple[int, ...]]:
    """Return the reduced row echelon form (rank, D), and the column of each row's leading one."""
    if rank == 0:
        return np.zeros((0, dimension), dtype=np.int64), ()
    rows = matrix.rref()[0].tolist()[:rank]
    reduced = np.array([[int(value) for value in row] for row in rows], dtype=np.int64)
    return reduced, tuple(int(column) for column in (reduced != 0).argmax(axis=1))


def _outside(
    samples: NDArray[np.uint8],
    origin: NDArray[np.uint8],
    reduced: Whole,
    pivots: tuple[int, ...],
    random: np.random.Generator,
) -> NDArray[np.intp]:
    """Return which samples (n, D) break a random combination of the hull's equations."""
    dimension = samples.shape[1]
    free = np.setdiff1d(np.arange(dimension), pivots)
    broken = np.zeros(len(samples), dtype=bool)
    for _ in range(CHECKS):
        equation = np.zeros(dimension, dtype=np.int64)
        equation[free] = random.integers(1, PRIME, len(free))
        products = reduced[:, free] * equation[free] % PRIME
        equation[list(pivots)] = -products.sum(axis=1) % PRIME
        # Values below 2^8, weights below 2^31 and at most 2^16 columns: sums stay below 2^63.
        shift = origin @ equation
        for rows in batches(*samples.shape):
            broken[rows] |= (samples[rows] @ equation - shift) % PRIME != 0
    return np.flatnonzero(broken)
