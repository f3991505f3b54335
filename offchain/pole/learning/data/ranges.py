"""Ranges of values that a few outliers do not stretch."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.quantisation import Bounds, is_exact, rounded_outwards

TAIL: Final = 0.05
"""Share of the values, at either end, that may lie anywhere; the highest and the lowest value always."""
FLATTENED: Final = 16.0
"""How much an outlier may stretch a range before it costs more than four of the bits that the others have."""
BITS: Final = 8

Floats = NDArray[np.float64]


def robust_range(values: Floats) -> tuple[float, float]:
    """Return the range of finite values (n,) but for outliers; low and high are the same where all are equal.

    It is that of the middle nine tenths, once more its width to either side, but no wider than all values
    are. Where those are all the same, they count once beside the others.
    """
    lowest, highest = float(values.min()), float(values.max())
    low, high = _middle(values)
    if low == high:
        others = values[values != low]
        if not len(others):
            return lowest, highest
        first, last = _middle(others)
        low, high = min(low, first), max(high, last)
    width = high - low
    return max(lowest, low - width), min(highest, high + width)


def bounds_without_outliers(x: NDArray[Any]) -> tuple[Bounds, NDArray[np.bool_]] | None:
    """Return bounds for samples (n, ...) of which outliers would flatten a column, and the rows of those.

    Tables (n, D) have bounds for each column, images one pair. None where nothing is flattened, or where the
    values are quantised exactly anyway.
    """
    if is_exact(x, BITS):
        return None
    columns = x.reshape(len(x), -1).astype(np.float64)
    if x.ndim > 2:
        low, high = (np.array([end]) for end in robust_range(columns.ravel()))
        lowest, highest = (np.array([end]) for end in (columns.min(), columns.max()))
    else:
        low, high = (np.array(ends) for ends in zip(*map(robust_range, columns.T), strict=True))
        lowest, highest = columns.min(axis=0), columns.max(axis=0)
    with np.errstate(over="ignore"):
        flattened = highest - lowest > FLATTENED * (high - low)
        if not flattened.any():
            return None
        low, high = rounded_outwards(np.where(flattened, low, lowest), np.where(flattened, high, highest))
        if not np.all(np.isfinite(high - low)):
            return None
    outside = np.any((columns < low) | (columns > high), axis=1)
    return Bounds(tuple(low.tolist()), tuple(high.tolist())), outside


def _middle(values: Floats) -> tuple[float, float]:
    """Return the ends of the middle of the values; of two or more, the largest and the smallest are out."""
    low = np.quantile(values, TAIL, method="higher")
    high = np.quantile(values, 1 - TAIL, method="lower")
    return (float(low), float(high)) if low <= high else (float(values.min()), float(values.max()))
