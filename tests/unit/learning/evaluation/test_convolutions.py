"""Layers in 16-bit integers: the bits of float64 on every code path, float64 where 16 bits are too few."""

import subprocess
import sys
from dataclasses import replace
from random import SystemRandom
from shutil import which
from typing import Any

import numpy as np
import pytest
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
from tests.unit.learning.integer_reference import logits_by_hand

from pole.learning.evaluation import canonical, layers
from pole.learning.evaluation.arrays import PROCESSOR
from pole.learning.evaluation.canonical import CanonicalModel, evaluate, logits
from pole.learning.evaluation.convolutions import (
    PATHS,
    Filters,
    Following,
    are_mostly_beyond,
    convolve,
    fastest,
    filters_of,
    is_narrow,
)
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.layers import Conv2d, Linear, MaxPool2d, ReLU
from pole.protocol.models.specification import Input, ModelSpecification

if not PATHS and which("gcc") is None:
    pytest.skip("no C compiler, which the native kernel is built with", allow_module_level=True)

from pole.learning.evaluation import _native

IN_FLOAT64 = replace(PROCESSOR, path=None)
HALF = 2**15
Integers = NDArray[np.integer[Any]]
each_path = pytest.mark.parametrize("path", sorted(PATHS))


def filters(layer: Linear | Conv2d, weight: Integers, bias: Integers, path: str) -> Filters:
    found = filters_of(layer, weight.astype(np.int32), bias.astype(np.int64) * 1024, path)
    assert found is not None
    return found


def in_float64(
    layer: Linear | Conv2d, following: Following, x: NDArray[Any], weight: Integers, bias: Integers
) -> NDArray[np.float64]:
    tensors = {"a.weight": weight.astype(np.float64), "a.bias": bias.astype(np.float64)}
    found = layers.apply(layer, [x.astype(np.float64)], tensors)
    for after in following:
        found = layers.apply(after, [found], {})
    return np.asarray(found)


