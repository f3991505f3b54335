"""The layers a network may be made of: a whitelist of torch.nn modules, their arguments and shapes.

Each layer takes the arguments of the torch.nn module of the same name; input sizes are inferred, as in
torch.nn.LazyLinear. Shapes are those of one sample, without the batch.
"""

from math import prod
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from pole.errors import InputError
from pole.protocol.mapping_kinds import Shape

INPUT: Final = "input"
SLOPE_STEPS: Final = 4096

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


def _demand_dyadic(slope: float) -> float:
    if not (slope * SLOPE_STEPS).is_integer():
        raise ValueError(f"the slope must be a multiple of 1/{SLOPE_STEPS}, such as 0.125")
    return slope


class _Layer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Name
    inputs: tuple[Name, ...] = ()


class Flatten(_Layer):
    """Lay all values of a sample out in one row."""

    op: Literal["Flatten"] = "Flatten"


class Linear(_Layer):
    """A fully connected layer over a (features,) input."""

    op: Literal["Linear"] = "Linear"
    out_features: PositiveInt
    bias: bool = True


class Conv2d(_Layer):
    """A square convolution over a (channels, height, width) input, padded with zeros."""

    op: Literal["Conv2d"] = "Conv2d"
    out_channels: PositiveInt
    kernel_size: PositiveInt
    stride: PositiveInt = 1
    padding: NonNegativeInt = 0
    bias: bool = True


class MaxPool2d(_Layer):
    """The largest value of each square window."""

    op: Literal["MaxPool2d"] = "MaxPool2d"
    kernel_size: PositiveInt
    stride: PositiveInt | None = None


class AvgPool2d(_Layer):
    """The mean of each square window."""

    op: Literal["AvgPool2d"] = "AvgPool2d"
    kernel_size: PositiveInt
    stride: PositiveInt | None = None


class BatchNorm1d(_Layer):
    """Normalisation of each feature; in evaluation a fixed affine map."""

    op: Literal["BatchNorm1d"] = "BatchNorm1d"


class BatchNorm2d(_Layer):
    """Normalisation of each channel; in evaluation a fixed affine map."""

    op: Literal["BatchNorm2d"] = "BatchNorm2d"


class Dropout(_Layer):
    """Zeroes values at random in training; in evaluation it does nothing."""

    op: Literal["Dropout"] = "Dropout"
    p: Annotated[float, Field(ge=0, lt=1)] = 0.5


class ReLU(_Layer):
    """max(x, 0)."""

    op: Literal["ReLU"] = "ReLU"


class LeakyReLU(_Layer):
    """x or slope * x, the slope a multiple of 2^-12 so that the product is exact."""

    op: Literal["LeakyReLU"] = "LeakyReLU"
    negative_slope: Annotated[float, Field(ge=0, le=1), AfterValidator(_demand_dyadic)] = 0.125


class Sigmoid(_Layer):
    """1 / (1 + exp(-x)), in evaluation a table over the activation grid."""

    op: Literal["Sigmoid"] = "Sigmoid"


class Tanh(_Layer):
    """tanh(x), in evaluation a table over the activation grid."""

    op: Literal["Tanh"] = "Tanh"


class GELU(_Layer):
    """x * Phi(x) in its exact (erf) form, in evaluation a table over the activation grid."""

    op: Literal["GELU"] = "GELU"


class Add(_Layer):
    """The sum of two or more inputs of one shape."""

    op: Literal["Add"] = "Add"


class Concat(_Layer):
    """Two or more inputs, one after the other along the first dimension (features or channels)."""

    op: Literal["Concat"] = "Concat"


Layer = Annotated[
    Flatten
    | Linear
    | Conv2d
    | MaxPool2d
    | AvgPool2d
    | BatchNorm1d
    | BatchNorm2d
    | Dropout
    | ReLU
    | LeakyReLU
    | Sigmoid
    | Tanh
    | GELU
    | Add
    | Concat,
    Field(discriminator="op"),
]


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
        case Flatten():
            return (prod(shape),)
        case Linear():
            _demand_rank(layer, shape, 1)
            return (layer.out_features,)
        case BatchNorm1d():
            _demand_rank(layer, shape, 1)
        case Conv2d():
            _demand_rank(layer, shape, 3)
            return (layer.out_channels, *_slide(layer, shape, layer.stride, layer.padding))
        case MaxPool2d() | AvgPool2d():
            _demand_rank(layer, shape, 3)
            return (shape[0], *_slide(layer, shape, stride_of(layer), 0))
        case BatchNorm2d():
            _demand_rank(layer, shape, 3)
    return shape


def parameter_count(layer: Layer, shape: Shape) -> int:
    """Return the number of trainable parameters of a layer over an input of `shape`."""
    match layer:
        case Linear():
            return (shape[0] + layer.bias) * layer.out_features
        case Conv2d():
            return (shape[0] * layer.kernel_size**2 + layer.bias) * layer.out_channels
        case BatchNorm1d() | BatchNorm2d():
            return 2 * shape[0]
    return 0


def multiplication_count(layer: Layer, shape: Shape, out: Shape) -> int:
    """Return the multiplications one sample costs in a layer, from `shape` to `out`."""
    match layer:
        case Linear():
            return shape[0] * layer.out_features
        case Conv2d():
            return shape[0] * layer.kernel_size**2 * prod(out)
    return prod(out)


def stride_of(layer: MaxPool2d | AvgPool2d) -> int:
    """Return a pooling layer's stride, the kernel size unless it is given."""
    return layer.kernel_size if layer.stride is None else layer.stride


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


def _slide(layer: Conv2d | MaxPool2d | AvgPool2d, shape: Shape, stride: int, padding: int) -> tuple[int, int]:
    height, width = ((side + 2 * padding - layer.kernel_size) // stride + 1 for side in shape[1:])
    if min(height, width) < 1:
        raise InputError(
            f"{_title(layer)} has a kernel of {layer.kernel_size}, larger than its input {list(shape)}; "
            "use a smaller one."
        )
    return height, width


def _demand_rank(layer: Layer, shape: Shape, rank: int) -> None:
    if len(shape) == rank:
        return
    wanted, remedy = (
        ("(features,)", "put a Flatten before it")
        if rank == 1
        else ("(channels, height, width)", "use it after a 'conv' mapping layer")
    )
    raise InputError(f"{_title(layer)} needs a {wanted} input but gets {list(shape)}; {remedy}.")


def _title(layer: Layer) -> str:
    return f"Layer {layer.name!r} ({layer.op}) of the model specification"


def _list(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)
