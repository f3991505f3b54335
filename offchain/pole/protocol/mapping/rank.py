"""How much of a sample a set of query plans gives away: the exact rank of all their query vectors.

Columns that share no window are independent of each other, so every connected part of the columns is
eliminated on its own, and equal parts (tiles, channels) only once. FLINT eliminates modulo the prime itself:
a rank over the rationals, or modulo a prime that fits a word, is found sooner, but may differ from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.mapping.plan import PADDING, QueryPlan
from pole.protocol.mapping.vectors import Weights

MAX_SIDE: Final = 4096
SPARE_ROWS: Final = 32
"""Rows that are tried beyond as many as full rank takes."""


class RankTooLargeError(InputError):
    """More query vectors over more connected values than elimination is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The plans over one connected part of the columns: windows in columns of its own, and their vectors."""

    columns: int
    plans: tuple[tuple[NDArray[np.int32], Weights], ...]

    @property
    def rows(self) -> int:
        return sum(len(windows) * len(vectors) for windows, vectors in self.plans)

    @property
    def key(self) -> tuple[object, ...]:
        contents = ((w.shape, w.tobytes(), v.shape, v.tobytes()) for w, v in self.plans)
        return (self.columns, *contents)

    def matrix(self) -> NDArray[np.uint16]:
        """Return the query vectors as rows, or as columns where they are fewer than the values."""
        matrix = np.zeros((self.rows, self.columns), dtype=np.uint16)
        start = 0
        for windows, vectors in self.plans:
            for window in windows:
                inside = window != PADDING
                matrix[start : start + len(vectors), window[inside]] = vectors[:, inside]
                start += len(vectors)
        return matrix if self.rows >= self.columns else matrix.T


def query_rank(plans: Sequence[QueryPlan], dimension: int, modulus: int) -> int:
    """Return the rank, modulo a prime, of all query vectors of `plans` over samples of `dimension` values.

    It is exact, and modulo the group order it is the number of independent functions of a sample that the
    plans' functional keys open. A part of c columns with m query vectors costs O(min(c, m)^2 * max(c, m))
    multiplications, during which no other thread of the process runs: a quarter of a second for MNIST's
    blocks, two minutes and 1.7 GiB for 2,944 dense ones of CIFAR-10. Raises InputError for a plan that reads
    other columns, RankTooLargeError where min(c, m) is above 4,096.
    """
    for plan in plans:
        plan.check_dimension(dimension)
    ranks: dict[tuple[object, ...], int] = {}
    total = 0
    for part in _parts(plans, dimension):
        if part.key not in ranks:
            ranks[part.key] = _rank_of(part, modulus)
        total += ranks[part.key]
    return total


def _parts(plans: Sequence[QueryPlan], dimension: int) -> Iterator[_Part]:
    labels = _connected(plans, dimension)
    for label in np.flatnonzero(labels == np.arange(dimension)):
        columns = np.flatnonzero(labels == label)
        place = np.full(dimension + 1, PADDING, dtype=np.int32)
        place[columns] = np.arange(len(columns))
        inside = []
        for plan in plans:
            windows = plan.windows[labels[plan.windows.max(axis=1)] == label]
            if len(windows):
                # PADDING is -1 and so reads the last entry of `place`, which is PADDING.
                inside.append((place[windows], plan.vectors))
        if inside:
            yield _Part(len(columns), tuple(inside))


def _connected(plans: Sequence[QueryPlan], dimension: int) -> NDArray[np.int64]:
    """Return for each column the least column that windows connect it with."""
    labels = np.arange(dimension + 1, dtype=np.int64)
    while True:
        before = labels.copy()
        for plan in plans:
            windows = np.where(plan.windows == PADDING, plan.windows.max(axis=1, keepdims=True), plan.windows)
            minimum = np.repeat(labels[windows].min(axis=1), windows.shape[1])
            np.minimum.at(labels, windows.ravel(), minimum)
        labels = labels[labels]
        if np.array_equal(labels, before):
            return labels[:-1]


def _rank_of(part: _Part, modulus: int) -> int:
    short = min(part.columns, part.rows)
    if short > MAX_SIDE:
        raise RankTooLargeError(
            f"The rank of {part.rows} query vectors over {part.columns} connected values is not computed: "
            f"at most {MAX_SIDE} of either can be; use smaller samples or fewer queries."
        )
    from flint import fmpz_mod_ctx, fmpz_mod_mat  # ten megabytes, and needed where keys are counted alone

    matrix, field = part.matrix(), fmpz_mod_ctx(modulus)
    # Full rank is mostly found in few of the rows, evenly spread; where it is not, in twice as many.
    step = max(1, len(matrix) // (short + SPARE_ROWS))
    while True:
        rows = matrix[::step]
        rank = fmpz_mod_mat(rows.tolist(), field).rank()
        if rank == short or step == 1:
            return rank
        step //= 2