@each_path
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_convolution_has_the_bits_of_float64(path: str, data: st.DataObject) -> None:
    draw = data.draw
    kernel, padding, stride = draw(st.integers(1, 5)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    sides = st.integers(max(1, kernel - 2 * padding), 11)
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 9)), draw(sides), draw(sides))
    outputs = draw(st.integers(1, 40))
    layer = Conv2d(name="a", out_channels=outputs, kernel_size=kernel, padding=padding, stride=stride)
    smallest = min((side + 2 * padding - kernel) // stride + 1 for side in shape[2:])
    window, step = draw(st.integers(1, smallest)), draw(st.integers(1, 3))
    pooling = MaxPool2d(name="p", kernel_size=window, stride=step)
    choices: list[Following] = [[], [ReLU(name="r")], [pooling], [ReLU(name="r"), pooling]]
    following = draw(st.sampled_from(choices))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    largest, heaviest = draw(st.sampled_from([1, 300, HALF - 1])), draw(st.sampled_from([1, 2000, HALF - 1]))
    x = random.integers(-largest - 1, largest, shape, endpoint=True)
    weight = random.integers(-heaviest, heaviest, (outputs, shape[1], kernel, kernel), endpoint=True)
    bias = random.integers(-(2**20), 2**20, outputs, endpoint=True)
    found, unfit = convolve(filters(layer, weight, bias, path), x.astype(np.float64), following)
    assert not unfit.any()
    assert np.array_equal(found, in_float64(layer, following, x, weight, bias))


@each_path
@pytest.mark.parametrize("stride", [2**28, 2**28 + 1, 2**62, 2**70])
def test_a_stride_longer_than_any_side_takes_one_window(path: str, stride: int) -> None:
    random = np.random.default_rng(5)
    weight, bias = random.integers(-99, 99, (3, 2, 3, 3)), np.zeros(3, dtype=np.int64)
    x = random.integers(-99, 99, (4, 2, 8, 8))
    for each, step in ((stride, 1), (1, stride)):
        layer = Conv2d(name="a", out_channels=3, kernel_size=3, stride=each)
        following = [MaxPool2d(name="p", kernel_size=1, stride=step)]
        found, _ = convolve(filters(layer, weight, bias, path), x.astype(np.float64), following)
        assert np.array_equal(found, in_float64(layer, following, x, weight, bias))


@each_path
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("activation", [-HALF, HALF - 1])
@pytest.mark.parametrize("inputs", [1, 2, 3, 784, 4096])
def test_the_largest_sums_carry(path: str, sign: int, activation: int, inputs: int) -> None:
    layer, outputs = Linear(name="a", out_features=9), 9
    weight = np.full((outputs, inputs), sign * (HALF - 1))
    # Not every filter has to carry where another one has.
    weight[::2] //= 7
    x = np.full((5, inputs), activation)
    bias = np.full(outputs, sign * 2**20)
    found, unfit = convolve(filters(layer, weight, bias, path), x.astype(np.float64), [])
    assert not unfit.any()
    assert np.array_equal(found, in_float64(layer, [], x, weight, bias))


@each_path
def test_ties_go_to_the_even_activation(path: str) -> None:
    # A product of the grid's halves: 2048 times every odd and even number is a tie or none.
    x = np.arange(-50, 50).reshape(-1, 1)
    layer, weight, bias = Linear(name="a", out_features=1), np.array([[2048]]), np.zeros(1, dtype=np.int64)
    found, _ = convolve(filters(layer, weight, bias, path), x.astype(np.float64), [])
    assert found[:, 0].tolist() == [round(value / 2) for value in range(-50, 50)]


@each_path
@pytest.mark.parametrize("beyond", [HALF, -HALF - 1, 2**23, float("nan")])
def test_a_sample_beyond_16_bits_is_named_and_left_to_float64(path: str, beyond: float) -> None:
    layer = Conv2d(name="a", out_channels=3, kernel_size=3, padding=1)
    random = np.random.default_rng(3)
    weight, bias = random.integers(-99, 99, (3, 2, 3, 3)), np.zeros(3, dtype=np.int64)
    x = random.integers(-99, 99, (70, 2, 2, 2)).astype(np.float64)
    x[[0, 37], 1, 1, 0] = beyond
    found, unfit = convolve(filters(layer, weight, bias, path), x, [])
    assert np.flatnonzero(unfit).tolist() == [0, 37]
    fit = ~unfit
    assert np.array_equal(found[fit], in_float64(layer, [], x[fit], weight, bias))


@pytest.mark.parametrize(
    ("weight", "bias"), [(HALF, 0), (-HALF, 0), (2**31 - 1, 0), (-(2**31), 0), (1, 2**20 + 1), (1, -(2**31))]
)
def test_weights_beyond_16_bits_are_left_to_float64(weight: int, bias: int) -> None:
    weights, biases = np.array([[1], [weight]], dtype=np.int32), np.array([bias, 0], dtype=np.int64) * 1024
    assert filters_of(Linear(name="a", out_features=2), weights, biases, sorted(PATHS)[0]) is None


def test_a_padding_that_the_kernel_does_not_know_is_left_to_float64() -> None:
    layer, weight = Conv2d(name="a", out_channels=1, kernel_size=1, padding=1025), np.ones((1, 1, 1, 1))
    assert filters_of(layer, weight.astype(np.int32), np.zeros(1, np.int64), "portable") is None


def test_filters_whose_sums_could_pass_what_is_put_aside_are_left_to_float64() -> None:
    weights = np.full((1, 4097), HALF - 1, dtype=np.int32)
    assert filters_of(Linear(name="a", out_features=1), weights, np.zeros(1, np.int64), "portable") is None


@each_path
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), largest=st.sampled_from([1, 300, 4096, 40 * 4096, 2**20]))
def test_every_layer_gives_the_same_bits(path: str, seed: int, largest: int) -> None:
    place = replace(PROCESSOR, path=path)
    for spec in (CONVOLUTIONAL, SEQUENCE, PATCHES):
        model, features = random_model(spec, seed, largest), random_features(spec, 3, seed)
        found = logits(model, features, place)
        assert np.array_equal(found, logits(model, features, IN_FLOAT64))
        assert found[0].tolist() == logits_by_hand(model, features[0])


@each_path
def test_no_sample_and_many_threads_are_taken(path: str) -> None:
    place = replace(PROCESSOR, path=path)
    model = random_model(CONVOLUTIONAL, 1, 300)
    features, labels = random_features(CONVOLUTIONAL, 9), np.zeros(9, dtype=np.int64)
    assert evaluate(model, features[:0], labels[:0], place).correct == 0
    found, expected = (evaluate(model, features, labels, each) for each in (place, IN_FLOAT64))
    assert found.predictions.tolist() == expected.predictions.tolist()


def wide_model(seed: int) -> CanonicalModel:
    """Return a model of a hidden layer of 32, its weights small enough for 16 bits."""
    specification = ModelSpecification(
        input=Input(shape=(6,), bits=8),
        mapping=LinearMapping(bits=3, queries=4),
        graph=(
            Linear(name="hidden", out_features=32),
            ReLU(name="relu"),
            Linear(name="logits", out_features=3),
        ),
        classes=3,
        max_parameters=1000,
        max_bytes=10_000,
    )
    return random_model(specification, seed, 300)


