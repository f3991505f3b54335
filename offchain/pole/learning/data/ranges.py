"""Ranges of values that a few outliers do not stretch."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.quantisation import Bounds, is_exact, rounded_outwards
from pole.learning.evaluation.features import batches

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


def scaling_range(values: Floats) -> tuple[float, float]:
    """Return the robust range of values (n,), of which one alone gets a width, so that it is scaled to 0.

    What has no width in float64 (`high - low` is infinite) cannot be scaled.
    """
    low, high = robust_range(values)
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))


def bounds_without_outliers(x: NDArray[Any]) -> tuple[Bounds, NDArray[np.bool_]] | None:
    """Return bounds for samples (n, ...) of which outliers would flatten a column, and the rows of those.

    Tables (n, D) have bounds for each column, images one pair. None where nothing is flattened, or where the
    values are quantised exactly anyway.
    """
    if is_exact(x, BITS):
        return None
    # A table's columns one after the other: all of them in float64 may be more than memory holds.
    columns = [x] if x.ndim > 2 else list(x.T)
    ends = [robust_range(column.astype(np.float64).ravel()) for column in columns]
    low, high = (np.array(each) for each in zip(*ends, strict=True))
    lowest, highest = (
        np.array([end(column) for column in columns], dtype=np.float64) for end in (np.min, np.max)
    )
    with np.errstate(over="ignore"):
        flattened = highest - lowest > FLATTENED * (high - low)
        if not flattened.any():
            return None
        low, high = rounded_outwards(np.where(flattened, low, lowest), np.where(flattened, high, highest))
        if not np.all(np.isfinite(high - low)):
            return None
    outside = np.concatenate(
        [_outside(x[rows].reshape(len(x[rows]), -1), low, high) for rows in batches(len(x), x[0].size)]
    )
    return Bounds(tuple(low.tolist()), tuple(high.tolist())), outside


def _outside(rows: NDArray[Any], low: Floats, high: Floats) -> NDArray[np.bool_]:
    values = rows.astype(np.float64)
    return np.asarray(np.any((values < low) | (values > high), axis=1))


def _middle(values: Floats) -> tuple[float, float]:
    """Return the ends of the middle of the values; of two or more, the largest and the smallest are out."""
    low = np.quantile(values, TAIL, method="higher")
    high = np.quantile(values, 1 - TAIL, method="lower")
    return (float(low), float(high)) if low <= high else (float(values.min()), float(values.max()))
