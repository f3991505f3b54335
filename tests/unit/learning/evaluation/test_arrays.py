"""Canonical evaluation by torch, on the processor and where there is one on a GPU: NumPy's bits."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.learning.evaluation.test_canonical import (
    CONVOLUTIONAL,
    PATCHES,
    SEQUENCE,
    random_features,
    random_model,
)

from pole.errors import InputError
from pole.learning.evaluation.arrays import PROCESSOR, Place, on_device, place_of
from pole.learning.evaluation.canonical import evaluate, logits
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import require_exact
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp


class ByInverses(np.ndarray[tuple[Any, ...], np.dtype[np.float64]]):
    """Arrays that divide as torch on a GPU divides by a number: times the inverse."""

    def __new__(cls, values: NDArray[np.float64]) -> Self:
        return np.asarray(values).view(cls)

    def __truediv__(self, other: Any) -> Any:
        return np.asarray(self) * (1 / np.asarray(other))


PLACES = [on_device(torch.device("cpu"))]
if torch.cuda.is_available():
    PLACES.append(on_device(torch.device("cuda")))


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), largest=st.sampled_from([1, 4096, 40 * 4096, 2**20]))
def test_every_layer_gives_the_same_bits(place: Place, seed: int, largest: int) -> None:
    for spec in (CONVOLUTIONAL, SEQUENCE, PATCHES):
        model, features = random_model(spec, seed, largest), random_features(spec, 3, seed)
        assert np.array_equal(logits(model, features, place), logits(model, features))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_features_of_any_type_are_taken(place: Place, dtype: type[np.integer[Any]]) -> None:
    model = random_model(CONVOLUTIONAL, 1)
    features = (random_features(CONVOLUTIONAL, 5) % 251).astype(dtype)
    assert np.array_equal(logits(model, features, place), logits(model, features.astype(np.int64)))


@pytest.mark.parametrize("place", PLACES)
def test_what_is_read_only_is_taken(place: Place) -> None:
    values = np.frombuffer(bytes(range(64)), dtype=np.int64)[::2]
    assert np.array_equal(place.take(place.put(values)), values)


@pytest.mark.parametrize("place", PLACES)
def test_a_large_set_is_evaluated_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    model, features = random_model(CONVOLUTIONAL, 3), random_features(CONVOLUTIONAL, 9)
    labels = np.zeros(9, dtype=np.int64)
    whole = evaluate(model, features, labels)
    for limit in (1, 100, 5000):
        monkeypatch.setattr("pole.learning.evaluation.canonical.ACTIVATIONS_AT_ONCE", limit)
        monkeypatch.setattr("pole.learning.evaluation.layers.PATCH_VALUES_AT_ONCE", limit // 16)
        found = evaluate(model, features, labels, place)
        assert (found.correct, found.predictions.tolist()) == (whole.correct, whole.predictions.tolist())


def test_parts_have_room_for_their_features(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    apply = FeatureMap.apply

    def noted(scale: FeatureMap, features: Any, place: Place = PROCESSOR) -> Any:
        rows.append(len(features))
        return apply(scale, features, place)

    monkeypatch.setattr(FeatureMap, "apply", noted)
    monkeypatch.setattr("pole.learning.evaluation.canonical.ACTIVATIONS_AT_ONCE", 2000)
    specification = mlp(
        input_shape=(40,), input_bits=4, mapping=LinearMapping(bits=3, queries=100), hidden=(), classes=2
    )
    model, features = random_model(specification, 3), random_features(specification, 90)
    evaluate(model, features, np.zeros(90, dtype=np.int64))
    assert sum(rows) == 90
    assert max(rows) * (100 + 2) <= 2000


def test_models_are_evaluated_where_float64_is() -> None:
    assert place_of(torch.device("cpu")) is PROCESSOR
    assert place_of(torch.device("mps")) is PROCESSOR


@pytest.mark.parametrize("place", [PROCESSOR, *PLACES[1:]])
def test_a_place_that_computes_like_numpy_is_taken(place: Place) -> None:
    require_exact(place, "here")


@pytest.mark.parametrize(
    "inexact",
    [
        replace(PLACES[0], put=lambda values: torch.from_numpy(values).float().double()),
        replace(PLACES[0], put=lambda values: torch.from_numpy(np.nextafter(values, np.inf))),
        replace(PROCESSOR, put=ByInverses),
    ],
    ids=["float32", "off by a bit", "by inverses"],
)
def test_a_device_with_less_than_float64_is_refused(inexact: Place) -> None:
    with pytest.raises(InputError, match="The device cuda:7 does not compute with float64"):
        require_exact(inexact, "cuda:7")
