"""What a layer of filters shows whole is computed back exactly, changed there, and mapped as it was."""

from math import prod
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pole.errors import AbandonedError
from pole.learning.machine.threads import never
from pole.learning.training import training_data
from pole.learning.training.images import beneath
from pole.learning.training.images.augmentation import is_mirrored
from pole.learning.training.images.beneath import samples_beneath
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask, prepare, with_samples
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.layers import Conv2d, Flatten, Linear, Sigmoid
from pole.protocol.models.specification import Input, ModelSpecification, disclosed_rank

CPU = torch.device("cpu")
WHITENED = (Conv2d(name="first", out_channels=2, kernel_size=1), Flatten(name="flat"))
AS_THEY_ARE = (Sigmoid(name="first"), Flatten(name="flat"))
FLIPPED = TrainingSettings(flip=True, shift=0, whitening_floor=1e-2)
PLAIN = TrainingSettings(flip=False, shift=0)
SEED = bytes(range(32))
Padding = Literal["same", "valid"]


def specification(
    mapping: ConvMapping, shape: tuple[int, ...] = (3, 6, 5), graph: tuple[Any, ...] = WHITENED
) -> ModelSpecification:
    return ModelSpecification(
        version=1,
        input=Input(shape=shape, bits=8),
        mapping=mapping,
        graph=(*graph, Linear(name="logits", out_features=2)),
        classes=2,
        max_parameters=10**6,
        max_bytes=10**7,
    )


def images(count: int, shape: tuple[int, ...], seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def features(samples: NDArray[np.uint8], of: ModelSpecification, seed: bytes = SEED) -> NDArray[np.int64]:
    flat = samples.reshape(len(samples), -1)
    return arrange(inner_products_in_clear(query_plan(of, seed), flat), of)


def task(of: ModelSpecification, samples: NDArray[np.uint8], recipe: TrainingSettings) -> TrainingTask:
    return TrainingTask(of, SEED, features(samples, of), np.arange(len(samples)) % 2, recipe)


@st.composite
def layers(draw: st.DrawFn) -> ModelSpecification:
    sides = st.integers(3, 8)
    shape = (draw(st.integers(1, 3)), draw(sides), draw(sides))
    padding: Padding = draw(st.sampled_from(["same", "valid"]))
    lengths = st.sampled_from([1, 3]) if padding == "same" else st.integers(1, 3)
    kernel, bits = (draw(lengths), draw(lengths)), draw(st.integers(1, 8))
    queries = draw(st.integers(1, min(6, bits * prod(kernel))))
    return specification(ConvMapping(bits=bits, queries=queries, kernel=kernel, padding=padding), shape)


@settings(deadline=None, max_examples=150)
@given(of=layers(), seed=st.binary(min_size=32, max_size=32), draw=st.integers(0, 99))
def test_samples_are_those_that_were_mapped_or_none(of: ModelSpecification, seed: bytes, draw: int) -> None:
    samples = images(3, of.input.shape, draw)
    found = samples_beneath(features(samples, of, seed), of, seed)
    if found is not None:
        assert found.samples.dtype == np.float32
        assert np.array_equal(found.samples, samples)
        assert disclosed_rank(of) == of.dimension


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_four_filters_show_samples_whole(padding: Padding) -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3), padding=padding), (3, 12, 9))
    samples = images(40, of.input.shape)
    found = samples_beneath(features(samples, of), of, SEED)
    assert found is not None
    assert np.array_equal(found.samples, samples)


@pytest.mark.parametrize(
    "mapping",
    [
        ConvMapping(bits=3, queries=1, kernel=(3, 3), padding="valid"),
        ConvMapping(bits=3, queries=4, kernel=(3, 3), noise=20),
    ],
)
def test_what_is_not_shown_whole_is_not_guessed(mapping: ConvMapping) -> None:
    of = specification(mapping)
    shown = features(images(4, of.input.shape), specification(mapping.model_copy(update={"noise": 0})))
    assert samples_beneath(shown, of, SEED) is None


def test_features_of_another_seed_or_of_no_sample_are_not_computed_back() -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    shown = features(images(4, of.input.shape), of)
    assert samples_beneath(shown, of, bytes(32)) is None
    shown[3, 0, 0, 0] += 1
    assert samples_beneath(shown, of, SEED) is None


def test_large_images_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    shown = features(images(4, of.input.shape), of)
    assert samples_beneath(shown, of, SEED) is not None
    monkeypatch.setattr(beneath, "MAXIMUM_EQUATIONS", 30 * 4 * 30 - 1)
    assert samples_beneath(shown, of, SEED) is None


def test_a_training_that_is_stopped_solves_no_further() -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    given = task(of, images(8, of.input.shape), FLIPPED)
    rule = StopRule(0, float("inf"), lambda: 0.0, lambda: True)
    with pytest.raises(AbandonedError, match="stopped before it had a model"):
        train(given, rule, random_seed=1, device=CPU)
    with pytest.raises(AbandonedError):
        with_samples(prepare(given, CPU), lambda: True)


def test_a_training_whose_time_is_up_solves_no_further_and_gives_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    monkeypatch.setattr(training_data, "layer_above", None)
    rule = StopRule(0, 5.0, lambda: 6.0, never)
    result = train(task(of, images(8, of.input.shape), FLIPPED), rule, random_seed=1, device=CPU)
    assert (result.reason, result.epochs) == (StopReason.TIME, 0)


def test_many_filters_over_many_pixels_take_no_memory() -> None:
    of = specification(ConvMapping(bits=16, queries=500, kernel=(15, 15)), (1, 45, 45))
    assert samples_beneath(np.zeros((2, 500, 45, 45), np.int32), of, SEED) is None


@pytest.mark.parametrize("graph", [WHITENED, AS_THEY_ARE], ids=["whitened", "as they are"])
def test_a_network_sees_of_samples_what_it_saw_of_features(graph: tuple[Any, ...]) -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)), graph=graph)
    data = prepare(task(of, images(60, of.input.shape), FLIPPED), CPU)
    both, rows = with_samples(data), torch.arange(60)
    assert both.layer is not None
    assert (data.whitening is not None) is (graph == WHITENED)
    # Features are rounded to 1 in 1024 of their deviation before they are whitened.
    assert torch.allclose(both.batch(PLAIN, rows, 0), data.batch(PLAIN, rows, 0), atol=0.03)


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_mirrored_sample_is_seen_as_the_layer_shows_it(epoch: int) -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    samples, rows = images(60, of.input.shape), torch.arange(60)
    data = prepare(task(of, samples, FLIPPED), CPU)
    mirrored = is_mirrored(rows, epoch).numpy()
    assert 0 < mirrored.sum() < 60
    turned = np.where(mirrored[:, None, None, None], samples[..., ::-1], samples)
    scale, offset = (each.reshape(1, -1, 1, 1) for each in (data.feature_map.scale, data.feature_map.offset))
    expected = torch.from_numpy((features(turned, of) - offset) * scale.astype(np.float64))
    assert data.whitening is not None
    expected = torch.einsum("ij,njhw->nihw", torch.from_numpy(data.whitening), expected)
    assert torch.allclose(with_samples(data).batch(FLIPPED, rows, epoch).double(), expected, atol=1e-3)
    assert not torch.allclose(data.batch(FLIPPED, rows, epoch).double(), expected, atol=0.1)


def test_recipes_that_mirror_nothing_learn_from_features() -> None:
    of = specification(ConvMapping(bits=3, queries=4, kernel=(3, 3)))
    data = prepare(task(of, images(8, of.input.shape), PLAIN), CPU)
    assert with_samples(data) is data
