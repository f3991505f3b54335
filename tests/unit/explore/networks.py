"""Specifications of every kind of network, for pages that draw them."""

import json
from pathlib import Path
from typing import Any

from pole.protocol.models.specification import (
    MAX_LAYERS,
    MAX_MODEL_BYTES,
    MAX_PARAMETERS,
    ModelSpecification,
    parse_specification,
)

EXAMPLES = Path(__file__).parents[3] / "examples"
Layer = dict[str, Any]
MAX_READS = 6


def network(*layers: Layer, shape: tuple[int, ...] = (16,), **mapping: Any) -> ModelSpecification:
    """Return a specification of these layers and a last one for ten classes."""
    document = {
        "version": 2 if mapping.get("noise") else 1,
        "input": {"shape": list(shape), "bits": 8},
        "mapping": {"kind": "linear", "bits": 3, "queries": 8, **mapping},
        "graph": [*layers, {"name": "logits", "op": "Linear", "out_features": 10}],
        "classes": 10,
        "max_parameters": MAX_PARAMETERS,
        "max_bytes": MAX_MODEL_BYTES,
    }
    return parse_specification(json.dumps(document))


def plain(depth: int = MAX_LAYERS - 1) -> ModelSpecification:
    """Return a network of so many layers below its last one, each of which reads the one before."""
    return network(*({"name": f"layer{n}", "op": "ReLU"} for n in range(depth)))


def residual(blocks: int) -> ModelSpecification:
    """Return a network of blocks that each add what went in to what comes out."""
    layers: list[Layer] = [{"name": "first", "op": "Linear", "out_features": 8}]
    for n in range(blocks):
        before = layers[-1]["name"]
        layers += [
            {"name": f"inner{n}", "op": "Linear", "out_features": 8},
            {"name": f"relu{n}", "op": "ReLU"},
            {"name": f"sum{n}", "op": "Add", "inputs": [f"relu{n}", before]},
        ]
    return network(*layers)


def dense(depth: int) -> ModelSpecification:
    """Return a network in which each layer reads many before it."""
    layers: list[Layer] = [{"name": "layer0", "op": "ReLU"}]
    for n in range(1, depth):
        layers.append({"name": f"relu{n}", "op": "ReLU"})
        reads = ["input", *(layer["name"] for layer in layers)]
        layers.append({"name": f"joined{n}", "op": "Concat", "inputs": reads[-MAX_READS:]})
    return network(*layers)


def convolutional() -> ModelSpecification:
    """Return a network over feature maps."""
    return network(
        {"name": "conv", "op": "Conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"name": "norm", "op": "BatchNorm2d"},
        {"name": "relu", "op": "ReLU"},
        {"name": "pool", "op": "MaxPool2d", "kernel_size": 2},
        {"name": "flat", "op": "Flatten"},
        shape=(3, 12, 12),
        kind="conv",
        queries=4,
        kernel=[3, 3],
    )


def every_network() -> dict[str, ModelSpecification]:
    """Return the examples of the repository, and networks of every form."""
    found = {file.stem: parse_specification(file.read_bytes()) for file in sorted(EXAMPLES.glob("*.json"))}
    return {
        **found,
        "single": network(),
        "plain": plain(),
        "residual": residual(3),
        "deep-residual": residual(80),
        "dense": dense(6),
        "convolutional": convolutional(),
        "noisy": network(noise=30),
    }
