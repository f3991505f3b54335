"""Trained models at random, over all layers, mapping kinds and metrics."""

import json
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.learning.evaluation.test_canonical import CONVOLUTIONAL, PATCHES, SEQUENCE

from pole.learning.data.quantisation import Quantisation
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.mapping.layer import data_plan, feature_shape, largest_feature
from pole.protocol.models.specification import ModelSpecification, parse_specification

NETWORKS = (CONVOLUTIONAL, SEQUENCE, PATCHES)


def specification(
    *,
    metric: Any = "accuracy",
    classes: int = 3,
    noise: int = 0,
    mapping: dict[str, Any] | None = None,
    shape: tuple[int, ...] = (5,),
    bits: int = 4,
    graph: list[dict[str, Any]] | None = None,
) -> ModelSpecification:
    """Return a small network behind any mapping layer."""
    outputs = 1 if isinstance(metric, dict) else classes
    layer = {"kind": "linear", "bits": 4, "queries": 3, **(mapping or {})}
    if noise:
        layer["noise"] = noise
    document = {
        "version": 2 if noise else 1,
        "input": {"shape": list(shape), "bits": bits},
        "mapping": layer,
        "graph": graph
        or [
            {"name": "flat", "op": "Flatten"},
            {"name": "hidden", "op": "Linear", "out_features": 6},
            {"name": "leaky", "op": "LeakyReLU"},
            {"name": "logits", "op": "Linear", "out_features": outputs},
        ],
        "classes": classes,
        "metric": metric,
        "max_parameters": 100_000,
        "max_bytes": 1_000_000,
    }
    return parse_specification(json.dumps(document))


def random_model(spec: ModelSpecification, seed: int) -> CanonicalModel:
    """Return a model whose features reach the whole range of activations."""
    random = np.random.default_rng(seed)
    channels = feature_shape(spec)[:1]
    tensors = {
        name: random.integers(-9000, 9001, shape, dtype=np.int32)
        for name, shape in tensor_shapes(spec).items()
    }
    seed_bytes = random.bytes(32)
    largest = largest_feature(spec, data_plan(spec, seed_bytes), largest_value=2**spec.input.bits - 1)
    offset = random.integers(0, largest + 1, channels, dtype=np.int64)
    scale = (random.uniform(0.5, 4, channels) / largest).astype(np.float32)
    return CanonicalModel(spec, seed_bytes, FeatureMap(offset, scale), tensors)


def trained_model(spec: ModelSpecification, seed: int = 0) -> TrainedModel:
    """Return a model of samples from about -1 to 2, of which those outside of 0 to 1 are clipped."""
    bits = spec.input.bits
    return TrainedModel(random_model(spec, seed), Quantisation(bits, (float(2**bits - 1),), (0.0,)))


def random_samples(spec: ModelSpecification, count: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-0.2, 1.2, (count, *spec.input.shape))


@st.composite
def networks(draw: st.DrawFn) -> ModelSpecification:
    """Return a network of layers in any order that fits, over features, tokens or images."""
    start = draw(st.sampled_from(["features", "image"]))
    image = {"kind": "conv", "kernel": [3, 3], "bits": 3, "queries": 2, "padding": "same"}
    mapping = image if start == "image" else {"bits": 5, "queries": 6}
    graph, rank, joined = [], 3 if start == "image" else 1, ["input"]
    for number in range(draw(st.integers(1, 5))):
        op = draw(st.sampled_from(OPERATIONS[rank]))
        layer = {"name": f"layer{number}", **op}
        graph.append(layer)
        rank = RANK_AFTER.get((op["op"], op.get("start_dim")), rank)
        if op["op"] in KEEPS_SHAPE and draw(st.booleans()):
            inputs = [joined[-1], layer["name"]]
            graph.append({"name": f"sum{number}", "op": "Add", "inputs": inputs})
        joined.append(graph[-1]["name"])
    if rank > 1:
        graph.append({"name": "flat", "op": "Flatten"})
    graph.append({"name": "logits", "op": "Linear", "out_features": 3})
    shape = (1, 6, 6) if start == "image" else (7,)
    return specification(shape=shape, mapping=mapping, graph=graph)


ACTIVATIONS: Final[list[dict[str, Any]]] = [
    {"op": op} for op in ("ReLU", "LeakyReLU", "Sigmoid", "Tanh", "GELU", "Dropout")
]
OPERATIONS: Final[dict[int, list[dict[str, Any]]]] = {
    1: [
        *ACTIVATIONS,
        {"op": "Linear", "out_features": 6},
        {"op": "BatchNorm1d"},
        {"op": "LayerNorm"},
        {"op": "Position"},
    ],
    2: [
        *ACTIVATIONS,
        {"op": "Linear", "out_features": 4},
        {"op": "MultiheadAttention", "num_heads": 1},
        {"op": "LayerNorm"},
        {"op": "Transpose"},
        {"op": "Mean"},
        {"op": "Position"},
    ],
    3: [
        *ACTIVATIONS,
        {"op": "Conv2d", "out_channels": 3, "kernel_size": 2, "stride": 1, "padding": 1},
        {"op": "MaxPool2d", "kernel_size": 3, "stride": 2, "padding": 1},
        {"op": "AvgPool2d", "kernel_size": 1},
        {"op": "BatchNorm2d"},
        {"op": "Flatten", "start_dim": 2},
        {"op": "Flatten"},
    ],
}
KEEPS_SHAPE: Final = frozenset(
    {"ReLU", "Tanh", "GELU", "LayerNorm", "Position", "BatchNorm1d", "BatchNorm2d"}
)
RANK_AFTER: Final = {("Mean", None): 1, ("Flatten", None): 1, ("Flatten", 2): 2}
