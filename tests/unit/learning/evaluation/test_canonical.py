from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.learning.integer_reference import logits_by_hand

from pole.errors import InputError
from pole.learning.evaluation.canonical import (
    CanonicalModel,
    evaluate,
    logits,
    tensor_shapes,
)
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import CLAMP, MalformedModelError
from pole.learning.evaluation.layers import apply
from pole.learning.evaluation.steps import folded_norms
from pole.learning.machine.threads import limit_threads
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
from pole.protocol.models.metrics import AbsoluteError, Metric, readings, score
from pole.protocol.models.specification import Input, ModelSpecification, check_specification

SEED = bytes(range(32))


def specification(
    *graph: Layer,
    queries: int = 3,
    shape: tuple[int, ...] = (3,),
    mapping: ConvMapping | None = None,
    classes: int = 3,
) -> ModelSpecification:
    spec = ModelSpecification(
        input=Input(shape=shape, bits=8),
        mapping=mapping or LinearMapping(bits=8, queries=queries),
        graph=graph,
        classes=classes,
        max_parameters=1_000_000,
        max_bytes=10_000_000,
    )
    check_specification(spec)
    return spec


def random_model(spec: ModelSpecification, seed: int = 0, largest: int = 3 * 4096) -> CanonicalModel:
    random = np.random.default_rng(seed)
    channels = feature_shape(spec)[0]
    tensors = {
        name: random.integers(-largest, largest + 1, shape, dtype=np.int32)
        for name, shape in tensor_shapes(spec).items()
    }
    offset = random.integers(0, 1000, channels, dtype=np.int64)
    scale = random.uniform(0.001, 0.01, channels).astype(np.float32)
    return CanonicalModel(spec, SEED, FeatureMap(offset, scale), tensors)


def random_features(spec: ModelSpecification, count: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 2000, (count, *feature_shape(spec)))


CONVOLUTIONAL = specification(
    Conv2d(name="a", out_channels=4, kernel_size=3, padding=1),
    BatchNorm2d(name="a_norm"),
    ReLU(name="a_relu"),
    Conv2d(name="b", out_channels=4, kernel_size=3, padding=1, inputs=("a_relu",), bias=False),
    LeakyReLU(name="b_act", negative_slope=0.3125),
    Add(name="sum", inputs=("a_relu", "b_act")),
    BatchNorm2d(name="sum_norm"),
    MaxPool2d(name="pool", kernel_size=3, stride=2, padding=1),
    AvgPool2d(name="mean", kernel_size=3, stride=1, inputs=("pool",)),
    Conv2d(name="c", out_channels=4, kernel_size=3, stride=1, inputs=("pool",)),
    Concat(name="both", inputs=("mean", "c")),
    Dropout(name="drop", p=0.5),
    Flatten(name="flat"),
    Linear(name="d", out_features=8),
    GELU(name="gelu"),
    Linear(name="e", out_features=8),
    Tanh(name="tanh"),
    Linear(name="f", out_features=8),
    Sigmoid(name="sigmoid"),
    Linear(name="logits", out_features=3),
    shape=(2, 8, 8),
    mapping=ConvMapping(bits=3, queries=2, kernel=(3, 3)),
)
SEQUENCE = specification(
    LayerNorm(name="entry"),
    Unflatten(name="tokens", unflattened_size=(4, 6)),
    Position(name="place"),
    MultiheadAttention(name="attention", num_heads=2),
    Add(name="sum", inputs=("place", "attention")),
    LayerNorm(name="norm"),
    Transpose(name="turned"),
    Linear(name="mix", out_features=4),
    Transpose(name="back"),
    MultiheadAttention(name="bare", num_heads=3, bias=False),
    GELU(name="gelu"),
    Mean(name="mean"),
    Linear(name="logits", out_features=3),
    queries=24,
    shape=(24,),
)
PATCHES = specification(
    Conv2d(name="patches", out_channels=6, kernel_size=4, stride=4),
    Flatten(name="flat", start_dim=2),
    Transpose(name="tokens"),
    MultiheadAttention(name="attention", num_heads=1),
    Flatten(name="row"),
    Linear(name="logits", out_features=3),
    shape=(2, 8, 8),
    mapping=ConvMapping(bits=3, queries=2, kernel=(3, 3)),
)


