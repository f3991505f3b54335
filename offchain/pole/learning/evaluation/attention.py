"""Self-attention and layer normalisation on integers, the same bit for bit everywhere.

Sums of products are exact in float64. What is not (roots, quotients, sums of squares) uses only operations
that IEEE 754 rounds correctly, in an order that is fixed here; exponentials come from a table.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from array_api_compat import array_namespace

from pole.learning.evaluation.arrays import Array, at_once
from pole.learning.evaluation.fixed_point import (
    ACTIVATION_ONE,
    PROBABILITY_ONE,
    clamp,
    decay,
    quotient,
    to_activations,
)
from pole.protocol.models.layers import LayerNorm, MultiheadAttention

Tensors = Mapping[str, Array]
SCORES_AT_ONCE: Final = 2**20
EPSILON: Final = 1e-5


def attention(layer: MultiheadAttention, x: Array, tensors: Tensors) -> Array:
    """Return self-attention over activations (n, tokens, width) as activations of the same shape.

    Queries, keys and values are on the activation grid, and so are the scores: their products' exact sum,
    one division by the root of a head's width, one rounding. Probabilities are on the grid 2^-20.
    """
    projected = to_activations(_affine(layer, "in_proj", x, tensors))
    mixed = array_namespace(x).empty_like(x)
    for rows in _pieces(len(x), layer.num_heads * x.shape[1] ** 2, at_once(x, SCORES_AT_ONCE)):
        mixed[rows] = _mix(projected[rows], layer.num_heads)
    return to_activations(_affine(layer, "out_proj", mixed, tensors))


def layer_norm(layer: LayerNorm, x: Array, tensors: Tensors) -> Array:
    """Return activations normalised over their last dimension, then scaled and shifted."""
    xp, width = array_namespace(x), x.shape[-1]
    centred = x - quotient(x.sum(axis=-1, keepdims=True), width).round()
    # The rounded mean leaves a small rest, taken out of the variance; its square and its sum are exact.
    rest = quotient(centred.sum(axis=-1, keepdims=True), width)
    variance = quotient(_ordered_sum(centred * centred)[..., None], width) - rest * rest
    deviation = xp.sqrt(variance + EPSILON * ACTIVATION_ONE**2)
    normal = clamp(((centred - rest) / deviation * ACTIVATION_ONE).round())
    shift = tensors[f"{layer.name}.shift"] * ACTIVATION_ONE
    return to_activations(normal * tensors[f"{layer.name}.scale"] + shift)


def _mix(projected: Array, heads: int) -> Array:
    samples, tokens, _ = projected.shape
    parts = projected.reshape(samples, tokens, 3, heads, -1)
    queries, keys, values = (parts[:, :, kind].swapaxes(1, 2) for kind in range(3))
    divisor = math.sqrt(queries.shape[-1]) * ACTIVATION_ONE
    scores = quotient(queries @ keys.swapaxes(2, 3), divisor).round()
    weights = decay(array_namespace(scores).max(scores, axis=-1, keepdims=True) - scores)
    shares = (weights * PROBABILITY_ONE / weights.sum(axis=-1, keepdims=True)).round()
    mixed = clamp((shares @ values / PROBABILITY_ONE).round())
    return mixed.swapaxes(1, 2).reshape(samples, tokens, -1)


def _affine(layer: MultiheadAttention, part: str, x: Array, tensors: Tensors) -> Array:
    sums = x @ tensors[f"{layer.name}.{part}_weight"].T
    if layer.bias:
        sums += tensors[f"{layer.name}.{part}_bias"] * ACTIVATION_ONE
    return sums


def _ordered_sum(values: Array) -> Array:
    """Return the sum over the last dimension, halves added to halves: an order that no library chooses."""
    xp = array_namespace(values)
    while values.shape[-1] > 1:
        half = values.shape[-1] // 2
        rest = values[..., 2 * half :]
        values = xp.concat([values[..., :half] + values[..., half : 2 * half], rest], axis=-1)
    return values[..., 0]


def _pieces(samples: int, size: int, maximum: int) -> Iterator[slice]:
    step = max(1, maximum // size)
    for start in range(0, samples, step):
        yield slice(start, start + step)
