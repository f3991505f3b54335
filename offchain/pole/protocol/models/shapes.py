"""What a layer makes of its inputs' shapes, and what it costs.

Shapes are those of one sample, without the batch: (features,), (tokens, width) or (channels, height, width).
"""

from math import prod
from typing import Final

from pole.errors import InputError
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.layers import (
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
    Linear,
    MaxPool2d,
    Mean,
    MultiheadAttention,
    Position,
    ReLU,
    Transpose,
    Unflatten,
    stride_of,
)

HANDLING: Final = 16
"""Multiplications that take as long as to move, compare or add one value."""
ROUNDED: Final = 4
"""How often a value counts as handled that is computed by itself: a sum rounded, a table looked up."""
NORMALISED: Final = 16
SCORED: Final = 8

# Products of two activations are at most 2^46, and sums of them must stay within 2^53.
MAX_HEAD_WIDTH: Final = 128
RANKS: Final = {
    1: ("(features,)", "put a Flatten before it"),
    2: ("(tokens, width)", "put an Unflatten or a Flatten with start_dim 2 before it"),
    3: ("(channels, height, width)", "use it after a 'conv' mapping layer or an Unflatten"),
}


def output_shape(layer: Layer, shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape a layer makes of its inputs' shapes.

    Raises InputError naming the layer where they do not fit it.
    """
    if isinstance(layer, Add | Concat):
        return _joined_shape(layer, shapes)
    if len(shapes) != 1:
        raise InputError(
            f"{_title(layer)} takes one input, not {len(shapes)}; join them with Add or Concat before it."
        )
    (shape,) = shapes
    match layer:
        case Flatten() | Unflatten() | Transpose() | Mean():
            return _rearranged_shape(layer, shape)
        case Conv2d() | MaxPool2d() | AvgPool2d():
            return _slid_shape(layer, shape)
        case Linear():
            _require_rank(layer, shape, 1, 2)
            return (*shape[:-1], layer.out_features)
        case MultiheadAttention():
            _require_heads(layer, shape)
        case LayerNorm():
            _require_rank(layer, shape, 1, 2)
        case BatchNorm1d():
            _require_rank(layer, shape, 1)
        case BatchNorm2d():
            _require_rank(layer, shape, 3)
    return shape


def parameter_count(layer: Layer, shape: Shape) -> int:
    """Return the number of trainable parameters of a layer over an input of `shape`."""
    match layer:
        case Linear():
            return (shape[-1] + layer.bias) * layer.out_features
        case Conv2d():
            return (shape[0] * layer.kernel_size**2 + layer.bias) * layer.out_channels
        case MultiheadAttention():
            return 4 * (shape[1] + layer.bias) * shape[1]
        case BatchNorm1d() | BatchNorm2d():
            return 2 * shape[0]
        case LayerNorm():
            return 2 * shape[-1]
        case Position():
            return prod(shape)
    return 0


def multiplication_count(layer: Layer, shapes: tuple[Shape, ...], out: Shape) -> int:
    """Return what a sample costs in a layer from `shapes` to `out`, in multiplications of matrix products."""
    return _products(layer, shapes[0], out) + HANDLING * _handled(layer, shapes, out)


def _products(layer: Layer, shape: Shape, out: Shape) -> int:
    match layer:
        case Linear():
            return prod(shape) * layer.out_features
        case Conv2d():
            return shape[0] * layer.kernel_size**2 * prod(out)
        case MultiheadAttention():
            tokens, width = shape
            return 4 * tokens * width**2 + 2 * tokens**2 * width
    return 0


def _handled(layer: Layer, shapes: tuple[Shape, ...], out: Shape) -> int:
    """Return how many values a layer handles one by one, a value as often as it does."""
    match layer:
        case Flatten() | Unflatten() | Transpose() | Dropout() | ReLU():
            return prod(out)
        case Add() | Concat() | Mean():
            return sum(map(prod, shapes)) + prod(out)
        case MaxPool2d() | AvgPool2d() | Conv2d():
            return _slid(layer, shapes[0], out) + ROUNDED * prod(out)
        case LayerNorm():
            return NORMALISED * prod(out)
        case MultiheadAttention():
            # Queries, keys, values, what they mix and what comes out; then the scores of each head.
            return 5 * ROUNDED * prod(out) + SCORED * layer.num_heads * out[0] ** 2
    return ROUNDED * prod(out)


def _slid(layer: Conv2d | MaxPool2d | AvgPool2d, shape: Shape, out: Shape) -> int:
    """Return how many values windows hold, or how many they slide over where long strides skip most."""
    held = shape[0] * layer.kernel_size**2 * prod(out[1:])
    return max(held, prod(_padded_shape(layer, shape)))


def _padded_shape(layer: Conv2d | MaxPool2d | AvgPool2d, shape: Shape) -> Shape:
    padding = 0 if isinstance(layer, AvgPool2d) else layer.padding
    channels, height, width = shape
    return channels, height + 2 * padding, width + 2 * padding


def activation_count(layer: Layer, shape: Shape, out: Shape) -> int:
    """Return how many values a layer makes of one sample of `shape`, `out` being that of its result.

    An input is among them that is laid out anew with padding.
    """
    match layer:
        case MultiheadAttention():
            tokens, width = out
            return 5 * tokens * width + 2 * layer.num_heads * tokens**2
        case Conv2d() | MaxPool2d() if layer.padding:
            return prod(_padded_shape(layer, shape)) + prod(out)
    return prod(out)


def _joined_shape(layer: Add | Concat, shapes: tuple[Shape, ...]) -> Shape:
    if len(shapes) < 2:
        raise InputError(
            f"{_title(layer)} joins two or more layers, not {len(shapes)}; name them in its inputs."
        )
    first = shapes[0]
    if isinstance(layer, Add) and any(shape != first for shape in shapes):
        raise InputError(
            f"{_title(layer)} adds {_list(shapes)}, which differ; make them alike or use Concat."
        )
    if isinstance(layer, Add):
        return first
    if any(shape[1:] != first[1:] or len(shape) != len(first) for shape in shapes):
        raise InputError(
            f"{_title(layer)} joins {_list(shapes)}, which may differ in the first dimension only; make "
            "them alike."
        )
    return (sum(shape[0] for shape in shapes), *first[1:])


def _rearranged_shape(layer: Flatten | Unflatten | Transpose | Mean, shape: Shape) -> Shape:
    match layer:
        case Flatten():
            kept = layer.start_dim - 1
            if kept and len(shape) == 1:
                raise InputError(
                    f"{_title(layer)} starts at dimension 2 of an input that has one, {list(shape)}; "
                    "leave start_dim out."
                )
            return (*shape[:kept], prod(shape[kept:]))
        case Unflatten():
            _require_rank(layer, shape, 1)
            if prod(layer.unflattened_size) != shape[0]:
                raise InputError(
                    f"{_title(layer)} lays {shape[0]} values out as {list(layer.unflattened_size)}, which "
                    f"holds {prod(layer.unflattened_size)}; correct unflattened_size."
                )
            return layer.unflattened_size
    _require_rank(layer, shape, 2)
    return shape[::-1] if isinstance(layer, Transpose) else shape[1:]


def _slid_shape(layer: Conv2d | MaxPool2d | AvgPool2d, shape: Shape) -> Shape:
    _require_rank(layer, shape, 3)
    step = layer.stride if isinstance(layer, Conv2d) else stride_of(layer)
    padding = 0 if isinstance(layer, AvgPool2d) else layer.padding
    if isinstance(layer, MaxPool2d) and 2 * padding > layer.kernel_size:
        raise InputError(
            f"{_title(layer)} has a padding of {padding}, more than half its kernel of {layer.kernel_size}; "
            "use less."
        )
    if isinstance(layer, Conv2d) and padding >= layer.kernel_size:
        raise InputError(
            f"{_title(layer)} has a padding of {padding} and a kernel of {layer.kernel_size}, which would "
            "see nothing but padding; use less than the kernel."
        )
    height, width = ((side + 2 * padding - layer.kernel_size) // step + 1 for side in shape[1:])
    if min(height, width) < 1:
        raise InputError(
            f"{_title(layer)} has a kernel of {layer.kernel_size}, larger than its input {list(shape)}; "
            "use a smaller one."
        )
    return (layer.out_channels if isinstance(layer, Conv2d) else shape[0], height, width)


def _require_heads(layer: MultiheadAttention, shape: Shape) -> None:
    _require_rank(layer, shape, 2)
    width = shape[1]
    if width % layer.num_heads or width // layer.num_heads > MAX_HEAD_WIDTH:
        raise InputError(
            f"{_title(layer)} shares a width of {width} among {layer.num_heads} heads; choose a number of "
            f"heads that divides it into parts of at most {MAX_HEAD_WIDTH}."
        )


def _require_rank(layer: Layer, shape: Shape, *ranks: int) -> None:
    if len(shape) in ranks:
        return
    wanted = " or ".join(RANKS[rank][0] for rank in ranks)
    raise InputError(f"{_title(layer)} needs a {wanted} input but gets {list(shape)}; {RANKS[ranks[0]][1]}.")


def _title(layer: Layer) -> str:
    return f"Layer {layer.name!r} ({layer.op}) of the model specification"


def _list(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)