def test_features_of_another_shape_are_refused() -> None:
    model = random_model(specification(Linear(name="logits", out_features=3)))
    with pytest.raises(InputError, match="do not fit this model"):
        evaluate(model, np.zeros((5, 4), dtype=np.int64), np.zeros(5, dtype=np.int64))
    with pytest.raises(InputError, match="do not fit this model"):
        evaluate(model, np.zeros((5, 3), dtype=np.int64), np.zeros(4, dtype=np.int64))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"logits.bias": None}, "lacks the tensor 'logits.bias'"),
        ({"more": np.zeros(1, dtype=np.int32)}, "has a tensor 'more' that"),
        ({"logits.bias": np.zeros(4, dtype=np.int32)}, r"'logits.bias' is int32 of shape \(4,\)"),
        ({"logits.bias": np.zeros(3, dtype=np.int64)}, r"'logits.bias' is int64"),
        ({"logits.bias": np.zeros(3, dtype=np.float32)}, r"'logits.bias' is float32"),
        ({"logits.weight": np.full((3, 3), 2**31 - 1, dtype=np.int32)}, r"beyond 2\^53"),
    ],
)
def test_a_model_with_other_tensors_is_malformed(
    change: dict[str, NDArray[Any] | None], sentence: str
) -> None:
    good = random_model(specification(Linear(name="logits", out_features=3)))
    tensors = {name: part for name, part in {**good.tensors, **change}.items() if part is not None}
    with pytest.raises(MalformedModelError, match=sentence):
        CanonicalModel(good.specification, SEED, good.feature_map, tensors)


def test_a_feature_map_for_another_width_is_malformed() -> None:
    good = random_model(specification(Linear(name="logits", out_features=3)))
    wide = FeatureMap(np.zeros(4, dtype=np.int64), np.ones(4, dtype=np.float32))
    with pytest.raises(MalformedModelError, match="not for the 3 features"):
        CanonicalModel(good.specification, SEED, wide, good.tensors)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), largest=st.sampled_from([1, 4096, 40 * 4096, 2**20]))
def test_every_layer_equals_python_integers(seed: int, largest: int) -> None:
    for spec in (CONVOLUTIONAL, SEQUENCE, PATCHES):
        model = random_model(spec, seed, largest)
        features = random_features(spec, 2, seed)
        found = logits(model, features)
        assert found.tolist() == [logits_by_hand(model, sample) for sample in features]


@pytest.mark.parametrize("spec", [CONVOLUTIONAL, SEQUENCE, PATCHES], ids=["images", "sequence", "patches"])
def test_logits_do_not_depend_on_how_samples_are_batched_or_ordered(spec: ModelSpecification) -> None:
    model, features = random_model(spec, 5), random_features(spec, 37)
    whole = logits(model, features)
    one_by_one = np.concatenate([logits(model, features[i : i + 1]) for i in range(37)])
    order = np.random.default_rng(1).permutation(37)
    assert np.array_equal(whole, one_by_one)
    assert np.array_equal(whole[order], logits(model, features[order]))


@pytest.mark.parametrize("threads", [1, 2])
def test_sums_are_those_of_another_library_with_any_thread_count(threads: int) -> None:
    spec = specification(
        Linear(name="wide", out_features=301), Linear(name="logits", out_features=3), queries=60, shape=(60,)
    )
    model, features = random_model(spec, 9, largest=2**16), random_features(spec, 500)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    values = torch.from_numpy(model.feature_map.apply(features))
    for name in ("wide", "logits"):
        # Backwards along the sum, and added in pieces: another order of summation.
        weight = torch.from_numpy(model.tensors[f"{name}.weight"].astype(np.float64)).flip(1)
        pieces = [
            part @ other.T
            for part, other in zip(torch.split(values.flip(1), 7, 1), torch.split(weight, 7, 1), strict=True)
        ]
        sums = (
            torch.stack(pieces).sum(0)
            + torch.from_numpy(model.tensors[f"{name}.bias"].astype(np.float64)) * 1024
        )
        values = (sums / 4096).round().clamp(-CLAMP, CLAMP)
    torch.set_num_threads(before)
    assert np.array_equal(logits(model, features), values.numpy().astype(np.int64))


def test_a_large_convolution_is_computed_in_pieces_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, features = random_model(CONVOLUTIONAL, 3), random_features(CONVOLUTIONAL, 9)
    whole = logits(model, features)
    for limit in (1, 100, 1000, 5000):
        monkeypatch.setattr("pole.learning.evaluation.layers.PATCH_VALUES_AT_ONCE", limit)
        assert np.array_equal(logits(model, features), whole)


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_evaluation_by_several_threads_predicts_the_same(count: int) -> None:
    model, features = random_model(CONVOLUTIONAL, 3), random_features(CONVOLUTIONAL, 10)
    expected = logits(model, features).argmax(axis=1)
    limit_threads(count)
    found = evaluate(model, features, np.zeros(10, dtype=np.int64)).predictions
    limit_threads(1)
    assert np.array_equal(found, expected)


def test_attention_over_many_tokens_is_computed_in_pieces_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, features = random_model(SEQUENCE, 3), random_features(SEQUENCE, 9)
    whole = logits(model, features)
    for limit in (1, 40, 100):
        monkeypatch.setattr("pole.learning.evaluation.attention.SCORES_AT_ONCE", limit)
        assert np.array_equal(logits(model, features), whole)


