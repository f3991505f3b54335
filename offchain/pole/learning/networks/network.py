"""A specification's network as a torch module: features in, logits out."""

from typing import assert_never, cast

import torch
from torch import Tensor, nn

from pole.learning.networks import dropout
from pole.protocol.mapping.kinds import Shape
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
    Layer,
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
)
from pole.protocol.models.specification import ModelSpecification


class Network(nn.Module):
    """The network of a specification, freshly initialised from torch's random state.

    Takes float32 features (n, *feature_shape) and returns logits (n, classes). `module(name)` is the torch
    module of a layer.
    """

    def __init__(self, specification: ModelSpecification) -> None:
        super().__init__()
        self.nodes: tuple[Node, ...] = specification.nodes()
        self.steps = nn.ModuleList(torch_module(node.layer, node.input_shapes[0]) for node in self.nodes)

    def module(self, name: str) -> nn.Module:
        """Return the torch module of the layer called `name`."""
        return self.steps[[node.layer.name for node in self.nodes].index(name)]

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits."""
        values = {INPUT: features}
        for node, step in zip(self.nodes, self.steps, strict=True):
            inputs = [values[name] for name in node.inputs]
            values[node.layer.name] = cast(
                Tensor, step(inputs) if isinstance(step, _Join) else step(inputs[0])
            )
        return values[self.nodes[-1].layer.name]


class _Join(nn.Module):
    """Add or Concat: the one kind of layer with several inputs."""

    def __init__(self, layer: Add | Concat) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: list[Tensor]) -> Tensor:
        return torch.cat(inputs, dim=1) if isinstance(self.layer, Concat) else torch.stack(inputs).sum(dim=0)


class SelfAttention(nn.Module):
    """MultiheadAttention whose queries, keys and values are one input (n, tokens, width)."""

    def __init__(self, layer: MultiheadAttention, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, layer.num_heads, layer.dropout, bias=layer.bias, batch_first=True
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return what attention makes of `x`."""
        return cast(Tensor, self.attention(x, x, x, need_weights=False)[0])


class AddedPosition(nn.Module):
    """Adds `position`, a parameter of the input's shape that starts small and random."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.position = nn.Parameter(0.02 * torch.randn(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        return x + self.position


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


class _Transpose(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def torch_module(layer: Layer, shape: Shape) -> nn.Module:
    """Return the torch module of a layer over an input of `shape`."""
    match layer:
        case Linear():
            return nn.Linear(shape[-1], layer.out_features, bias=layer.bias)
        case Conv2d():
            return nn.Conv2d(
                shape[0], layer.out_channels, layer.kernel_size, layer.stride, layer.padding, bias=layer.bias
            )
        case MaxPool2d():
            return nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding)
        case AvgPool2d():
            return nn.AvgPool2d(layer.kernel_size, layer.stride)
        case BatchNorm1d() | BatchNorm2d() | LayerNorm():
            return _norm(layer, shape)
        case MultiheadAttention():
            return SelfAttention(layer, shape[1])
        case Position():
            return AddedPosition(shape)
        case Add() | Concat():
            return _Join(layer)
        case _:
            return _without_parameters(layer)


def _norm(layer: BatchNorm1d | BatchNorm2d | LayerNorm, shape: Shape) -> nn.Module:
    match layer:
        case BatchNorm1d():
            return nn.BatchNorm1d(shape[0])
        case BatchNorm2d():
            return nn.BatchNorm2d(shape[0])
        case LayerNorm():
            return nn.LayerNorm(shape[-1])
    assert_never(layer)


def _without_parameters(
    layer: Flatten | Unflatten | Transpose | Mean | Dropout | ReLU | LeakyReLU | Sigmoid | Tanh | GELU,
) -> nn.Module:
    match layer:
        case Flatten():
            return nn.Flatten(layer.start_dim)
        case Unflatten():
            return nn.Unflatten(1, layer.unflattened_size)
        case Dropout():
            return dropout.Dropout(layer.p)
        case LeakyReLU():
            return nn.LeakyReLU(layer.negative_slope)
        case _:
            modules: dict[str, type[nn.Module]] = {
                "Transpose": _Transpose,
                "Mean": _Mean,
                "ReLU": nn.ReLU,
                "Sigmoid": nn.Sigmoid,
                "Tanh": nn.Tanh,
                "GELU": nn.GELU,
            }
            return modules[layer.op]()
