"""The functions and tensor methods that a user's forward may call, as the torch.nn modules they stand for."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

ATTENTION: Final = "write attention as nn.MultiheadAttention or nn.TransformerEncoderLayer"
PRODUCT: Final = "gates have no layer, and a constant factor belongs into a layer's own weights"
OUTPUT: Final = "leave it out: training takes logits, and the largest logit is the likeliest class"


def _dropout(p: float = 0.5, **_ignored: object) -> nn.Module:
    return nn.Dropout(p)


def _flatten(start_dim: int = 0, end_dim: int = -1) -> nn.Module:
    return nn.Flatten(start_dim, end_dim)


MODULES: Final[Mapping[object, Callable[..., nn.Module]]] = {
    torch.relu: nn.ReLU,
    functional.relu: nn.ReLU,
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    functional.leaky_relu: nn.LeakyReLU,
    torch.sigmoid: nn.Sigmoid,
    functional.sigmoid: nn.Sigmoid,
    "sigmoid": nn.Sigmoid,
    torch.tanh: nn.Tanh,
    functional.tanh: nn.Tanh,
    "tanh": nn.Tanh,
    functional.gelu: nn.GELU,
    functional.dropout: _dropout,
    functional.max_pool2d: nn.MaxPool2d,
    torch.max_pool2d: nn.MaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    torch.flatten: _flatten,
    "flatten": _flatten,
    "unflatten": nn.Unflatten,
    torch.unflatten: nn.Unflatten,
    functional.silu: nn.SiLU,
    functional.elu: nn.ELU,
    functional.relu6: nn.ReLU6,
}
NOTHING: Final[frozenset[object]] = frozenset({"contiguous", "float", "clone"})
ADDITIONS: Final[frozenset[object]] = frozenset({operator.add, operator.iadd, torch.add, "add", "add_"})
CONCATENATIONS: Final[frozenset[object]] = frozenset({torch.cat, torch.concat, torch.concatenate})
RESHAPES: Final[frozenset[object]] = frozenset({"view", "reshape", torch.reshape})
TRANSPOSITIONS: Final[frozenset[object]] = frozenset({"transpose", torch.transpose, "permute", torch.permute})
MEANS: Final[frozenset[object]] = frozenset({"mean", torch.mean})
# What may be done with sizes: whole numbers, that no layer needs.
ARITHMETIC: Final[Mapping[object, Callable[..., Any]]] = {
    operator.mul: operator.mul,
    operator.add: operator.add,
    operator.sub: operator.sub,
    operator.floordiv: operator.floordiv,
    operator.getitem: operator.getitem,
}
REMEDIES: Final[Mapping[object, str]] = {
    functional.scaled_dot_product_attention: ATTENTION,
    functional.softmax: f"for attention, {ATTENTION}; at the end, {OUTPUT}",
    torch.softmax: f"for attention, {ATTENTION}; at the end, {OUTPUT}",
    "softmax": f"for attention, {ATTENTION}; at the end, {OUTPUT}",
    functional.log_softmax: OUTPUT,
    torch.log_softmax: OUTPUT,
    "log_softmax": OUTPUT,
    torch.matmul: ATTENTION,
    operator.matmul: ATTENTION,
    "matmul": ATTENTION,
    torch.bmm: ATTENTION,
    "bmm": ATTENTION,
    operator.getitem: "use mean(dim=1) or nn.Flatten to make one row of tokens",
    operator.mul: PRODUCT,
    operator.truediv: PRODUCT,
    torch.mul: PRODUCT,
    functional.linear: "make it an nn.Linear",
    functional.conv2d: "make it an nn.Conv2d",
    functional.batch_norm: "make it an nn.BatchNorm2d",
    functional.layer_norm: "make it an nn.LayerNorm",
    functional.interpolate: "use nn.AvgPool2d, or a stride",
}
ANY_REMEDY: Final = "write it with layers of docs/model-specification.md"
