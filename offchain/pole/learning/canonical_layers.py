"""Each layer on integers: activations (n, ...) in float64 in, activations out, every sum exact."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from typing import Final, assert_never

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pole.learning.canonical_attention import attention, layer_norm
from pole.learning.fixed_point import (
    ACTIVATION_ONE,
    CLAMP,
    WEIGHT_ONE,
    Floats,
    clamp,
    gelu,
    sigmoid,
    tanh,
    to_activations,
)
from pole.protocol.model_layers import (
    GELU,
    Add,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Mean,
    MultiheadAttention,
    Position,
    ReLU,
    Sigmoid,
    Tanh,
    Transpose,
    Unflatten,
    stride_of,
)

Tensors = Mapping[str, NDArray[np.int32]]
PATCH_VALUES_AT_ONCE: Final = 2**20


def apply(layer: Layer, inputs: Sequence[Floats], tensors: Tensors) -> Floats:
    """Return what `layer` makes of its inputs with its tensors in a canonical model."""
    x = inputs[0]
    match layer:
        case Linear():
            return _linear(layer, x, tensors)
        case Conv2d():
            return _conv2d(layer, x, tensors)
        case BatchNorm1d() | BatchNorm2d():
            return _scale_and_shift(layer, x, tensors)
        case MaxPool2d() | AvgPool2d():
            return _pool(layer, x)
        case MultiheadAttention():
            return attention(layer, x, tensors)
        case LayerNorm():
            return layer_norm(layer, x, tensors)
        case Position():
            # The learned numbers are on the grid of weights, four steps of which are one of activations.
            return to_activations(x * WEIGHT_ONE + tensors[f"{layer.name}.position"] * float(ACTIVATION_ONE))
        case Mean():
            return to_activations(x.sum(axis=1) / x.shape[1] * WEIGHT_ONE)
        case Add() | Concat() | Flatten() | Unflatten() | Transpose() | Dropout():
            return _arrange(layer, inputs)
        case _:
            return _activate(layer, x)


def _arrange(
    layer: Add | Concat | Flatten | Unflatten | Transpose | Dropout, inputs: Sequence[Floats]
) -> Floats:
    x = inputs[0]
    match layer:
        case Add():
            return clamp(np.sum(np.stack(inputs), axis=0))
        case Concat():
            return np.concatenate(inputs, axis=1)
        case Flatten():
            return x.reshape(*x.shape[: layer.start_dim], -1)
        case Unflatten():
            return x.reshape(len(x), *layer.unflattened_size)
        case Transpose():
            return x.swapaxes(1, 2)
        case Dropout():
            return x
    assert_never(layer)


def _activate(layer: ReLU | LeakyReLU | Sigmoid | Tanh | GELU, x: Floats) -> Floats:
    match layer:
        case ReLU():
            return np.maximum(x, 0)
        case LeakyReLU():
            # The slope is a multiple of 2^-12, so the product is exact and rint rounds once.
            return np.where(x >= 0, x, np.rint(x * layer.negative_slope))
        case Sigmoid():
            return sigmoid(x)
        case Tanh():
            return tanh(x)
        case GELU():
            return gelu(x)
    assert_never(layer)


def _linear(layer: Linear, x: Floats, tensors: Tensors) -> Floats:
    weight = tensors[f"{layer.name}.weight"].astype(np.float64)
    return to_activations(x @ weight.T + _bias(layer, tensors))


def _bias(layer: Linear | Conv2d, tensors: Tensors) -> Floats:
    bias = tensors.get(f"{layer.name}.bias")
    if bias is None:
        return np.zeros(1)
    return bias.astype(np.float64) * ACTIVATION_ONE


def _scale_and_shift(layer: BatchNorm1d | BatchNorm2d, x: Floats, tensors: Tensors) -> Floats:
    across = (1, -1) + (1,) * (x.ndim - 2)
    scale = tensors[f"{layer.name}.scale"].astype(np.float64).reshape(across)
    shift = tensors[f"{layer.name}.shift"].astype(np.float64).reshape(across) * ACTIVATION_ONE
    return to_activations(x * scale + shift)


def _pool(layer: MaxPool2d | AvgPool2d, x: Floats) -> Floats:
    if isinstance(layer, AvgPool2d):
        return np.rint(reduce(np.add, _pooling_cells(layer, x)) / layer.kernel_size**2)
    # No activation is smaller than the padding, as in torch.nn.MaxPool2d.
    side = (layer.padding, layer.padding)
    padded = np.pad(x, ((0, 0), (0, 0), side, side), constant_values=-CLAMP)
    return reduce(np.maximum, _pooling_cells(layer, padded))


def _pooling_cells(layer: MaxPool2d | AvgPool2d, x: Floats) -> Iterator[Floats]:
    """Yield for each place in the window the values that all windows have there."""
    height, width = x.shape[2:]
    size, step = layer.kernel_size, stride_of(layer)
    for row, column in product(range(size), range(size)):
        bottom, right = height - size + row + 1, width - size + column + 1
        yield x[:, :, row:bottom:step, column:right:step]


def _conv2d(layer: Conv2d, x: Floats, tensors: Tensors) -> Floats:
    """Return a convolution as matrix products over patches, a few at a time (no Winograd, no FFT)."""
    size, pad = layer.kernel_size, layer.padding
    weight = tensors[f"{layer.name}.weight"].astype(np.float64).reshape(layer.out_channels, -1)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    patches = sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, :: layer.stride, :: layer.stride]
    samples, channels, height, width = patches.shape[:4]
    out = np.empty((samples, layer.out_channels, height, width))
    bias = _bias(layer, tensors).reshape(-1, 1)
    for n, rows, columns in _pieces(samples, height, width, weight.shape[1]):
        piece = patches[n, :, rows, columns]
        # One product for all samples of a piece: small images would make many tiny ones.
        beside = np.empty((channels, size, size, len(piece), *piece.shape[2:4]))
        for i, j in product(range(size), range(size)):
            beside[:, i, j] = piece[..., i, j].swapaxes(0, 1)
        found = to_activations(weight @ beside.reshape(weight.shape[1], -1) + bias)
        out[n, :, rows, columns] = found.reshape(-1, len(piece), *piece.shape[2:4]).swapaxes(0, 1)
    return out


def _pieces(samples: int, height: int, width: int, size: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield parts of a (samples, height, width) grid of patches of `size` values, small enough for memory."""
    columns = min(width, max(1, PATCH_VALUES_AT_ONCE // size))
    rows = min(height, max(1, PATCH_VALUES_AT_ONCE // (size * columns)))
    count = min(samples, max(1, PATCH_VALUES_AT_ONCE // (size * columns * rows)))
    starts = product(range(0, samples, count), range(0, height, rows), range(0, width, columns))
    for sample, row, column in starts:
        yield slice(sample, sample + count), slice(row, row + rows), slice(column, column + columns)
