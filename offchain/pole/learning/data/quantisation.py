"""From real features to the unsigned integers that are encrypted, by scales and offsets fitted once.

Everybody can read them in a data set's manifest. So the range of a column is its owner's choice, or that of
its training values rounded outwards: it is not to name the lowest and the highest of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.evaluation.features import batches
from pole.quoting import quoted

Ends = NDArray[np.float64]

DECIMAL: float = 10.0
STEP_EXPONENT: int = 4
"""Ranges are rounded to multiples of a power of two, 2^3 to 2^4 of which are a range."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The values that quantise to 0 and to the largest number: one pair for all features, or one for each.

    Raises InputError where they are no ranges.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.low or len(self.low) != len(self.high):
            raise InputError(
                f"There are {len(self.low)} lower and {len(self.high)} upper bounds; give as many of both."
            )
        for column, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not -np.inf < low < high < np.inf:
                raise InputError(
                    f"The bounds of column {column} are {low} and {high}; the lower must be less than the "
                    "upper, and both finite."
                )


@dataclass(frozen=True, slots=True)
class Quantisation:
    """q = round((x - offset) * scale), limited to 0 .. 2^bits - 1 (bits 1 to 8).

    `scale` and `offset` have one entry for all features, or one for each.
    """

    bits: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8 or len(self.scale) != len(self.offset) or not self.scale:
            raise InputError("A quantisation needs 1 to 8 bits and as many scales as offsets; fit it again.")
        if not all(0 < step < np.inf for step in self.scale) or not np.all(np.isfinite(self.offset)):
            raise InputError(
                "The scales of a quantisation must be positive and its offsets finite; remove samples that "
                "are out of range."
            )

    def document(self) -> dict[str, Any]:
        """Return the quantisation as JSON values, for a data set's manifest."""
        return {"bits": self.bits, "scale": list(self.scale), "offset": list(self.offset)}


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """Quantised samples (n, D), and how many of their values were clipped to the fitted range."""

    values: NDArray[np.uint8]
    clipped: int


def quantisation_from(document: dict[str, Any]) -> Quantisation:
    """Return the quantisation that a manifest holds; raises InputError where it is not one."""
    try:
        bits, scale, offset = document["bits"], document["scale"], document["offset"]
        return Quantisation(int(bits), tuple(map(float, scale)), tuple(map(float, offset)))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The quantisation in the manifest is unusable ({quoted(error)}); publish the data set again."
        ) from error


def fit(x: NDArray[Any], bits: int, bounds: Bounds | None = None) -> Quantisation:
    """Return the quantisation for training samples (n, ...), which tells no more of them than their bounds.

    Bounds that are given are spread over the whole range of `bits`. Without them integers that fit into
    `bits` stay as they are; numbers with one decimal that fit times ten are multiplied by ten (both exact).
    Otherwise tables (n, D) are spread feature by feature and images with one common scale, between the lowest
    and the highest value, both rounded outwards to a power of two of a sixteenth to an eighth of their
    distance (where all values are equal, of their size).
    """
    if not 1 <= bits <= 8:
        raise InputError(
            f"Samples are quantised to 1 to 8 bits, not {bits}; change the input bits of the specification."
        )
    _require_finite(x)
    if bounds is not None:
        return _spread(bounds, bits)
    factor = _exact_factor(x, bits)
    if factor is not None:
        return Quantisation(bits, (factor,), (0.0,))
    axis = 0 if x.ndim == 2 else None
    low, high = (np.atleast_1d(end).astype(np.float64) for end in (x.min(axis=axis), x.max(axis=axis)))
    with np.errstate(all="ignore"):
        low, high = rounded_outwards(low, high)
    if not np.all(np.isfinite(high - low)):
        raise InputError(
            "The values of a column are too far apart, or too close, to be quantised; remove samples that "
            "are out of range."
        )
    return _spread(Bounds(tuple(low.tolist()), tuple(high.tolist())), bits)


def is_exact(x: NDArray[Any], bits: int) -> bool:
    """Return whether `fit` would keep samples (n, ...) exactly as they are."""
    return _exact_factor(x, bits) is not None


def rounded_outwards(low: Ends, high: Ends) -> tuple[Ends, Ends]:
    """Return ranges that hold the given ones, and are the same for all whose ends lie in the same steps."""
    size = np.where(high > low, high - low, np.maximum(np.abs(low), 1.0))
    step = np.ldexp(1.0, np.frexp(size)[1] - STEP_EXPONENT)
    first, last = np.floor(low / step), np.ceil(high / step)
    # Adding zero makes 0.0 of -0.0, which a manifest would write otherwise.
    return first * step + 0.0, np.maximum(last, first + 1) * step + 0.0


def apply(quantisation: Quantisation, x: NDArray[Any]) -> Quantised:
    """Return samples (n, ...) quantised and laid out as (n, D).

    Raises InputError where a value is not finite or the number of features is another than the
    quantisation's.
    """
    _require_finite(x)
    width = x[0].size
    if len(quantisation.scale) not in (1, width):
        raise InputError(
            f"Samples of {width} features do not fit a quantisation of {len(quantisation.scale)}; "
            "use the one fitted on their own training set."
        )
    values, clipped = np.empty((len(x), width), dtype=np.uint8), 0
    for rows in batches(len(x), width):
        given = x[rows].reshape(-1, width).astype(np.float64)
        steps = np.rint((given - np.array(quantisation.offset)) * np.array(quantisation.scale))
        limited = np.clip(steps, 0, 2**quantisation.bits - 1)
        values[rows] = limited
        clipped += int(np.count_nonzero(limited != steps))
    return Quantised(values, clipped)


def _spread(bounds: Bounds, bits: int) -> Quantisation:
    ranges = zip(bounds.low, bounds.high, strict=True)
    return Quantisation(bits, tuple((2**bits - 1) / (high - low) for low, high in ranges), bounds.low)


def _exact_factor(x: NDArray[Any], bits: int) -> float | None:
    """Return what samples are multiplied by to be whole numbers that fit into `bits`, None for nothing."""
    largest = 2**bits - 1
    for factor in (1.0, DECIMAL):
        if all(_exact(x[rows], factor, largest) for rows in batches(len(x), x[0].size)):
            return factor
    return None


def _exact(x: NDArray[Any], factor: float, largest: int) -> bool:
    """Return whether samples times `factor` are whole numbers from 0 to `largest`, but for rounding."""
    if x.min() < 0 or x.max() > (largest + 0.5) / factor:
        return False
    if x.dtype.kind in "ui":
        return True
    steps = x.astype(np.float64) * factor
    return np.allclose(steps, np.rint(steps), rtol=0, atol=1e-6)


def _require_finite(x: NDArray[Any]) -> None:
    samples = x.ndim >= 2 and x.size > 0
    if not samples or not all(np.all(np.isfinite(x[rows])) for rows in batches(len(x), x[0].size)):
        raise InputError(
            f"Samples of shape {np.shape(x)} cannot be quantised: they must be (n, ...), not empty, and "
            "free of NaN and infinity."
        )
