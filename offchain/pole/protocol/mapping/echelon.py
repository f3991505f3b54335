"""Gauss-Jordan elimination modulo a large prime, by halves, so that nearly all of it is matrix products."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.mapping.residues import Limbs, PrimeField

LEAF_ROWS: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Echelon:
    """A basis of a row space: row i is 1 at column pivots[i], `body[:, i]` at the columns `free`, 0 else.

    `body` is (limbs, rank, len(free)); pivots and free columns together are all columns. Its memory is at
    most 13 * columns^2 bytes for a 253-bit prime.
    """

    field: PrimeField
    pivots: NDArray[np.int64]
    free: NDArray[np.int64]
    body: Limbs

    @property
    def rank(self) -> int:
        """Return the dimension of the row space."""
        return len(self.pivots)

    def with_rows(self, rows: Limbs) -> "Echelon":
        """Return the echelon form of this row space and more rows (limbs, m, columns).

        Costs O(m * rank * columns) multiplications modulo the prime.
        """
        used = np.flatnonzero(rows[:, :, self.pivots].any(axis=(0, 1)))
        # Windows touch few columns: those where all is zero stay so, and cost nothing.
        live = np.flatnonzero(self.body.any(axis=(0, 1)) | rows[:, :, self.free].any(axis=(0, 1)))
        rest = self.field.subtract_product(
            rows[:, :, self.free[live]], rows[:, :, self.pivots[used]], self.body[:, used][:, :, live]
        )
        added = _echelon_of(self.field, rest)
        if not added.rank:
            return self
        upper = self.body[:, :, live]
        upper = self.field.subtract_product(upper[:, :, added.free], upper[:, :, added.pivots], added.body)
        free = np.delete(np.arange(len(self.free)), live[added.pivots])
        body = np.zeros((len(self.body), self.rank + added.rank, len(free)), dtype=np.int32)
        body[:, :, np.isin(free, live)] = np.concatenate([upper, added.body], axis=1)
        return Echelon(
            field=self.field,
            pivots=np.concatenate([self.pivots, self.free[live[added.pivots]]]),
            free=self.free[free],
            body=body,
        )


def empty_echelon(field: PrimeField, columns: int) -> Echelon:
    """Return the echelon form of no rows."""
    return Echelon(
        field,
        np.empty(0, dtype=np.int64),
        np.arange(columns, dtype=np.int64),
        np.empty((field.limbs, 0, columns), dtype=np.int32),
    )


def _echelon_of(field: PrimeField, rows: Limbs) -> Echelon:
    count = rows.shape[1]
    if count > LEAF_ROWS:
        return _echelon_of(field, rows[:, : count // 2]).with_rows(rows[:, count // 2 :])
    matrix = field.to_objects(rows)
    pivots: list[int] = []
    while len(pivots) < len(matrix):
        here = len(pivots)
        occupied = np.flatnonzero(matrix[here])
        if not len(occupied):
            matrix = np.delete(matrix, here, axis=0)
            continue
        pivot = int(occupied[0])
        matrix[here] = matrix[here] * pow(int(matrix[here, pivot]), -1, field.modulus) % field.modulus
        others = np.flatnonzero(matrix[:, pivot])
        others = others[others != here]
        matrix[others] = (matrix[others] - np.outer(matrix[others, pivot], matrix[here])) % field.modulus
        pivots.append(pivot)
    free = np.delete(np.arange(rows.shape[2], dtype=np.int64), pivots)
    return Echelon(field, np.array(pivots, dtype=np.int64), free, field.from_objects(matrix[:, free]))
