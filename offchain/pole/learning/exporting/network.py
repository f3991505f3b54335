"""The layers of a canonical model as steps: the arithmetic of `pole.learning.evaluation.layers` once more."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation import fixed_point
from pole.learning.evaluation.canonical import CanonicalModel
from pole.learning.evaluation.fixed_point import ACTIVATION_ONE, CLAMP, TABLE_END, WEIGHT_ONE
from pole.learning.evaluation.steps import folded_norms
from pole.learning.exporting.attention import attention, layer_norm
from pole.learning.exporting.program import Builder
from pole.protocol.mapping.kinds import Shape
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import Node
from pole.protocol.models.layers import (
    GELU,
    INPUT,
    Add,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
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

Tensors = Mapping[str, NDArray[np.float64]]

_GRID: Final = np.arange(-TABLE_END, TABLE_END + 1, dtype=np.float64)


def network(build: Builder, model: CanonicalModel, features: str) -> str:
    """Return the logits (n, outputs), in multiples of 2^-10, of features (n, *feature_shape) in float64."""
    nodes = model.specification.nodes()
    folded = folded_norms(nodes)
    tensors = {name: values.astype(np.float64) for name, values in model.tensors.items()}
    values = {INPUT: _normalised(build, model, features)}
    for node in nodes:
        inputs = [values[name] for name in node.inputs]
        name = node.layer.name
        values[name] = inputs[0] if name in folded else _layer(build, node, inputs, tensors)
    return values[nodes[-1].layer.name]


def _normalised(build: Builder, model: CanonicalModel, features: str) -> str:
    across = (-1,) + (1,) * (len(feature_shape(model.specification)) - 1)
    offset = model.feature_map.offset.astype(np.float64).reshape(across)
    scale = model.feature_map.scale.astype(np.float64).reshape(across) * ACTIVATION_ONE
    moved = build.apply("Sub", features, build.constant(offset, "feature_offset"))
    return build.clamped(build.apply("Round", build.scaled(moved, scale, "feature_scale")))


def _layer(build: Builder, node: Node, inputs: Sequence[str], tensors: Tensors) -> str:
    layer, x, shape = node.layer, inputs[0], node.input_shapes[0]
    match layer:
        case Linear():
            return _linear(build, layer, x, tensors)
        case Conv2d():
            return _conv2d(build, layer, x, node, tensors)
        case BatchNorm1d() | BatchNorm2d():
            across = (-1,) + (1,) * (len(shape) - 1)
            scaled = build.scaled(x, tensors[f"{layer.name}.scale"].reshape(across), layer.name)
            shift = tensors[f"{layer.name}.shift"].reshape(across) * ACTIVATION_ONE
            return build.to_activations(build.added(scaled, shift, layer.name))
        case MaxPool2d() | AvgPool2d():
            return _pool(build, layer, x, node)
        case MultiheadAttention():
            return attention(build, layer, x, shape, tensors)
        case LayerNorm():
            return layer_norm(build, layer, x, shape, tensors)
        case Position():
            raised = build.scaled(x, WEIGHT_ONE)
            position = tensors[f"{layer.name}.position"] * ACTIVATION_ONE
            return build.to_activations(build.added(raised, position, layer.name))
        case Mean():
            mean = build.divided(build.summed(x, 1), shape[0])
            return build.clamped(build.apply("Round", build.reshaped(mean, *node.shape)))
        case Add() | Concat() | Flatten() | Unflatten() | Transpose() | Dropout():
            return _arranged(build, layer, inputs, node)
        case _:
            return _activated(build, layer, x)


def _arranged(
    build: Builder,
    layer: Add | Concat | Flatten | Unflatten | Transpose | Dropout,
    inputs: Sequence[str],
    node: Node,
) -> str:
    match layer:
        case Add():
            total = inputs[0]
            for other in inputs[1:]:
                total = build.apply("Add", total, other)
            return build.clamped(total)
        case Concat():
            return build.apply("Concat", *inputs, axis=1)
        case Flatten() | Unflatten():
            return build.reshaped(inputs[0], *node.shape)
        case Transpose():
            return build.apply("Transpose", inputs[0], perm=(0, 2, 1))
    return inputs[0]


def _activated(build: Builder, layer: ReLU | LeakyReLU | Sigmoid | Tanh | GELU, x: str) -> str:
    match layer:
        case ReLU():
            return build.clipped(x, 0, CLAMP)
        case LeakyReLU():
            sloped = build.apply("Round", build.scaled(x, layer.negative_slope))
            return build.apply("Where", build.apply("Less", x, build.constant(0.0)), sloped, x)
        case Sigmoid():
            return _tabulated(build, x, fixed_point.sigmoid(_GRID), "sigmoid")
        case Tanh():
            return _tabulated(build, x, fixed_point.tanh(_GRID), "tanh")
    table = _tabulated(build, x, fixed_point.gelu(_GRID), "gelu")
    beyond = build.apply("Greater", x, build.constant(float(TABLE_END)))
    return build.apply("Where", beyond, x, table)


def _tabulated(build: Builder, x: str, table: NDArray[np.float64], name: str) -> str:
    places = build.added(build.clipped(x, -TABLE_END, TABLE_END), TABLE_END)
    return build.looked_up(table, places, name)


def _linear(build: Builder, layer: Linear, x: str, tensors: Tensors) -> str:
    weight = build.constant(np.ascontiguousarray(tensors[f"{layer.name}.weight"].T), layer.name)
    sums = build.apply("MatMul", x, weight)
    return build.to_activations(_biased(build, layer, sums, tensors))


def _biased(build: Builder, layer: Linear | Conv2d, sums: str, tensors: Tensors) -> str:
    bias = tensors.get(f"{layer.name}.bias")
    return sums if bias is None else build.added(sums, bias * ACTIVATION_ONE, layer.name)


def _conv2d(build: Builder, layer: Conv2d, x: str, node: Node, tensors: Tensors) -> str:
    """Return a convolution as a product of patches with weights: no provider has it for float64."""
    channels, height, width = node.input_shapes[0]
    cells = _windows(node.input_shapes[0], layer.kernel_size, layer.stride, layer.padding)
    # A patch is channel by channel, as the weights are; what is outside is the one value at the end.
    beyond = channels * height * width
    steps = np.arange(channels)[:, None] * (height * width)
    patches = np.where(cells[:, None] < 0, beyond, cells[:, None] + steps).reshape(len(cells), -1)
    flat = build.padded(build.reshaped(x, beyond), 2, 0)
    weight = tensors[f"{layer.name}.weight"].reshape(layer.out_channels, -1).T
    sums = build.apply(
        "MatMul",
        build.gathered(flat, patches, axis=1),
        build.constant(np.ascontiguousarray(weight), layer.name),
    )
    found = build.to_activations(_biased(build, layer, sums, tensors))
    return build.reshaped(build.apply("Transpose", found, perm=(0, 2, 1)), *node.shape)


def _pool(build: Builder, layer: MaxPool2d | AvgPool2d, x: str, node: Node) -> str:
    channels, height, width = node.input_shapes[0]
    padding = layer.padding if isinstance(layer, MaxPool2d) else 0
    cells = _windows(node.input_shapes[0], layer.kernel_size, stride_of(layer), padding)
    cells = np.where(cells < 0, height * width, cells)
    # No activation is smaller than the padding, as in torch.nn.MaxPool2d.
    flat = build.padded(build.reshaped(x, channels, height * width), 3, -CLAMP)
    windows = build.gathered(flat, cells, axis=2)
    if isinstance(layer, MaxPool2d):
        return build.reshaped(build.largest(windows, 3), *node.shape)
    mean = build.divided(build.summed(windows, 3), layer.kernel_size**2)
    return build.reshaped(build.apply("Round", mean), *node.shape)


def _windows(shape: Shape, size: int, step: int, padding: int) -> NDArray[np.int64]:
    """Return for each window the cells (windows, size * size) of a channel, -1 for what is outside."""
    _, height, width = shape
    tops = range(-padding, height + padding - size + 1, step)
    lefts = range(-padding, width + padding - size + 1, step)
    corners = np.array(list(product(tops, lefts)), dtype=np.int64)
    inside = np.array(list(product(range(size), range(size))), dtype=np.int64)
    rows, columns = (corners[:, None] + inside).transpose(2, 0, 1)
    known = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return np.where(known, rows * width + columns, -1)
