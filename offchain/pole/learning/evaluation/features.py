"""Features as a network sees them: normalised by an exact affine map, and whitened for training."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.evaluation.arrays import PROCESSOR, Array, Place
from pole.learning.evaluation.fixed_point import ACTIVATION_ONE, CLAMP, Floats, MalformedModelError, clamp
from pole.learning.machine.disk_arrays import Allocate, in_memory
from pole.protocol.models.specification import MAX_INNER_PRODUCT

SMALLEST_SCALE: Final = 2.0**-60
LARGEST_SCALE: Final = 2.0**20
VALUES_AT_ONCE: Final = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """The affine map u = (x - offset) * scale of each feature in (F,) features, or channel in (C, H, W).

    `offset` is int64, `scale` float32 (0 for a feature that never varies). The difference is exact, the
    product with scale * 2^10 is one float64 multiplication, rounded to the nearest integer (half to even) and
    clamped: IEEE 754 fixes every bit of it. Raises MalformedModelError for values that could overflow or are
    not finite.
    """

    offset: NDArray[np.int64]
    scale: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.offset.shape != self.scale.shape or self.offset.ndim != 1 or self.offset.size == 0:
            raise MalformedModelError(
                "The feature map needs one offset and one scale for each feature or channel."
            )
        if int(np.abs(self.offset).max()) > MAX_INNER_PRODUCT or int(self.offset.min()) < -MAX_INNER_PRODUCT:
            raise MalformedModelError(
                "The feature offsets are larger than any feature; the model cannot be evaluated."
            )
        in_range = (self.scale == 0) | ((self.scale >= SMALLEST_SCALE) & (self.scale <= LARGEST_SCALE))
        if not np.all(in_range):
            raise MalformedModelError(
                "The feature scales are negative, out of range or not numbers; the model cannot be evaluated."
            )

    def apply(self, features: NDArray[np.integer[Any]], place: Place = PROCESSOR) -> Array:
        """Return features (n, ...) as activations: integers on the grid 2^-10, in float64, at `place`."""
        across = (1, -1) + (1,) * (features.ndim - 2)
        scale = self.scale.astype(np.float64).reshape(across) * ACTIVATION_ONE
        values = place.put(_differences(features, self.offset.reshape(across)))
        values *= place.put(scale)
        return _rounded(values) if isinstance(values, np.ndarray) else clamp(values.round())


def _rounded(values: Floats) -> Floats:
    """Round and clamp in place: features fill more memory than caches hold, and each copy moves it twice."""
    np.rint(values, out=values)
    return np.clip(values, -CLAMP, CLAMP, out=values)


def _differences(features: NDArray[np.integer[Any]], offset: NDArray[np.int64]) -> Floats:
    if features.dtype.itemsize > 4:
        return (features.astype(np.int64) - offset).astype(np.float64)
    # Below 2^33, so exact in float64 too, where nothing has to be copied again.
    found: Floats = np.subtract(features, offset.astype(np.float64))
    return found


def fit_feature_map(features: NDArray[np.integer[Any]]) -> FeatureMap:
    """Return the map that standardises training features (n, F) or (n, C, H, W) to mean 0 and variance 1."""
    if features.ndim not in (2, 4) or features.size == 0:
        raise InputError(
            f"Features of shape {features.shape} cannot be learned from; pass (n, F) or (n, C, H, W)."
        )
    axes = (0, *range(2, features.ndim))
    mean = features.mean(axis=axes, keepdims=True)
    # In parts, because all features at once in float64 can take more memory than the network does.
    squares = sum(
        np.square(features[rows] - mean).sum(axis=axes) for rows in batches(len(features), features[0].size)
    )
    deviation = np.sqrt(squares * mean.size / features.size)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return FeatureMap(np.rint(mean.reshape(-1)).astype(np.int64), scale.astype(np.float32))


def normalised(
    features: NDArray[np.integer[Any]], feature_map: FeatureMap, allocate: Allocate = in_memory
) -> NDArray[np.float32]:
    """Return features as the real numbers canonical evaluation starts from, which float32 holds exactly."""
    result = allocate(features.shape, np.float32)
    for rows in batches(len(features), features[0].size):
        result[rows] = feature_map.apply(features[rows]) / ACTIVATION_ONE
    return result


def whitening(values: NDArray[np.float32], floor: float) -> Floats:
    """Return the symmetric matrix (C, C) that decorrelates the features or channels of `values` (n, C, ...).

    Eigenvalues of the covariance below `floor` times the largest are raised to that, so that directions
    without data stay small.
    """
    channels = values.shape[1]
    covariance = np.zeros((channels, channels))
    count = 0
    for rows in batches(len(values), values[0].size):
        columns = np.moveaxis(values[rows].astype(np.float64), 1, 0).reshape(channels, -1)
        covariance += columns @ columns.T
        count += columns.shape[1]
    eigenvalues, vectors = np.linalg.eigh(covariance / count)
    raised = np.maximum(eigenvalues, max(floor * float(eigenvalues[-1]), np.finfo(np.float64).tiny))
    return np.asarray((vectors / np.sqrt(raised)) @ vectors.T, dtype=np.float64)


def whiten(
    values: NDArray[np.float32], matrix: Floats, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return `values` (n, C, ...) with `matrix` applied to each sample's features or channels.

    They are written to `out` where it is given, which may be `values`.
    """
    result = np.empty_like(values) if out is None else out
    small = matrix.astype(np.float32)
    for rows in batches(len(values), values[0].size):
        result[rows] = np.moveaxis(np.tensordot(values[rows], small, axes=(1, 1)), -1, 1)
    return result


def batches(count: int, size: int, at_once: int = VALUES_AT_ONCE) -> Iterator[slice]:
    """Yield slices that cover `count` samples of `size` values, about `at_once` values at a time."""
    step = max(1, at_once // max(1, size))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
