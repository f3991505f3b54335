import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pole.learning.evaluation.canonical import logits
from pole.learning.evaluation.features import FeatureMap, fit_feature_map, normalised, whiten, whitening
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.networks.export import entry_layer, to_canonical
from pole.learning.networks.network import Network
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.layers import (
    GELU,
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
from pole.protocol.models.specification import Input, ModelSpecification, check_specification

SEED = bytes(range(32))


def specification(*graph: Layer, conv: bool = False) -> ModelSpecification:
    spec = ModelSpecification(
        input=Input(shape=(2, 8, 8) if conv else (20,), bits=8),
        mapping=ConvMapping(bits=3, queries=2, kernel=(3, 3)) if conv else LinearMapping(bits=8, queries=10),
        graph=graph,
        classes=3,
        max_parameters=1_000_000,
        max_bytes=10_000_000,
    )
    check_specification(spec)
    return spec


PERCEPTRON = specification(
    Dropout(name="drop", p=0.3),
    Linear(name="hidden", out_features=30, bias=False),
    BatchNorm1d(name="norm"),
    Sigmoid(name="sigmoid"),
    Linear(name="second", out_features=20),
    GELU(name="gelu"),
    BatchNorm1d(name="lone_norm"),
    Tanh(name="tanh"),
    Linear(name="logits", out_features=3),
)
CONVOLUTIONAL = specification(
    Conv2d(name="a", out_channels=6, kernel_size=3, padding=1, bias=False),
    BatchNorm2d(name="a_norm"),
    ReLU(name="a_relu"),
    Conv2d(name="b", out_channels=6, kernel_size=3, padding=1),
    LeakyReLU(name="b_act"),
    Add(name="sum", inputs=("a_relu", "b_act")),
    MaxPool2d(name="pool", kernel_size=3, stride=2, padding=1),
    Concat(name="both", inputs=("pool", "pool")),
    AvgPool2d(name="mean", kernel_size=2),
    Flatten(name="flat"),
    Linear(name="logits", out_features=3),
    conv=True,
)

SEQUENCE = specification(
    LayerNorm(name="entry"),
    Unflatten(name="tokens", unflattened_size=(5, 2)),
    Linear(name="embedding", out_features=12),
    Position(name="place"),
    MultiheadAttention(name="attention", num_heads=3),
    Add(name="sum", inputs=("place", "attention")),
    LayerNorm(name="norm"),
    Transpose(name="turned"),
    Linear(name="mix", out_features=5, bias=False),
    Transpose(name="back"),
    MultiheadAttention(name="bare", num_heads=2, bias=False, dropout=0.1),
    Mean(name="mean"),
    Linear(name="logits", out_features=3),
)

LAID_OUT = specification(
    Linear(name="place", out_features=16, bias=False),
    BatchNorm1d(name="place_norm"),
    Unflatten(name="image", unflattened_size=(1, 4, 4)),
    Conv2d(name="conv", out_channels=6, kernel_size=3, padding=1, bias=False),
    BatchNorm2d(name="norm"),
    ReLU(name="relu"),
    Flatten(name="flat"),
    Linear(name="logits", out_features=3),
)


def trained(
    spec: ModelSpecification, white: bool
) -> tuple[Network, NDArray[np.int64], FeatureMap, NDArray[np.float64] | None, Tensor]:
    """A network whose norms have seen data, and its features."""
    torch.manual_seed(4)
    raw = np.random.default_rng(4).integers(0, 3000, (200, *feature_shape(spec)))
    feature_map = fit_feature_map(raw)
    values = normalised(raw, feature_map)
    matrix = whitening(values, 1e-3) if white else None
    inputs = torch.from_numpy(values if matrix is None else whiten(values, matrix))
    network = Network(spec)
    for _ in range(30):
        network(inputs)
    return network.eval(), raw, feature_map, matrix, inputs


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize(
    "spec",
    [PERCEPTRON, CONVOLUTIONAL, SEQUENCE, LAID_OUT],
    ids=["perceptron", "convolutional", "sequence", "laid out"],
)
def test_the_canonical_model_says_what_the_torch_network_says(spec: ModelSpecification, white: bool) -> None:
    network, raw, feature_map, matrix, inputs = trained(spec, white)
    model = to_canonical(network, spec, SEED, feature_map, matrix)
    exact = logits(model, raw) / 1024
    assert np.abs(exact - network(inputs).detach().numpy()).max() < 0.03


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_a_diverged_network_cannot_be_shipped(value: float) -> None:
    network, _, feature_map, matrix, _ = trained(PERCEPTRON, white=False)
    last = network.module("logits")
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.weight[0, 0] = value
    with pytest.raises(MalformedModelError, match=r"'logits.weight' are not finite or too large"):
        to_canonical(network, PERCEPTRON, SEED, feature_map, matrix)


def test_layers_called_like_torch_methods_do_no_harm() -> None:
    spec = specification(
        Linear(name="train", out_features=4), ReLU(name="forward"), Linear(name="half", out_features=3)
    )
    network, _, feature_map, matrix, _ = trained(spec, white=True)
    assert set(to_canonical(network, spec, SEED, feature_map, matrix).tensors) == {
        "train.weight",
        "train.bias",
        "half.weight",
        "half.bias",
    }


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (PERCEPTRON, "hidden"),
        (CONVOLUTIONAL, "a"),
        (LAID_OUT, "place"),
        (specification(Unflatten(name="image", unflattened_size=(1, 2, 5)), *LAID_OUT.graph[3:]), None),
        (specification(Flatten(name="flat"), Linear(name="logits", out_features=3)), "logits"),
        (specification(ReLU(name="relu"), Linear(name="logits", out_features=3)), None),
        (specification(Flatten(name="flat"), Linear(name="logits", out_features=3), conv=True), None),
        (
            specification(
                Linear(name="a", out_features=3),
                Linear(name="b", out_features=3, inputs=("input",)),
                Add(name="sum", inputs=("a", "b")),
            ),
            None,
        ),
    ],
)
def test_whitening_is_folded_only_into_a_layer_that_alone_reads_the_features(
    spec: ModelSpecification, name: str | None
) -> None:
    assert entry_layer(spec.nodes()) == name