@each_path
@pytest.mark.parametrize(("every", "is_tried"), [(0, True), (40, True), (2, False), (1, False)])
def test_a_layer_is_tried_where_few_of_its_samples_are_beyond_16_bits(
    path: str, every: int, is_tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tried = wide_model(5), list[str]()
    features = np.zeros((400, 4), dtype=np.int64)
    features[:: every or 500] = 2**40 if every else 0

    def watched(filters: Filters, x: Any, following: Following) -> Any:
        tried.append(filters.path)
        return convolve(filters, x, following)

    monkeypatch.setattr(canonical, "convolve", watched)
    found = logits(model, features, replace(PROCESSOR, path=path))
    assert np.array_equal(found, logits(model, features, IN_FLOAT64))
    assert bool(tried) is is_tried


@each_path
def test_a_linear_with_few_outputs_is_left_to_float64(path: str) -> None:
    assert is_narrow(Linear(name="a", out_features=2 * PATHS[path] - 1), path)
    assert not is_narrow(Linear(name="a", out_features=2 * PATHS[path]), path)
    assert not is_narrow(Conv2d(name="a", out_channels=1, kernel_size=1), path)


@settings(deadline=None)
@given(count=st.integers(0, 300), beyond=st.sets(st.integers(0, 299)))
def test_samples_that_all_fit_are_never_called_too_large(count: int, beyond: set[int]) -> None:
    x = np.zeros((count, 2, 3))
    assert not are_mostly_beyond(x)
    x[[row for row in beyond if row < count], 1, 2] = -HALF
    if count and beyond >= set(range(count)):
        assert are_mostly_beyond(x)


def test_the_processor_takes_the_fastest_path_but_never_the_portable_one() -> None:
    assert PROCESSOR.path == fastest()
    assert fastest() != "portable"
    assert "portable" in PATHS


SIZES: list[Any] = [(2, 3, 4, 5), (1, 2, 1, 0), (1, 1, 0)]


def arguments(path: str = "portable") -> list[Any]:
    pairs, lanes = 2 * 2 * 2, PATHS[path]
    return [
        *(path, *SIZES, np.zeros((2, 3, 4, 5))),
        *(np.zeros((1, pairs, lanes, 2), dtype=np.int16), np.zeros(lanes, dtype=np.int32)),
        *(np.zeros((2, 1, 3, 4)), np.zeros(2, dtype=np.uint8)),
    ]


def test_what_is_right_is_taken() -> None:
    _native.convolve(*arguments())


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, "neon", "no code path neon"),
        (0, None, "no code path None"),
        (1, (2, 0, 4, 5), "at least 1"),
        (1, (2, 3, 4), "sequence"),
        (1, (2, 3, 4, -1), "sizes are from 0"),
        (1, (2, 3, 4, 2**28 + 1), "sizes are from 0"),
        (1, (2, 3, 4, 2**70), "(fit|large|big)"),
        (1, (2, 3, 4, 5.0), "integer"),
        (1, (2**28, 2**28, 2**28, 2**28), "a sample is too large"),
        (1, (3, 3, 4, 5), "buffer 0 has 960 bytes instead of 1440"),
        (2, (0, 2, 1, 0), "at least 1"),
        (2, (1, 0, 1, 0), "such a kernel"),
        (2, (1, 1025, 1, 1025), "such a kernel"),
        (2, (1, 2, 1, 1025), "such a kernel"),
        (2, (1, 5, 1, 0), "larger than the image"),
        (2, (1, 2, 0, 0), "at least 1"),
        (2, (2**28, 1, 1, 1024), "too many results"),
        (2, (1, 1, 1, 0), "buffer 1 has"),
        (3, (4, 1, 0), "pooling does not fit"),
        (3, (0, 1, 0), "pooling does not fit"),
        (3, (1, 0, 0), "at least 1"),
        (3, (2, 1, 0), "buffer 3 has 192 bytes instead of 96"),
        (4, np.zeros((2, 3, 4, 5)).T, "contiguous"),
        (4, np.frombuffer(bytes(968), dtype=np.uint8)[1:961], "not aligned for 8 bytes"),
        (4, None, "bytes-like"),
        (6, bytes(3), "buffer 2 has 3 bytes"),
        (7, bytes(192), "read-write"),
        (8, bytearray(1), "buffer 4 has 1 bytes instead of 2"),
    ],
)
def test_nonsense_is_refused(place: int, value: Any, said: str) -> None:
    hostile = arguments()
    hostile[place] = value
    with pytest.raises(ValueError, match=said):
        _native.convolve(*hostile)


def test_three_seconds_of_right_and_hostile_calls_go_as_they_must() -> None:
    seed = SystemRandom().getrandbits(32)
    words = ("scripts.stress.sanitize.calls", "evaluation", str(_native.__file__), "3", str(seed))
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
