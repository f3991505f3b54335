"""Maps from the features of a new layer to those of an old one, fitted on samples known under both.

An old model over such a map is a solution of the new round, and cheaper than training. For vectors the map
is affine; for images it is a small filter over all channels, which undoes one convolution and does another.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from experiments.problems.data import Features

Map = Callable[[Features], NDArray[np.int64]]
WINDOW: Final = 5
RIDGE: Final = 1e-6
AT_ONCE: Final = 100


def least_squares(new: Features, old: Features) -> Map:
    """Return the map with least error from `new` to `old` features (n, ...) of the same samples."""
    weights = _solve(_rows(new), _targets(old))

    def apply(features: Features) -> NDArray[np.int64]:
        shape = old.shape[1:]
        parts = [_restored(rows @ weights, shape) for rows in _rows(features)]
        return np.rint(np.concatenate(parts)).astype(np.int64)

    return apply


def _solve(rows: Iterator[NDArray[Any]], targets: Iterator[NDArray[Any]]) -> NDArray[np.float64]:
    """Solve the normal equations of a ridge regression, scaled so that all columns weigh alike."""
    gram: Any = 0.0
    moment: Any = 0.0
    for x, y in zip(rows, targets, strict=True):
        gram, moment = gram + x.T @ x, moment + x.T @ y
    scale = 1 / np.sqrt(np.maximum(np.diagonal(gram), 1e-12))
    scaled = gram * scale * scale[:, None] + RIDGE * np.eye(len(gram))
    return np.asarray(np.linalg.solve(scaled, moment * scale[:, None]) * scale[:, None])


def _rows(features: Features) -> Iterator[NDArray[np.float64]]:
    """Yield what a value of the old features is computed from: all values, or those around it; and a one."""
    for start in range(0, len(features), AT_ONCE):
        part = features[start : start + AT_ONCE].astype(np.float64)
        if part.ndim == 4:
            pad = WINDOW // 2
            padded = np.pad(part, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
            windows = sliding_window_view(padded, (WINDOW, WINDOW), axis=(2, 3))
            part = windows.transpose(0, 2, 3, 1, 4, 5).reshape(part.shape[0] * part[0, 0].size, -1)
        yield np.concatenate([part, np.ones((len(part), 1))], axis=1)


def _targets(features: Features) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(features), AT_ONCE):
        part = features[start : start + AT_ONCE].astype(np.float64)
        yield part.transpose(0, 2, 3, 1).reshape(-1, part.shape[1]) if part.ndim == 4 else part


def _restored(rows: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    if len(shape) == 1:
        return rows
    channels, height, width = shape
    return rows.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
