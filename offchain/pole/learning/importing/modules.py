"""Which layer of a model specification each torch.nn module is, with what arguments; or why it is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final

from torch import nn

from pole.learning.importing.trace import UnsupportedError
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.layers import SLOPE_STEPS

ATTENTION: Final = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer)
"""What several layers are made of, in pole.learning.importing.transformers."""
EPSILON: Final = 1e-5
SERIES: Final = (
    "lay the series out as an image of one row, x.reshape(x.shape[0], channels, 1, steps), for an nn.Conv2d "
    "of an odd kernel_size k with padding=k // 2; or as tokens, x.reshape(x.shape[0], steps, channels), for "
    "nn.Linear and attention"
)
POOLED_SERIES: Final = "give a stride to the nn.Conv2d over the series, an image of one row"
REMEDIES: Final[Mapping[str, str]] = {
    "Softmax": "leave it out: training takes logits, and the largest logit is the likeliest class",
    "LogSoftmax": "leave it out: training takes logits, and the largest logit is the likeliest class",
    "SiLU": "use nn.GELU",
    "Mish": "use nn.GELU",
    "ELU": "use nn.GELU or nn.LeakyReLU(0.125)",
    "ReLU6": "use nn.ReLU",
    "PReLU": "use nn.LeakyReLU(0.125)",
    "Hardswish": "use nn.GELU",
    "GroupNorm": "use nn.BatchNorm2d",
    "InstanceNorm2d": "use nn.BatchNorm2d",
    "RMSNorm": "use nn.LayerNorm",
    "Dropout1d": "use nn.Dropout",
    "Dropout2d": "use nn.Dropout",
    "Conv1d": SERIES,
    "Conv3d": "use nn.Conv2d",
    "MaxPool1d": POOLED_SERIES,
    "AvgPool1d": POOLED_SERIES,
    "AdaptiveAvgPool1d": "use mean(dim=1) over tokens, after transpose(1, 2)",
    "AdaptiveMaxPool1d": "use mean(dim=1) over tokens, after transpose(1, 2)",
    "ZeroPad2d": "give the padding to the nn.Conv2d or nn.MaxPool2d",
    "Upsample": "use nn.AvgPool2d, or a stride",
    "DataParallel": "make the module in it",
    "Bilinear": "use nn.Linear over nn.Flatten or torch.cat",
    "Softplus": "use nn.ReLU or nn.GELU",
    "SELU": "use nn.GELU",
    "AlphaDropout": "use nn.Dropout",
    "ConvTranspose2d": "use nn.Conv2d",
    "AdaptiveMaxPool2d": "use nn.MaxPool2d with a kernel_size",
    "LazyLinear": "use nn.Linear and name its in_features",
    "LSTM": "use nn.TransformerEncoderLayer",
    "GRU": "use nn.TransformerEncoderLayer",
    "RNN": "use nn.TransformerEncoderLayer",
    "Embedding": "features are numbers that the mapping layer makes, no words or indices, so use nn.Linear; "
    "learned positions are an nn.Parameter that is added",
    "TransformerDecoderLayer": "use nn.TransformerEncoderLayer",
}


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The `op` and `arguments` of the layer that a module is."""

    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def equivalent(module: nn.Module, shape: Shape) -> Equivalent | None:
    """Return the layer that a torch.nn module over a sample of `shape` is; None where it changes nothing.

    Raises UnsupportedError that says what to use instead.
    """
    require_known(module)
    return _READERS[type(module)](module, shape)


def require_known(module: nn.Module) -> None:
    """Raise UnsupportedError that says what to use instead of a torch.nn module whose kind is on no list."""
    kind = type(module)
    if kind not in _READERS:
        known = sorted(each.__name__ for each in (*_READERS, *ATTENTION))
        remedy = REMEDIES.get(kind.__name__, f"use one of {', '.join(known)}")
        raise UnsupportedError(f"{kind.__name__} is no layer of a model specification: {remedy}")


def _linear(module: nn.Linear, _shape: Shape) -> Equivalent:
    return Equivalent("Linear", {"out_features": module.out_features, "bias": module.bias is not None})


def _conv2d(module: nn.Conv2d, _shape: Shape) -> Equivalent:
    if module.groups != 1 or module.padding_mode != "zeros" or _square(module.dilation, "dilation") != 1:
        raise UnsupportedError("a Conv2d must have groups 1, dilation 1 and padding_mode 'zeros'")
    size, stride = _square(module.kernel_size, "kernel_size"), _square(module.stride, "stride")
    padding: Any = module.padding
    if isinstance(padding, str):
        if padding == "same" and size % 2 == 0:
            raise UnsupportedError("padding 'same' of an even kernel is uneven: use an odd kernel_size")
        padding = (size - 1) // 2 if padding == "same" else 0
    return Equivalent(
        "Conv2d",
        {
            "out_channels": module.out_channels,
            "kernel_size": size,
            "stride": stride,
            "padding": _square(padding, "padding"),
            "bias": module.bias is not None,
        },
    )


def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, _shape: Shape) -> Equivalent:
    if module.eps != EPSILON or not module.affine or not module.track_running_stats:
        raise UnsupportedError(f"a batch norm must have eps {EPSILON}, affine and track_running_stats")
    return Equivalent(type(module).__name__)


