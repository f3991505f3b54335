"""Which inputs meet which query vectors: all that the encryption layer knows of a mapping layer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError

PADDING = -1


@dataclass(frozen=True, slots=True, eq=False)
class QueryPlan:
    """The inner products of one secure mapping layer: every query vector over every window of the input.

    `windows` is int32 of shape (W, d): the d input columns of each window, `PADDING` where the input is zero
    by definition. `vectors` is uint8 or uint16 of shape (L, d): the query vectors, shared by all windows. A
    linear layer has one window, `blocks` one per tile, `conv` one per channel and position. Results are (n,
    W, L). Raises InputError when a shape, a dtype or a column index makes no sense.
    """

    windows: NDArray[np.int32]
    vectors: NDArray[np.uint8] | NDArray[np.uint16]

    def __post_init__(self) -> None:
        if self.windows.dtype != np.int32 or self.windows.ndim != 2:
            raise InputError("Query plan windows must be an int32 array of shape (windows, length).")
        if self.vectors.dtype not in (np.uint8, np.uint16) or self.vectors.ndim != 2:
            raise InputError("Query vectors must be a uint8 or uint16 array of shape (queries, length).")
        if 0 in self.windows.shape or 0 in self.vectors.shape:
            raise InputError(
                "A query plan needs at least one window and one query vector of at least one weight."
            )
        if self.windows.shape[1] != self.vectors.shape[1]:
            raise InputError(
                f"Windows have {self.windows.shape[1]} columns, but query vectors have "
                f"{self.vectors.shape[1]} weights; both must be equal."
            )
        if int(self.windows.min()) < PADDING:
            raise InputError(f"Column indices must be at least 0, or {PADDING} for padding.")

    def check_dimension(self, dimension: int) -> None:
        """Raise InputError unless every window lies inside an input of `dimension` columns."""
        highest = int(self.windows.max())
        if highest >= dimension:
            raise InputError(
                f"The query plan reads column {highest}, but the data has {dimension} columns only."
            )
