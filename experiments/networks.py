"""The networks of the paper as specifications, with and without a secure mapping layer."""

import json
from math import isqrt, prod
from typing import Any, Final

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


def vgg16(shape: tuple[int, ...], mapping: Mapping, *, narrower: int = 1) -> ModelSpecification:
    """Return VGG-16 with BatchNorm, `narrower` times narrower; an image of one pixel is not pooled.

    Features that are a vector are laid out as a square image.
    """
    features = feature_shape(mapping, shape)
    graph: list[dict[str, Any]] = []
    side = features[-1]
    if len(features) == 1:
        side = isqrt(side)
        graph.append({"op": "Unflatten", "unflattened_size": [1, side, side]})
    for channels, count in VGG16:
        for _ in range(count):
            graph += [
                {
                    "op": "Conv2d",
                    "out_channels": channels // narrower,
                    "kernel_size": 3,
                    "padding": 1,
                    "bias": False,
                },
                {"op": "BatchNorm2d"},
                {"op": "ReLU"},
            ]
        if side > 1:
            graph.append({"op": "MaxPool2d", "kernel_size": 2})
            side //= 2
    graph.append({"op": "Flatten"})
    for _ in range(2):
        graph += [
            {"op": "Linear", "out_features": 512 // narrower, "bias": False},
            *({"op": "BatchNorm1d"}, {"op": "ReLU"}, {"op": "Dropout", "p": 0.3}),
        ]
    graph.append({"op": "Linear", "out_features": 10})
    return _specification(shape, mapping, graph)


def pixels(shape: tuple[int, ...]) -> Mapping:
    """Return a layer whose features have the shape of the samples: it stands where there is none."""
    if len(shape) == 3:
        return ConvMapping(bits=1, queries=1, kernel=(1, 1))
    return LinearMapping(bits=1, queries=prod(shape))


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