def _layer_norm(module: nn.LayerNorm, shape: Shape) -> Equivalent:
    if tuple(module.normalized_shape) != shape[-1:]:
        raise UnsupportedError(f"a LayerNorm must be over the last dimension, here {shape[-1]}")
    if module.eps != EPSILON or not module.elementwise_affine or module.bias is None:
        raise UnsupportedError(f"a LayerNorm must have eps {EPSILON}, elementwise_affine and bias")
    return Equivalent("LayerNorm")


def _max_pool(module: nn.MaxPool2d, _shape: Shape) -> Equivalent:
    if module.return_indices or module.ceil_mode or _square(module.dilation, "dilation") != 1:
        raise UnsupportedError("a MaxPool2d must have dilation 1, no ceil_mode and no return_indices")
    return Equivalent(
        "MaxPool2d",
        {
            "kernel_size": _square(module.kernel_size, "kernel_size"),
            "stride": _square(module.stride, "stride"),
            "padding": _square(module.padding, "padding"),
        },
    )


def _avg_pool(module: nn.AvgPool2d, _shape: Shape) -> Equivalent:
    if module.ceil_mode or module.divisor_override is not None or _square(module.padding, "padding") != 0:
        raise UnsupportedError("an AvgPool2d must have padding 0, no ceil_mode and no divisor_override")
    kernel, stride = _square(module.kernel_size, "kernel_size"), _square(module.stride, "stride")
    return Equivalent("AvgPool2d", {"kernel_size": kernel, "stride": stride})


def _adaptive_pool(module: nn.AdaptiveAvgPool2d, shape: Shape) -> Equivalent | None:
    if len(shape) != 3:
        raise UnsupportedError(f"an AdaptiveAvgPool2d needs (channels, height, width), not {list(shape)}")
    sides = shape[1:]
    wanted: Any = module.output_size
    wanted = (wanted, wanted) if isinstance(wanted, int) else tuple(wanted)
    target = tuple(side if want is None else want for want, side in zip(wanted, sides, strict=True))
    if target == sides:
        return None
    size = sides[0] // target[0]
    if size < 1 or tuple(size * side for side in target) != sides:
        raise UnsupportedError(
            f"an AdaptiveAvgPool2d from {list(sides)} to {list(target)} has windows that are not all one "
            "square: use an AvgPool2d with a kernel_size that divides the sides"
        )
    return Equivalent("AvgPool2d", {"kernel_size": size, "stride": size})


def _leaky_relu(module: nn.LeakyReLU, _shape: Shape) -> Equivalent:
    if not float(module.negative_slope * SLOPE_STEPS).is_integer():
        raise UnsupportedError(
            f"a LeakyReLU's negative_slope of {module.negative_slope} is no multiple of 1/{SLOPE_STEPS}: use "
            f"0.125, or {round(module.negative_slope * SLOPE_STEPS)} / {SLOPE_STEPS}"
        )
    return Equivalent("LeakyReLU", {"negative_slope": float(module.negative_slope)})


def _gelu(module: nn.GELU, _shape: Shape) -> Equivalent:
    if module.approximate != "none":
        raise UnsupportedError("a GELU must have approximate='none'")
    return Equivalent("GELU")


def _dropout(module: nn.Dropout, _shape: Shape) -> Equivalent | None:
    return Equivalent("Dropout", {"p": float(module.p)}) if module.p else None


def _flatten(module: nn.Flatten, shape: Shape) -> Equivalent | None:
    start = module.start_dim % (len(shape) + 1)
    if start not in (1, 2) or module.end_dim not in (-1, len(shape)):
        raise UnsupportedError("a Flatten must start at dimension 1 or 2 and reach to the last")
    if len(shape) == start:
        return None
    return Equivalent("Flatten", {"start_dim": start})


def _unflatten(module: nn.Unflatten, shape: Shape) -> Equivalent:
    if module.dim not in (1, -1) or len(shape) != 1:
        raise UnsupportedError("an Unflatten must be of dimension 1 of a (samples, features) input")
    sizes: Any = module.unflattened_size
    known = prod(size for size in sizes if size != -1)
    filled = tuple(shape[0] // max(1, known) if size == -1 else size for size in sizes)
    return Equivalent("Unflatten", {"unflattened_size": filled})


def _identity(_module: nn.Identity, _shape: Shape) -> None:
    return None


def _plain(module: nn.Module, _shape: Shape) -> Equivalent:
    return Equivalent(type(module).__name__)


def _square(value: int | tuple[int, ...], what: str) -> int:
    sides = {value} if isinstance(value, int) else set(value)
    if len(sides) != 1:
        raise UnsupportedError(f"a {what} of {value} is not square: use one number for both sides")
    return sides.pop()


_READERS: Final[Mapping[type[nn.Module], Callable[[Any, Shape], Equivalent | None]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool,
    nn.ReLU: _plain,
    nn.LeakyReLU: _leaky_relu,
    nn.Sigmoid: _plain,
    nn.Tanh: _plain,
    nn.GELU: _gelu,
    nn.Dropout: _dropout,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Identity: _identity,
}
