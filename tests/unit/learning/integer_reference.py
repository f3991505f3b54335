"""Canonical evaluation once more: every layer in Python integers and plain loops, one sample at a time."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation.canonical import CanonicalModel
from pole.learning.evaluation.fixed_point import CLAMP
from pole.protocol.models.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    LayerNorm,
    Linear,
    MaxPool2d,
    MultiheadAttention,
    Position,
)

Exact = NDArray[np.object_]
"""An array of Python integers."""

Integers = NDArray[np.integer[Any]]
Tensors = Mapping[str, Integers]
Evaluated = Callable[[Any, list[Exact], Tensors], Exact]
"""What a layer makes of its inputs, with the tensors of the model."""


def logits_by_hand(model: CanonicalModel, sample: NDArray[np.int64]) -> list[int]:
    """Return the logits of one sample as a list of integers."""
    normalised = model.feature_map.apply(sample[None])[0]
    values = {"input": normalised.astype(np.int64).astype(object)}
    nodes = model.specification.nodes()
    for node in nodes:
        inputs = [values[name] for name in node.inputs]
        values[node.layer.name] = LAYERS[node.layer.op](node.layer, inputs, model.tensors)
    return [int(value) for value in values[nodes[-1].layer.name]]


def on_grid(total: Any) -> int:
    """Round total / 2^12 half to even, and clamp."""
    quotient, rest = divmod(int(total), 4096)
    rounded = quotient + (rest > 2048 or (rest == 2048 and quotient % 2 == 1))
    return max(-CLAMP, min(CLAMP, rounded))


def each(function: Callable[[int], int], x: Exact) -> Exact:
    return np.array([function(int(value)) for value in x.ravel()], dtype=object).reshape(x.shape)


def elementwise(function: Callable[[Any, int], int]) -> Evaluated:
    return lambda layer, inputs, tensors: each(lambda value: function(layer, value), inputs[0])


def tabulated(function: Callable[[float], float]) -> Evaluated:
    return elementwise(lambda layer, step: round(function(step / 1024) * 1024))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def windows(x: Exact, size: int, step: int) -> Exact:
    """Return the windows of each channel: an object array (channels, height, width) of arrays."""
    height, width = ((side - size) // step + 1 for side in x.shape[1:])
    found = np.empty((len(x), height, width), dtype=object)
    for c, i, j in np.ndindex(found.shape):
        found[c, i, j] = x[c, i * step : i * step + size, j * step : j * step + size]
    return found


def pooled(function: Callable[[Exact], int]) -> Evaluated:
    def pool(layer: AvgPool2d | MaxPool2d, inputs: list[Exact], tensors: Tensors) -> Exact:
        found = windows(inputs[0], layer.kernel_size, layer.stride or layer.kernel_size)
        return np.array([function(cells.ravel()) for cells in found.ravel()], dtype=object).reshape(
            found.shape
        )

    return pool


def bias_of(layer: Conv2d | Linear, tensors: Tensors, count: int) -> list[int]:
    return [int(b) * 1024 for b in tensors.get(f"{layer.name}.bias", np.zeros(count, dtype=np.int32))]


def linear(layer: Linear, inputs: list[Exact], tensors: Tensors) -> Exact:
    weight = tensors[f"{layer.name}.weight"].astype(object)
    bias = bias_of(layer, tensors, len(weight))
    return np.array(
        [on_grid((row * inputs[0]).sum() + b) for row, b in zip(weight, bias, strict=True)], dtype=object
    )


def tokens(function: Callable[[Any, list[Exact], Tensors], Exact | list[int]]) -> Evaluated:
    """Apply a layer over one row of features to every token."""

    def over(layer: Any, inputs: list[Exact], tensors: Tensors) -> Exact:
        x = inputs[0]
        rows = [function(layer, [row], tensors) for row in x.reshape(-1, x.shape[-1])]
        return np.array(rows, dtype=object).reshape(*x.shape[:-1], -1)

    return over


def affine(row: Exact, weight: Integers, bias: Integers) -> list[int]:
    return [
        on_grid((w.astype(object) * row).sum() + int(b) * 1024) for w, b in zip(weight, bias, strict=True)
    ]


def attention(layer: MultiheadAttention, inputs: list[Exact], tensors: Tensors) -> Exact:
    x = inputs[0]
    width = x.shape[1]
    nothing: Integers = np.zeros(3 * width, dtype=np.int32)
    part = {name: tensors.get(f"{layer.name}.{name}", nothing) for name in ("in_proj_bias", "out_proj_bias")}
    into, out = (tensors[f"{layer.name}.{name}_proj_weight"] for name in ("in", "out"))
    projected: Exact = np.array([affine(row, into, part["in_proj_bias"]) for row in x], dtype=object)
    queries, keys, values = np.split(projected, 3, axis=1)
    mixed = np.zeros(x.shape, dtype=object)
    size = width // layer.num_heads
    for start in range(0, width, size):
        head = slice(start, start + size)
        for place, query in enumerate(queries[:, head]):
            scores = [nearest(decimal_root((query * key).sum(), size)) for key in keys[:, head]]
            weights = [exponential(max(scores) - score) for score in scores]
            shares = [round(Fraction(weight << 20, sum(weights))) for weight in weights]
            for column in range(start, start + size):
                total = sum(share * value for share, value in zip(shares, values[:, column], strict=True))
                mixed[place, column] = max(-CLAMP, min(CLAMP, round(Fraction(int(total), 2**20))))
    return np.array([affine(row, out, part["out_proj_bias"][:width]) for row in mixed], dtype=object)


def decimal_root(product: int, size: int) -> Decimal:
    with localcontext(prec=60):
        return Decimal(int(product)) / (Decimal(size).sqrt() * 1024)


def nearest(value: Decimal) -> int:
    return int(value.to_integral_value(rounding="ROUND_HALF_EVEN"))


def exponential(step: int) -> int:
    with localcontext(prec=60):
        return nearest((Decimal(-min(step, 16 * 1024)) / 1024).exp() * 2**20)


def layer_norm(layer: LayerNorm, inputs: list[Exact], tensors: Tensors) -> list[int]:
    row = [int(value) for value in inputs[0]]
    mean = Fraction(sum(row), len(row))
    variance = sum(((value - mean) ** 2 for value in row), Fraction()) / len(row)
    scale, shift = (tensors[f"{layer.name}.{part}"] for part in ("scale", "shift"))
    found = []
    for value, factor, offset in zip(row, scale, shift, strict=True):
        with localcontext(prec=60):
            spread = (decimal_of(variance) + Decimal("1e-5") * 2**20).sqrt()
            normal = nearest(decimal_of(value - mean) / spread * 1024)
        normal = max(-CLAMP, min(CLAMP, normal))
        found.append(on_grid(normal * int(factor) + int(offset) * 1024))
    return found


def decimal_of(fraction: Fraction) -> Decimal:
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def position(layer: Position, inputs: list[Exact], tensors: Tensors) -> Exact:
    learned = tensors[f"{layer.name}.position"]
    return np.array(
        [
            on_grid(int(value) * 4096 + int(own) * 1024)
            for value, own in zip(inputs[0].ravel(), learned.ravel(), strict=True)
        ],
        dtype=object,
    ).reshape(learned.shape)


def max_pool(layer: MaxPool2d, inputs: list[Exact], tensors: Tensors) -> Exact:
    sides = (layer.padding, layer.padding)
    padded = np.pad(inputs[0], ((0, 0), sides, sides), constant_values=-(10**9))
    return pooled(max)(layer, [padded], tensors)


def conv2d(layer: Conv2d, inputs: list[Exact], tensors: Tensors) -> Exact:
    weight = tensors[f"{layer.name}.weight"].astype(object)
    padding = ((0, 0), (layer.padding, layer.padding), (layer.padding, layer.padding))
    found = windows(np.pad(inputs[0], padding), layer.kernel_size, layer.stride)
    bias = bias_of(layer, tensors, len(weight))
    out = np.empty((len(weight), *found.shape[1:]), dtype=object)
    for o, i, j in np.ndindex(out.shape):
        out[o, i, j] = on_grid(
            sum((found[c, i, j] * weight[o, c]).sum() for c in range(len(found))) + bias[o]
        )
    return out


def norm(layer: BatchNorm1d | BatchNorm2d, inputs: list[Exact], tensors: Tensors) -> Exact:
    x = inputs[0]
    if f"{layer.name}.scale" not in tensors:
        return x
    scale, shift = (tensors[f"{layer.name}.{part}"] for part in ("scale", "shift"))
    out = np.empty(x.shape, dtype=object)
    for place in np.ndindex(x.shape):
        out[place] = on_grid(x[place] * int(scale[place[0]]) + int(shift[place[0]]) * 1024)
    return out


LAYERS: dict[str, Evaluated] = {
    "Linear": tokens(linear),
    "LayerNorm": tokens(layer_norm),
    "MultiheadAttention": attention,
    "Position": position,
    "Mean": lambda layer, inputs, tensors: np.array(
        [round(Fraction(int(column.sum()), len(column))) for column in inputs[0].T], dtype=object
    ),
    "Transpose": lambda layer, inputs, tensors: inputs[0].T,
    "Unflatten": lambda layer, inputs, tensors: inputs[0].reshape(layer.unflattened_size),
    "Conv2d": conv2d,
    "BatchNorm1d": norm,
    "BatchNorm2d": norm,
    "MaxPool2d": max_pool,
    "AvgPool2d": pooled(lambda cells: round(sum(cells) / len(cells))),
    "Add": lambda layer, inputs, tensors: each(
        lambda v: max(-CLAMP, min(CLAMP, v)), sum(inputs[1:], start=inputs[0])
    ),
    "Concat": lambda layer, inputs, tensors: np.concatenate(inputs),
    "Flatten": lambda layer, inputs, tensors: inputs[0].reshape(*inputs[0].shape[: layer.start_dim - 1], -1),
    "Dropout": lambda layer, inputs, tensors: inputs[0],
    "ReLU": elementwise(lambda layer, value: max(0, value)),
    "LeakyReLU": elementwise(lambda layer, v: v if v >= 0 else round(v * layer.negative_slope)),
    "Tanh": tabulated(math.tanh),
    "Sigmoid": tabulated(logistic),
    "GELU": tabulated(lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2))),
}