@pytest.mark.parametrize("value", [0, CLAMP, -CLAMP])
def test_layer_norm_of_a_row_without_spread_is_its_shift(value: int) -> None:
    layer = LayerNorm(name="norm")
    tensors = {"norm.scale": np.full(7, 4096, np.int32), "norm.shift": np.arange(7, dtype=np.int32) * 4096}
    assert (
        apply(layer, [np.full((2, 7), float(value))], tensors).tolist() == [[1024 * n for n in range(7)]] * 2
    )


def test_attention_at_the_clamp_stays_exact() -> None:
    layer = MultiheadAttention(name="a", num_heads=1, bias=False)
    eye = np.eye(128, dtype=np.int32) * 4096
    tensors = {"a.in_proj_weight": np.concatenate([eye, eye, eye]), "a.out_proj_weight": eye}
    x = np.full((1, 3, 128), float(CLAMP))
    x[0, 1] = -CLAMP
    # The scores are 2^53 / (sqrt(128) 2^10); tokens of one sign see each other alone.
    assert np.array_equal(apply(layer, [x], tensors), x)


def test_ties_go_to_the_lowest_class() -> None:
    spec = specification(Linear(name="logits", out_features=3))
    tensors = {
        "logits.weight": np.zeros((3, 3), dtype=np.int32),
        "logits.bias": np.array([1, 9, 9], dtype=np.int32),
    }
    model = CanonicalModel(spec, SEED, random_model(spec).feature_map, tensors)
    found = evaluate(model, random_features(spec, 4), np.array([0, 1, 1, 2]))
    assert found.predictions.tolist() == [1, 1, 1, 1]
    assert found.correct == 2


def test_activations_beyond_the_clamp_are_limited() -> None:
    spec = specification(Linear(name="logits", out_features=3))
    tensors = {
        "logits.weight": np.full((3, 3), 2**28, dtype=np.int32),
        "logits.bias": np.zeros(3, dtype=np.int32),
    }
    steep = FeatureMap(np.zeros(3, dtype=np.int64), np.ones(3, dtype=np.float32))
    model = CanonicalModel(spec, SEED, steep, tensors)
    assert logits(model, np.full((1, 3), 2**30)).tolist() == [[CLAMP] * 3]


def test_a_norm_is_folded_only_where_nothing_else_reads_the_layer_before_it() -> None:
    folded = folded_norms(CONVOLUTIONAL.nodes())
    assert folded == {"a_norm": "a"}
    shapes = tensor_shapes(CONVOLUTIONAL)
    assert "a_norm.scale" not in shapes
    assert shapes["sum_norm.scale"] == (4,)
    assert "b.bias" not in shapes
    assert shapes["a.bias"] == (4,)


def test_a_layer_that_a_norm_is_folded_into_gets_a_bias() -> None:
    spec = specification(
        Linear(name="hidden", out_features=5, bias=False),
        BatchNorm1d(name="norm"),
        Linear(name="logits", out_features=3),
    )
    assert tensor_shapes(spec)["hidden.bias"] == (5,)


@pytest.mark.parametrize("name", ["attention.in_proj_weight", "attention.out_proj_weight", "norm.scale"])
def test_attention_and_norms_that_allow_inexact_sums_are_malformed(name: str) -> None:
    good = random_model(SEQUENCE)
    tensors = {**good.tensors, name: np.full_like(good.tensors[name], 2**31 - 1)}
    with pytest.raises(MalformedModelError, match=r"beyond 2\^53"):
        CanonicalModel(SEQUENCE, SEED, good.feature_map, tensors)


@pytest.mark.parametrize(
    ("metric", "outputs", "classes"),
    [("macro_f1", 3, 3), ("auc", 2, 2), (AbsoluteError(name="mean_absolute_error", scale=9), 1, 50)],
)
def test_an_evaluation_is_worth_what_the_metric_says_in_any_order(
    metric: Metric, outputs: int, classes: int
) -> None:
    spec = ModelSpecification(
        input=Input(shape=(3,), bits=8),
        mapping=LinearMapping(bits=8, queries=3),
        graph=(Linear(name="logits", out_features=outputs),),
        classes=classes,
        metric=metric,
        max_parameters=100,
        max_bytes=10_000,
    )
    check_specification(spec)
    model, features = random_model(spec, 4, 2000), random_features(spec, 60)
    labels = np.random.default_rng(1).integers(0, classes, 60)
    found = evaluate(model, features, labels)
    order = np.random.default_rng(2).permutation(60)
    turned = evaluate(model, features[order], labels[order])
    read = readings(metric, logits(model, features), classes)
    assert found.correct == turned.correct == score(metric, read, labels)
    assert np.array_equal(found.predictions[order], turned.predictions)
    assert found.predictions.max() < classes
