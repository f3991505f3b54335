"""Linear and Conv2d in 16-bit integers: the same sums as in float64, several times faster.

Weights that 16 bits hold are packed once for a code path of the native kernel: "vnni" (AVX-512), "avx2" or
"portable". The kernel adds their products up in 32 bits, carries where the weights of a filter allow a sum
beyond that, rounds and clamps (offchain/pole/learning/evaluation/native). A sample with an activation beyond
16 bits it names, and leaves to float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.models.layers import Conv2d, Linear, MaxPool2d, ReLU, stride_of

try:
    import pole.learning.evaluation._native as _native
except ImportError:
    PATHS: dict[str, int] = {}
else:
    PATHS = dict(_native.paths())

PORTABLE: Final = "portable"
LARGEST_WEIGHT: Final = 2**15 - 1
LARGEST_ACTIVATION: Final = 2**15 - 1
PROBED: Final = 32
SHARE_BEYOND: Final = 1 / 8
"""Of the samples of a part: where more are beyond 16 bits, trying costs more than it saves."""
LARGEST_BIAS: Final = 2**30
LARGEST_PADDING: Final = 2**10
LARGEST_STRIDE: Final = 2**28
"""More than any side has: a longer stride takes one window, as this one does."""
LARGEST_SUM: Final = 2**27
"""Of the magnitudes of a filter's weights: what is put aside of its sums stays below 2^31."""

Following = Sequence[ReLU | MaxPool2d]
Floats = NDArray[np.float64]


def fastest() -> str | None:
    """Return the fastest code path of this machine; None, for float64, where it is the portable one."""
    return next((name for name in PATHS if name != PORTABLE), None)


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """The weights of a layer as a code path reads them.

    `shape` is that of the layer's weights with a kernel for each pair of channels, (outputs, channels, side,
    side), `weights` are int16 (blocks, pairs of inputs, lanes, 2), `bias` int32 (blocks, lanes) on the grid
    of sums.
    """

    path: str
    shape: tuple[int, int, int, int]
    stride: int
    padding: int
    weights: NDArray[np.int16]
    bias: NDArray[np.int32]


def filters_of(
    layer: Linear | Conv2d, weight: NDArray[np.int32], bias: NDArray[np.int64], path: str
) -> Filters | None:
    """Return the layer's weights packed for a code path; None where 16-bit products could not hold them.

    `bias` is (outputs,) on the grid of sums.
    """
    stride, padding = (layer.stride, layer.padding) if isinstance(layer, Conv2d) else (1, 0)
    stride = min(stride, LARGEST_STRIDE)
    weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))
    magnitudes = np.abs(weight.astype(np.int64))
    if magnitudes.max() > LARGEST_WEIGHT or np.abs(bias).max() > LARGEST_BIAS or padding > LARGEST_PADDING:
        return None
    if magnitudes.reshape(len(weight), -1).sum(axis=1).max() > LARGEST_SUM:
        return None
    lanes = PATHS[path]
    in_lanes = np.zeros(-(-len(bias) // lanes) * lanes, dtype=np.int32)
    in_lanes[: len(bias)] = bias
    return Filters(path, weight.shape, stride, padding, _packed(weight, lanes), in_lanes)


def is_narrow(layer: Linear | Conv2d, path: str) -> bool:
    """Return whether a layer has so few outputs that a path's vectors of them save nothing."""
    return isinstance(layer, Linear) and layer.out_features < 2 * PATHS[path]


def are_mostly_beyond(x: Floats) -> bool:
    """Return whether too many samples of x (n, ...) have an activation beyond 16 bits, by some of them."""
    probe = x[:: max(1, len(x) // PROBED)]
    largest = np.abs(probe).max(axis=tuple(range(1, probe.ndim)))
    return bool(np.count_nonzero(largest > LARGEST_ACTIVATION) > SHARE_BEYOND * len(probe))


def convolve(filters: Filters, x: Floats, following: Following) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what the layer, and the layers that follow it, make of activations, and which it could not take.

    `x` is (n, channels, height, width), or (n, features) for a Linear. What is returned has n rows, and so
    has the mark: True where an activation is beyond 16 bits, and nothing was computed.
    """
    outputs, channels, side, _ = filters.shape
    height, width = x.shape[2:] or (1, 1)
    pooling = next((layer for layer in following if isinstance(layer, MaxPool2d)), None)
    window, step = (1, 1) if pooling is None else (pooling.kernel_size, stride_of(pooling))
    step = min(step, LARGEST_STRIDE)
    rectified = any(isinstance(layer, ReLU) for layer in following)
    sides = [(length + 2 * filters.padding - side) // filters.stride + 1 for length in (height, width)]
    pooled = [(length - window) // step + 1 for length in sides]
    found = np.empty((len(x), outputs, *pooled) if x.ndim > 2 else (len(x), outputs))
    unfit = np.empty(len(x), dtype=np.uint8)
    _native.convolve(
        filters.path,
        (len(x), channels, height, width),
        (outputs, side, filters.stride, filters.padding),
        (window, step, int(rectified)),
        np.ascontiguousarray(x, dtype=np.float64),
        filters.weights,
        filters.bias,
        found,
        unfit,
    )
    return found, unfit.astype(np.bool_)


def _packed(weight: NDArray[np.int32], lanes: int) -> NDArray[np.int16]:
    """Return (outputs, channels, side, side) as (blocks, pairs, lanes, 2), filled up with zeros."""
    outputs, channels, *kernel = weight.shape
    blocks = -(-outputs // lanes)
    whole = np.zeros((blocks * lanes, *kernel, channels + channels % 2), dtype=np.int16)
    whole[:outputs, ..., :channels] = np.moveaxis(weight, 1, -1)
    return np.ascontiguousarray(whole.reshape(blocks, lanes, -1, 2).swapaxes(1, 2))
