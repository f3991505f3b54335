"""The networks of the paper as specifications, with and without a secure mapping layer."""

import json
from math import isqrt, prod
from typing import Any, Final

from experiments.running.environment import REPOSITORY
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping, feature_shape
from pole.protocol.models.specification import MAX_MODEL_BYTES, ModelSpecification, mlp, parse_specification

VGG16: Final = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of 3x3 convolutions before each pooling (Simonyan and Zisserman 2015, column D)."""

QUADRANTS_32: Final = BlocksMapping(bits=3, queries=32, tile=(14, 14))
QUADRANTS_64: Final = BlocksMapping(bits=3, queries=64, tile=(14, 14))
CSML_1_VALID: Final = ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid")
CSML_4: Final = ConvMapping(bits=3, queries=4, kernel=(3, 3), padding="same")


def mnist_mlp(mapping: Mapping) -> ModelSpecification:
    """Return the MLP of the defaults over 28x28 pixels."""
    return mlp(
        input_shape=(28, 28), input_bits=8, mapping=mapping, hidden=(512, 256), classes=10, dropout=0.2
    )


def iris_mlp(queries: int) -> ModelSpecification:
    """Return a small MLP over the four features of Iris."""
    return mlp(
        input_shape=(4,),
        input_bits=8,
        mapping=LinearMapping(bits=8, queries=queries),
        hidden=(32,),
        classes=3,
    )


def small_cnn(shape: tuple[int, ...], mapping: Mapping) -> ModelSpecification:
    """Return a convolutional network that a CPU trains in a minute: 5x5 (24), 3x3 (32), 256."""
    graph: list[dict[str, Any]] = [
        {"op": "Conv2d", "out_channels": 24, "kernel_size": 5, "padding": 2, "bias": False},
        *({"op": "BatchNorm2d"}, {"op": "ReLU"}, {"op": "MaxPool2d", "kernel_size": 2}),
        {"op": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1, "bias": False},
        *({"op": "BatchNorm2d"}, {"op": "ReLU"}, {"op": "MaxPool2d", "kernel_size": 2}),
        {"op": "Flatten"},
        {"op": "Linear", "out_features": 256, "bias": False},
        *({"op": "BatchNorm1d"}, {"op": "ReLU"}),
        {"op": "Linear", "out_features": 10},
    ]
    return _specification(shape, mapping, graph)


def cnn_of_projections(mapping: Mapping) -> ModelSpecification:
    """Return a convolutional network over a vector of features of 28x28 pixels, laid out as an image."""
    size = prod(feature_shape(mapping, (28, 28)))
    graph = _laid_out(size, [1, isqrt(size), isqrt(size)])
    for channels, pooled in ((32, False), (64, True), (64, True)):
        graph += _convolution(channels)
        graph += [{"op": "MaxPool2d", "kernel_size": 2}] * pooled
    graph += [{"op": "Flatten"}, *_hidden(256, dropout=0.3), {"op": "Linear", "out_features": 10}]
    return _specification((28, 28), mapping, graph)


def transformer_of_tiles(mapping: BlocksMapping, *, width: int = 128, blocks: int = 2) -> ModelSpecification:
    """Return a transformer whose tokens are the tiles of 28x28 pixels."""
    size = prod(feature_shape(mapping, (28, 28)))
    graph = _laid_out(size, [size // mapping.queries, mapping.queries])
    graph += [{"op": "Linear", "out_features": width}, {"op": "Position"}]
    for _ in range(blocks):
        start = len(graph) - 1
        graph += [
            *({"op": "LayerNorm"}, {"op": "MultiheadAttention", "num_heads": 4}),
            {"op": "Add", "inputs": [f"layer{start}", f"layer{start + 2}"]},
            *({"op": "LayerNorm"}, {"op": "Linear", "out_features": 2 * width}, {"op": "GELU"}),
            *({"op": "Linear", "out_features": width}, {"op": "Dropout", "p": 0.1}),
            {"op": "Add", "inputs": [f"layer{start + 3}", f"layer{start + 8}"]},
        ]
    graph += [{"op": "LayerNorm"}, {"op": "Flatten"}, {"op": "Linear", "out_features": 10}]
    return _specification((28, 28), mapping, graph)


def vgg16(shape: tuple[int, ...], mapping: Mapping, *, narrower: int = 1) -> ModelSpecification:
    """Return VGG-16 with BatchNorm, `narrower` times narrower; an image of one pixel is not pooled.

    Features that are a vector are laid out as a square image.
    """
    features = feature_shape(mapping, shape)
    graph: list[dict[str, Any]] = []
    side = features[-1]
    if len(features) == 1:
        side = isqrt(side)
        graph = _laid_out(features[0], [1, side, side])
    for channels, count in VGG16:
        for _ in range(count):
            graph += _convolution(channels // narrower)
        if side > 1:
            graph.append({"op": "MaxPool2d", "kernel_size": 2})
            side //= 2
    graph.append({"op": "Flatten"})
    for _ in range(2):
        graph += _hidden(512 // narrower, dropout=0.3)
    graph.append({"op": "Linear", "out_features": 10})
    return _specification(shape, mapping, graph)


def example(name: str) -> ModelSpecification:
    """Return a specification of `examples`."""
    return parse_specification((REPOSITORY / "examples" / f"{name}.json").read_bytes())


def over(network: ModelSpecification, mapping: Mapping) -> ModelSpecification:
    """Return the network of a specification over another mapping layer."""
    graph = [layer.model_dump() for layer in network.graph]
    return _specification(network.input.shape, mapping, graph)


def pixels(shape: tuple[int, ...]) -> Mapping:
    """Return a layer whose features have the shape of the samples: it stands where there is none."""
    if len(shape) == 3:
        return ConvMapping(bits=1, queries=1, kernel=(1, 1))
    return LinearMapping(bits=1, queries=prod(shape))


def _laid_out(size: int, shape: list[int]) -> list[dict[str, Any]]:
    """Return layers that give a vector of features a shape.

    The Linear learns which feature comes where, and is what whitening can be folded into.
    """
    front: list[dict[str, Any]] = [{"op": "Linear", "out_features": size, "bias": False}]
    return [*front, {"op": "BatchNorm1d"}, {"op": "Unflatten", "unflattened_size": shape}]


def _convolution(channels: int) -> list[dict[str, Any]]:
    sizes = {"out_channels": channels, "kernel_size": 3, "padding": 1}
    return [{"op": "Conv2d", **sizes, "bias": False}, {"op": "BatchNorm2d"}, {"op": "ReLU"}]


def _hidden(width: int, *, dropout: float) -> list[dict[str, Any]]:
    linear: dict[str, Any] = {"op": "Linear", "out_features": width, "bias": False}
    return [linear, {"op": "BatchNorm1d"}, {"op": "ReLU"}, {"op": "Dropout", "p": dropout}]


def _specification(
    shape: tuple[int, ...], mapping: Mapping, graph: list[dict[str, Any]]
) -> ModelSpecification:
    return parse_specification(
        json.dumps(
            {
                "input": {"shape": shape, "bits": 8},
                "mapping": mapping.model_dump(),
                "graph": [{"name": f"layer{number}", **layer} for number, layer in enumerate(graph)],
                "classes": 10,
                "max_parameters": 50_000_000,
                "max_bytes": MAX_MODEL_BYTES,
            }
        )
    )
