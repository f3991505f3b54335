"""The functions and tensor methods that a user's forward may call, as the torch.nn modules they stand for.

They are known by name: torch.relu, functional.relu and x.relu() are one; so are relu and relu_, since whoever
reads what a call changes in place reads that call.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from pole.learning.importing.layers import Flow

ATTENTION: Final = "write attention as nn.MultiheadAttention or nn.TransformerEncoderLayer"
LINEAR: Final = "make it an nn.Linear"
OUTPUT: Final = "leave it out: training takes logits, and the largest logit is the likeliest class"
JOINED: Final = "join layers by torch.cat(..., dim=1)"
ONE_ROW: Final = "use mean(dim=1) or nn.Flatten to make one row of tokens"
PARTS: Final = "parts of a tensor have no layer: make a layer of its own for each part, over the whole"
ACTIVATION: Final = "use an activation: nn.ReLU, nn.LeakyReLU, nn.GELU, nn.Tanh or nn.Sigmoid"
WORDS: Final = "features are numbers, no words or indices: put an nn.Linear there"
SIZE: Final = "use nn.AvgPool2d, or a stride"
RANDOM: Final = "draw random numbers by nn.Dropout alone"
ANY_REMEDY: Final = "write it with layers of docs/model-specification.md"


def name_of(target: object) -> str:
    """Return the name of a tensor method, or of a function of torch or operator; "" for any other."""
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    if isinstance(target, str) or any(
        getattr(space, name, None) is target for space in (torch, functional, operator)
    ):
        return name if name.startswith("__") else name.removesuffix("_")
    return ""


def remedy(name: str, args: tuple[Any, ...]) -> str:
    """Return what to write instead of a call that is no layer."""
    tensors = [each for each in args if isinstance(each, torch.Tensor)]
    if name in FACTORS and any(isinstance(each, nn.Parameter) for each in tensors):
        return "a learned factor is part of nn.LayerNorm, nn.BatchNorm1d and nn.Linear: use one of them"
    if name in FACTORS and all(isinstance(each, Flow) for each in args):
        return "gates, products of two layers, have no layer: add or join them"
    if name in FACTORS:
        return "a constant factor belongs into a layer's own weights, which learn it: leave it out"
    if name == "getitem" and isinstance(args[0], Flow) and len(args[0].shape) == 1:
        return PARTS
    if name in PRODUCTS:
        return LINEAR if tensors else ATTENTION
    if tensors and not any(isinstance(each, Flow) for each in args):
        return "a parameter can be added as it is, and no more: give it the shape that is needed"
    return REMEDIES.get(name, ANY_REMEDY)


def _dropout(p: float = 0.5, training: bool = True, inplace: bool = False) -> nn.Module:  # noqa: FBT001, FBT002
    return nn.Dropout(p if training else 0.0, inplace)


def _flatten(start_dim: int = 0, end_dim: int = -1) -> nn.Module:
    return nn.Flatten(start_dim, end_dim)


def _max_pool(
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,  # noqa: FBT001, FBT002
    return_indices: bool = False,  # noqa: FBT001, FBT002
) -> nn.Module:
    return nn.MaxPool2d(kernel_size, stride or None, padding, dilation, return_indices, ceil_mode)


def _avg_pool(kernel_size: Any, stride: Any = None, *rest: Any, **more: Any) -> nn.Module:
    return nn.AvgPool2d(kernel_size, stride or None, *rest, **more)


MODULES: Final[Mapping[str, Callable[..., nn.Module]]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "dropout": _dropout,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "flatten": _flatten,
    "unflatten": nn.Unflatten,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "relu6": nn.ReLU6,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
}
FACTORS: Final = frozenset({"mul", "multiply", "div", "divide", "truediv", "true_divide"})
PRODUCTS: Final = frozenset({"matmul", "bmm", "mm", "addmm", "baddbmm", "einsum", "tensordot"})
# Conversions are compared with the type of the features.
NOTHING: Final = frozenset({"contiguous", "clone", "float", "to", "type", "type_as"})
CONCATENATIONS: Final = frozenset({"cat", "concat", "concatenate"})
RESHAPES: Final = frozenset({"view", "reshape"})
TRANSPOSITIONS: Final = frozenset({"transpose", "permute", "swapaxes", "swapdims"})
REMEDIES: Final[Mapping[str, str]] = {
    "scaled_dot_product_attention": ATTENTION,
    "softmax": f"for attention, {ATTENTION}; at the end, {OUTPUT}",
    "log_softmax": OUTPUT,
    "sum": ONE_ROW,
    "max": ONE_ROW,
    "amax": ONE_ROW,
    "prod": ONE_ROW,
    "stack": JOINED,
    "hstack": JOINED,
    "T": "exchange the two dimensions of tokens by transpose(1, 2)",
    "mT": "exchange the two dimensions of tokens by transpose(1, 2)",
    "data": "leave .data out",
    "getitem": ONE_ROW,
    "select": ONE_ROW,
    "chunk": PARTS,
    "split": PARTS,
    "unbind": PARTS,
    "narrow": PARTS,
    "sub": "a difference has no layer: add instead, the weights of the layer before it learn the sign",
    "neg": "a sign has no layer: leave it out, the weights of the layer before or after it learn it",
    "pow": ACTIVATION,
    "exp": ACTIVATION,
    "log": ACTIVATION,
    "sqrt": ACTIVATION,
    "abs": ACTIVATION,
    "clamp": ACTIVATION,
    "softplus": ACTIVATION,
    "linear": LINEAR,
    "conv2d": "make it an nn.Conv2d",
    "conv1d": "make it an nn.Conv2d over an image of one row, or an nn.Linear over tokens",
    "batch_norm": "make it an nn.BatchNorm2d",
    "layer_norm": "make it an nn.LayerNorm",
    "normalize": "make it an nn.LayerNorm",
    "pad": "give the padding to nn.Conv2d or nn.MaxPool2d",
    "embedding": WORDS,
    "one_hot": WORDS,
    "long": WORDS,
    "int": WORDS,
    "interpolate": SIZE,
    "upsample": SIZE,
    "expand": "repeated values have no layer",
    "repeat": "repeated values have no layer",
    "detach": "training needs its gradient: leave it out",
    "rand_like": RANDOM,
    "randn_like": RANDOM,
    "bernoulli": RANDOM,
    "alpha_dropout": "use nn.Dropout",
    "dropout1d": "use nn.Dropout",
    "dropout2d": "use nn.Dropout",
    "feature_dropout": "use nn.Dropout",
}
