"""A specification's network as a torch module: features in, logits out."""

from typing import cast

import torch
from torch import Tensor, nn

from pole.protocol.mapping_kinds import Shape
from pole.protocol.model_graph import Node
from pole.protocol.model_layers import (
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
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Tanh,
)
from pole.protocol.model_spec import ModelSpecification


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


def torch_module(layer: Layer, shape: Shape) -> nn.Module:
    """Return the torch module of a layer over an input of `shape`."""
    match layer:
        case Linear():
            return nn.Linear(shape[0], layer.out_features, bias=layer.bias)
        case Conv2d():
            return nn.Conv2d(
                shape[0], layer.out_channels, layer.kernel_size, layer.stride, layer.padding, bias=layer.bias
            )
        case MaxPool2d():
            return nn.MaxPool2d(layer.kernel_size, layer.stride)
        case AvgPool2d():
            return nn.AvgPool2d(layer.kernel_size, layer.stride)
        case BatchNorm1d():
            return nn.BatchNorm1d(shape[0])
        case BatchNorm2d():
            return nn.BatchNorm2d(shape[0])
        case Add() | Concat():
            return _Join(layer)
        case _:
            return _without_parameters(layer)


def _without_parameters(layer: Flatten | Dropout | ReLU | LeakyReLU | Sigmoid | Tanh | GELU) -> nn.Module:
    match layer:
        case Dropout():
            return nn.Dropout(layer.p)
        case LeakyReLU():
            return nn.LeakyReLU(layer.negative_slope)
        case _:
            modules: dict[str, type[nn.Module]] = {
                "Flatten": nn.Flatten,
                "ReLU": nn.ReLU,
                "Sigmoid": nn.Sigmoid,
                "Tanh": nn.Tanh,
                "GELU": nn.GELU,
            }
            return modules[layer.op]()
