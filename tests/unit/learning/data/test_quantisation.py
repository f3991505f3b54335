import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data import datasets
from pole.learning.data.quantisation import Bounds, Quantisation, apply, fit, quantisation_from


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(value: float) -> None:
    bad = np.array([[1.0, value]])
    with pytest.raises(InputError, match="free of NaN and infinity"):
        fit(bad, 8)
    with pytest.raises(InputError, match="free of NaN and infinity"):
        apply(Quantisation(8, (1.0,), (0.0,)), bad)


@pytest.mark.parametrize("x", [np.zeros((0, 4)), np.zeros(4)])
def test_nothing_and_flat_arrays_are_refused(x: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match=r"they must be \(n, ...\)"):
        fit(x, 8)


@pytest.mark.parametrize("bits", [0, 9, -1])
def test_other_bit_widths_are_refused(bits: int) -> None:
    with pytest.raises(InputError, match="1 to 8 bits"):
        fit(np.ones((2, 2)), bits)


def test_samples_with_another_number_of_features_are_refused() -> None:
    fitted = fit(np.random.default_rng(0).normal(size=(9, 3)), 8)
    with pytest.raises(InputError, match="2 features do not fit a quantisation of 3"):
        apply(fitted, np.zeros((1, 2)))


def test_a_range_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="remove samples that are out of range"):
        fit(np.array([[-1.7e308], [1.7e308]]), 8)


@pytest.mark.parametrize(
    "document",
    [
        {"bits": 8, "scale": [0.0], "offset": [0.0]},
        {"bits": 8, "scale": [-1.0], "offset": [0.0]},
        {},
        {"bits": 8, "scale": [1.0]},
        {"bits": 8, "scale": [1.0], "offset": [0.0, 0.0]},
        {"bits": 8, "scale": [], "offset": []},
        {"bits": 9, "scale": [1.0], "offset": [0.0]},
        {"bits": 8, "scale": [float("nan")], "offset": [0.0]},
        {"bits": 8, "scale": ["x"], "offset": [0.0]},
        {"bits": None, "scale": [1.0], "offset": [0.0]},
        {"bits": 8, "scale": 3, "offset": [0.0]},
    ],
)
def test_a_broken_manifest_entry_is_an_input_error(document: dict[str, object]) -> None:
    with pytest.raises(InputError):
        quantisation_from(document)


def test_iris_is_exact_in_tenths_of_a_centimetre() -> None:
    data = datasets.load("iris", None)
    fitted = fit(data.x_train, 8)
    assert fitted == Quantisation(8, (10.0,), (0.0,))
    quantised = apply(fitted, data.x_train)
    assert quantised.clipped == 0
    assert np.allclose(quantised.values / 10, data.x_train, atol=1e-9)


def test_pixels_of_eight_bits_stay_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    assert np.array_equal(apply(fit(pixels, 8), pixels).values, pixels.reshape(4, 64))


def test_pixels_are_squeezed_into_four_bits_by_one_scale() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    fitted = fit(pixels, 4)
    assert len(fitted.scale) == 1
    assert apply(fitted, pixels).values.max() == 15


def test_test_values_outside_the_fitted_range_are_clipped_and_counted() -> None:
    fitted = fit(np.array([[0.0, -1.0], [0.333, 5.0]]), 8)
    quantised = apply(fitted, np.array([[-0.1, -1.0], [0.5, 9.0], [0.1, 2.0]]))
    assert quantised.clipped == 3
    assert quantised.values[:2].tolist() == [[0, 0], [255, 255]]


@pytest.mark.parametrize("constant", [-3.3, 0.0, 1e-9, 41.7, 1e300])
def test_a_feature_that_never_varies_has_one_value_and_a_round_range(constant: float) -> None:
    x = np.array([[0.55, constant], [0.7, constant]])
    fitted = fit(x, 8)
    values = apply(fitted, x).values[:, 1]
    assert values[0] == values[1]
    assert 255 / fitted.scale[1] >= max(1.0, abs(constant)) / 16


def test_tables_whose_extremes_differ_within_a_step_publish_the_same_numbers() -> None:
    middle = np.random.default_rng(1).normal(size=(50, 2))
    tables = [
        np.vstack([middle, low, high]) for low, high in (([-3.1, -8.9], [3.1, 7.2]), ([-3.4, -9.9], [3.4, 8]))
    ]
    first, second = (fit(table, 8) for table in tables)
    assert first == second
    assert first.offset == (-3.5, -10.0)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 8))
def test_a_published_range_is_round_and_at_most_a_quarter_wider_than_the_values(
    low: float, spread: float, bits: int
) -> None:
    x = np.array([[low, -0.05], [low + spread, 0.07]])
    fitted = fit(x, bits)
    largest = 2**bits - 1
    width = largest / fitted.scale[0]
    assert np.ptp(x[:, 0]) <= width * (1 + 1e-12)
    assert width <= 1.25 * np.ptp(x[:, 0]) * (1 + 1e-12)
    step = 2.0 ** (np.frexp(np.ptp(x[:, 0]))[1] - 4)
    assert fitted.offset[0] == step * round(fitted.offset[0] / step) <= x[:, 0].min()


def test_given_bounds_are_what_is_published_whatever_the_values() -> None:
    bounds = Bounds((0.0, -1.0), (51.0, 1.0))
    for x in (np.array([[3, 0], [7, 1]]), np.array([[60.0, 0.1], [-0.2, 0.3]])):
        assert fit(x, 8, bounds) == Quantisation(8, (5.0, 127.5), (0.0, -1.0))
    beyond = apply(fit(np.ones((2, 2)), 8, bounds), np.array([[60.0, 0.1], [-0.2, 0.3]]))
    assert beyond.clipped == 2
    assert beyond.values[:, 0].tolist() == [255, 0]


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        ((1.0,), (1.0,), "column 0 are 1.0 and 1.0; the lower must be less"),
        ((0.0, 2.0), (1.0, 1.0), "column 1 are 2.0 and 1.0"),
        ((0.0,), (float("inf"),), "both finite"),
        ((float("nan"),), (1.0,), "both finite"),
        ((), (), "give as many of both"),
        ((0.0,), (1.0, 2.0), "1 lower and 2 upper"),
    ],
)
def test_bounds_that_are_no_ranges_are_refused(
    low: tuple[float, ...], high: tuple[float, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        Bounds(low, high)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    st.integers(1, 8),
)
def test_training_values_lose_at_most_half_a_step_and_survive_json(values: list[float], bits: int) -> None:
    x = np.array(values).reshape(3, 2)
    fitted = quantisation_from(json.loads(json.dumps(fit(x, bits).document())))
    quantised = apply(fitted, x)
    restored = quantised.values / np.array(fitted.scale) + np.array(fitted.offset)
    assert quantised.clipped == 0
    assert (np.abs(restored - x) <= 0.5001 / np.array(fitted.scale) + 1e-9).all()
