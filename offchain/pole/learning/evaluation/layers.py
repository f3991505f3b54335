"""Each layer on integers: activations (n, ...) in float64 in, activations out, every sum exact.

Tensors are those of a canonical model in float64, where the activations are.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from operator import add
from typing import Final, assert_never

from array_api_compat import array_namespace, device

from pole.learning.evaluation.arrays import Array, at_once
from pole.learning.evaluation.attention import attention, layer_norm
from pole.learning.evaluation.fixed_point import (
    ACTIVATION_ONE,
    CLAMP,
    WEIGHT_ONE,
    clamp,
    gelu,
    quotient,
    sigmoid,
    tanh,
    to_activations,
)
from pole.protocol.models.layers import (
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

Tensors = Mapping[str, Array]
PATCH_VALUES_AT_ONCE: Final = 2**20


def apply(layer: Layer, inputs: Sequence[Array], tensors: Tensors) -> Array:
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
            return to_activations(x * WEIGHT_ONE + tensors[f"{layer.name}.position"] * ACTIVATION_ONE)
        case Mean():
            return to_activations(quotient(x.sum(axis=1), x.shape[1]) * WEIGHT_ONE)
        case Add() | Concat() | Flatten() | Unflatten() | Transpose() | Dropout():
            return _arrange(layer, inputs)
        case _:
            return _activate(layer, x)


def _arrange(
    layer: Add | Concat | Flatten | Unflatten | Transpose | Dropout, inputs: Sequence[Array]
) -> Array:
    x = inputs[0]
    match layer:
        case Add():
            return clamp(reduce(add, inputs))
        case Concat():
            return array_namespace(x).concat(inputs, axis=1)
        case Flatten():
            return x.reshape(*x.shape[: layer.start_dim], -1)
        case Unflatten():
            return x.reshape(len(x), *layer.unflattened_size)
        case Transpose():
            return x.swapaxes(1, 2)
        case Dropout():
            return x
    assert_never(layer)


def _activate(layer: ReLU | LeakyReLU | Sigmoid | Tanh | GELU, x: Array) -> Array:
    match layer:
        case ReLU():
            return x.clip(0, CLAMP)
        case LeakyReLU():
            # The slope is a multiple of 2^-12, so the product is exact and rint rounds once.
            return array_namespace(x).where(x >= 0, x, (x * layer.negative_slope).round())
        case Sigmoid():
            return sigmoid(x)
        case Tanh():
            return tanh(x)
        case GELU():
            return gelu(x)
    assert_never(layer)


def _linear(layer: Linear, x: Array, tensors: Tensors) -> Array:
    return to_activations(x @ tensors[f"{layer.name}.weight"].T + _bias(layer, tensors))


def _bias(layer: Linear | Conv2d, tensors: Tensors) -> Array:
    """Return the bias on the grid of sums, (outputs,) or, where there is none, (1,)."""
    bias = tensors.get(f"{layer.name}.bias")
    if bias is None:
        weight = tensors[f"{layer.name}.weight"]
        return array_namespace(weight).zeros(1, dtype=weight.dtype, device=device(weight))
    return bias * ACTIVATION_ONE


def _scale_and_shift(layer: BatchNorm1d | BatchNorm2d, x: Array, tensors: Tensors) -> Array:
    across = (1, -1) + (1,) * (x.ndim - 2)
    scale, shift = (tensors[f"{layer.name}.{part}"].reshape(across) for part in ("scale", "shift"))
    return to_activations(x * scale + shift * ACTIVATION_ONE)


def _pool(layer: MaxPool2d | AvgPool2d, x: Array) -> Array:
    if isinstance(layer, AvgPool2d):
        return quotient(reduce(add, _pooling_cells(layer, x)), layer.kernel_size**2).round()
    # No activation is smaller than the padding, as in torch.nn.MaxPool2d.
    padded = _padded(x, layer.padding, -CLAMP)
    return reduce(array_namespace(x).maximum, _pooling_cells(layer, padded))


def _padded(x: Array, pad: int, value: int) -> Array:
    """Return images (n, channels, height, width) with `pad` rows and columns of `value` on each side."""
    if pad == 0:
        return x
    samples, channels, height, width = x.shape
    shape = (samples, channels, height + 2 * pad, width + 2 * pad)
    padded = array_namespace(x).full(shape, value, dtype=x.dtype, device=device(x))
    padded[:, :, pad : pad + height, pad : pad + width] = x
    return padded


def _pooling_cells(layer: MaxPool2d | AvgPool2d, x: Array) -> Iterator[Array]:
    """Yield for each place in the window the values that all windows have there."""
    height, width = x.shape[2:]
    size, step = layer.kernel_size, stride_of(layer)
    for row, column in product(range(size), range(size)):
        bottom, right = height - size + row + 1, width - size + column + 1
        yield x[:, :, row:bottom:step, column:right:step]


def _conv2d(layer: Conv2d, x: Array, tensors: Tensors) -> Array:
    """Return a convolution as matrix products over patches, a few at a time (no Winograd, no FFT)."""
    xp, size, step = array_namespace(x), layer.kernel_size, layer.stride
    weight = tensors[f"{layer.name}.weight"].reshape(layer.out_channels, -1)
    bias = _bias(layer, tensors).reshape(-1, 1)
    padded = _padded(x, layer.padding, 0)
    height, width = ((side - size) // step + 1 for side in padded.shape[2:])
    out = xp.empty((len(x), layer.out_channels, height, width), dtype=x.dtype, device=device(x))
    maximum = at_once(x, PATCH_VALUES_AT_ONCE)
    for n, rows, columns in _pieces((len(x), height, width), weight.shape[1], maximum):
        piece = out[n, :, rows, columns]
        # One product for all samples of a piece: small images would make many tiny ones.
        shape = (x.shape[1], size, size, len(piece), *piece.shape[2:])
        patches = xp.empty(shape, dtype=x.dtype, device=device(x))
        for i, j in product(range(size), range(size)):
            cells = padded[n, :, _every(rows, i, step), _every(columns, j, step)]
            patches[:, i, j] = cells.swapaxes(0, 1)
        found = to_activations(weight @ patches.reshape(weight.shape[1], -1) + bias)
        out[n, :, rows, columns] = found.reshape(-1, *shape[3:]).swapaxes(0, 1)
    return out


def _every(outputs: slice, offset: int, step: int) -> slice:
    """Return which rows, or columns, these outputs read at an offset in their windows."""
    return slice(outputs.start * step + offset, (outputs.stop - 1) * step + offset + 1, step)


def _pieces(grid: tuple[int, int, int], size: int, maximum: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield parts of a (samples, height, width) grid of patches of `size` values, `most` values at a time."""
    samples, height, width = grid
    columns = min(width, max(1, maximum // size))
    rows = min(height, max(1, maximum // (size * columns)))
    count = min(samples, max(1, maximum // (size * columns * rows)))
    starts = product(range(0, samples, count), range(0, height, rows), range(0, width, columns))
    for sample, row, column in starts:
        yield (
            slice(sample, sample + count),
            slice(row, min(row + rows, height)),
            slice(column, min(column + columns, width)),
        )
