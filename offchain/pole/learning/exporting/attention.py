"""Self-attention and layer normalisation as steps: see `pole.learning.evaluation.attention`."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation.attention import EPSILON
from pole.learning.evaluation.fixed_point import ACTIVATION_ONE, PROBABILITY_ONE, TABLE_END, decay
from pole.learning.exporting.program import Builder
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.layers import LayerNorm, MultiheadAttention

Tensors = Mapping[str, NDArray[np.float64]]


def attention(build: Builder, layer: MultiheadAttention, x: str, shape: Shape, tensors: Tensors) -> str:
    """Return self-attention over activations (n, tokens, width) as activations of the same shape."""
    tokens, width = shape
    heads, each = layer.num_heads, width // layer.num_heads
    projected = build.to_activations(_affine(build, layer, "in_proj", x, tensors))
    parts = build.reshaped(projected, tokens, 3, heads, each)
    queries, keys, values = (
        build.apply("Transpose", build.gathered(parts, np.array(kind), axis=2), perm=(0, 2, 1, 3))
        for kind in range(3)
    )
    turned = build.apply("Transpose", keys, perm=(0, 1, 3, 2))
    divisor = math.sqrt(each) * ACTIVATION_ONE
    scores = build.apply("Round", build.divided(build.apply("MatMul", queries, turned), divisor))
    below = build.clipped(build.apply("Sub", build.largest(scores, 3), scores), 0, TABLE_END)
    weights = build.looked_up(decay(np.arange(TABLE_END + 1, dtype=np.float64)), below, "decay")
    shares = build.apply("Div", build.scaled(weights, PROBABILITY_ONE), build.summed(weights, 3))
    mixed = build.apply("MatMul", build.apply("Round", shares), values)
    mixed = build.clamped(build.apply("Round", build.divided(mixed, PROBABILITY_ONE)))
    rows = build.reshaped(build.apply("Transpose", mixed, perm=(0, 2, 1, 3)), tokens, width)
    return build.to_activations(_affine(build, layer, "out_proj", rows, tensors))


def layer_norm(build: Builder, layer: LayerNorm, x: str, shape: Shape, tensors: Tensors) -> str:
    """Return activations normalised over their last dimension, then scaled and shifted."""
    axis, width = len(shape), shape[-1]
    mean = build.apply("Round", build.divided(build.summed(x, axis), width))
    centred = build.apply("Sub", x, mean)
    rest = build.divided(build.summed(centred, axis), width)
    squares = _ordered_sum(build, build.apply("Mul", centred, centred), axis, width)
    variance = build.apply("Sub", build.divided(squares, width), build.apply("Mul", rest, rest))
    deviation = build.apply("Sqrt", build.added(variance, EPSILON * ACTIVATION_ONE**2))
    quotients = build.apply("Div", build.apply("Sub", centred, rest), deviation)
    normal = build.clamped(build.apply("Round", build.scaled(quotients, ACTIVATION_ONE)))
    scaled = build.scaled(normal, tensors[f"{layer.name}.scale"], layer.name)
    return build.to_activations(
        build.added(scaled, tensors[f"{layer.name}.shift"] * ACTIVATION_ONE, layer.name)
    )


def _affine(build: Builder, layer: MultiheadAttention, part: str, x: str, tensors: Tensors) -> str:
    weight = np.ascontiguousarray(tensors[f"{layer.name}.{part}_weight"].T)
    sums = build.apply("MatMul", x, build.constant(weight, layer.name))
    if not layer.bias:
        return sums
    return build.added(sums, tensors[f"{layer.name}.{part}_bias"] * ACTIVATION_ONE, layer.name)


def _ordered_sum(build: Builder, values: str, axis: int, width: int) -> str:
    """Return the sum over the last dimension, halves added to halves, as canonical evaluation does."""
    while width > 1:
        half = width // 2
        first, second = (build.gathered(values, np.arange(half) + start, axis) for start in (0, half))
        total = build.apply("Add", first, second)
        if width % 2:
            last = build.gathered(values, np.array([width - 1]), axis)
            total = build.apply("Concat", total, last, axis=axis)
        values, width = total, half + width % 2
    return values
