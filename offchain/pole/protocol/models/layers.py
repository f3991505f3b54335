"""The layers a network may be made of: a whitelist of torch.nn modules with their arguments.

Each layer takes the arguments of the torch.nn module of the same name; input sizes are inferred, as in
torch.nn.LazyLinear. Their shapes and costs are in pole.protocol.models.shapes.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

INPUT: Final = "input"
SLOPE_STEPS: Final = 4096

MAX_KERNEL: Final = 32

Kernel = Annotated[int, Field(ge=1, le=MAX_KERNEL)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


def _require_dyadic(slope: float) -> float:
    if not (slope * SLOPE_STEPS).is_integer():
        raise ValueError(f"the slope must be a multiple of 1/{SLOPE_STEPS}, such as 0.125")
    return slope


class _Layer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Name
    inputs: tuple[Name, ...] = ()


class Flatten(_Layer):
    """Lay the values of a sample out in one row, from dimension `start_dim` on (1 is the first)."""

    op: Literal["Flatten"] = "Flatten"
    start_dim: Literal[1, 2] = 1


class Unflatten(_Layer):
    """Lay a (features,) input out as (tokens, width) or (channels, height, width), row by row."""

    op: Literal["Unflatten"] = "Unflatten"
    unflattened_size: Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]


class Transpose(_Layer):
    """Exchange the two dimensions of a (tokens, width) input."""

    op: Literal["Transpose"] = "Transpose"


class Linear(_Layer):
    """A fully connected layer over a (features,) input, or over each token of a (tokens, width) one."""

    op: Literal["Linear"] = "Linear"
    out_features: PositiveInt
    bias: bool = True


class Conv2d(_Layer):
    """A square convolution over a (channels, height, width) input, padded with zeros."""

    op: Literal["Conv2d"] = "Conv2d"
    out_channels: PositiveInt
    kernel_size: Kernel
    stride: PositiveInt = 1
    padding: NonNegativeInt = 0
    bias: bool = True


class MultiheadAttention(_Layer):
    """Self-attention over a (tokens, width) input: every token is query, key and value."""

    op: Literal["MultiheadAttention"] = "MultiheadAttention"
    num_heads: PositiveInt
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    bias: bool = True


class Position(_Layer):
    """Adds a learned number at every place of the input."""

    op: Literal["Position"] = "Position"


class Mean(_Layer):
    """The mean over the tokens of a (tokens, width) input."""

    op: Literal["Mean"] = "Mean"


class MaxPool2d(_Layer):
    """The largest value of each square window; padding counts as smaller than anything."""

    op: Literal["MaxPool2d"] = "MaxPool2d"
    kernel_size: Kernel
    stride: PositiveInt | None = None
    padding: NonNegativeInt = 0


class AvgPool2d(_Layer):
    """The mean of each square window."""

    op: Literal["AvgPool2d"] = "AvgPool2d"
    kernel_size: Kernel
    stride: PositiveInt | None = None


class BatchNorm1d(_Layer):
    """Normalisation of each feature; in evaluation a fixed affine map."""

    op: Literal["BatchNorm1d"] = "BatchNorm1d"


class BatchNorm2d(_Layer):
    """Normalisation of each channel; in evaluation a fixed affine map."""

    op: Literal["BatchNorm2d"] = "BatchNorm2d"


class LayerNorm(_Layer):
    """Normalisation of each sample over its features, or of each token over its width."""

    op: Literal["LayerNorm"] = "LayerNorm"


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
    negative_slope: Annotated[float, Field(ge=0, le=1), AfterValidator(_require_dyadic)] = 0.125


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
    """Two or more inputs, one after the other along the first dimension (features, tokens or channels)."""

    op: Literal["Concat"] = "Concat"


Layer = Annotated[
    Flatten
    | Unflatten
    | Transpose
    | Linear
    | Conv2d
    | MultiheadAttention
    | Position
    | Mean
    | MaxPool2d
    | AvgPool2d
    | BatchNorm1d
    | BatchNorm2d
    | LayerNorm
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


def stride_of(layer: MaxPool2d | AvgPool2d) -> int:
    """Return a pooling layer's stride, the kernel size unless it is given."""
    return layer.kernel_size if layer.stride is None else layer.stride
