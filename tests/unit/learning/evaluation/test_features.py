from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.learning.evaluation.features import FeatureMap, fit_feature_map, normalised, whiten, whitening
from pole.learning.evaluation.fixed_point import CLAMP, MalformedModelError


def feature_map(offset: list[int] | list[list[int]], scale: list[float] | list[list[float]]) -> FeatureMap:
    return FeatureMap(np.array(offset, dtype=np.int64), np.array(scale, dtype=np.float32))


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf, -1.0, 2.0**-61, 2.0**21])
def test_a_scale_that_is_no_sane_number_is_malformed(scale: float) -> None:
    with pytest.raises(MalformedModelError, match="scales are negative, out of range or not numbers"):
        feature_map([0, 0], [1.0, scale])


@pytest.mark.parametrize("offset", [2**32 + 1, -(2**32) - 1, 2**63 - 1, -(2**63)])
def test_an_offset_that_could_overflow_is_malformed(offset: int) -> None:
    with pytest.raises(MalformedModelError, match="offsets are larger than any feature"):
        feature_map([offset], [1.0])


@pytest.mark.parametrize(("offset", "scale"), [([], []), ([0], [1.0, 1.0]), ([[0]], [[1.0]])])
def test_a_map_without_a_pair_for_each_feature_is_malformed(
    offset: list[int] | list[list[int]], scale: list[float] | list[list[float]]
) -> None:
    with pytest.raises(MalformedModelError, match="one offset and one scale"):
        feature_map(offset, scale)


@pytest.mark.parametrize("shape", [(0, 3), (5,), (2, 3, 4)])
def test_features_of_an_odd_shape_cannot_be_learned_from(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="cannot be learned from"):
        fit_feature_map(np.zeros(shape, dtype=np.int64))


@given(
    x=st.integers(0, 2**32),
    offset=st.integers(-(2**32), 2**32),
    scale=st.floats(2.0**-30, 2.0, width=32),
)
def test_the_map_is_one_rounded_product_rounded_to_the_grid(x: int, offset: int, scale: float) -> None:
    found = feature_map([offset], [scale]).apply(np.array([[x]]))[0, 0]
    product = Fraction(x - offset) * Fraction(scale) * 1024
    expected = round(Fraction(float(product)))
    assert found == max(-CLAMP, min(CLAMP, expected))


def test_fitted_features_have_mean_zero_and_variance_one() -> None:
    raw = np.random.default_rng(1).integers(0, 300_000, (500, 6))
    values = normalised(raw, fit_feature_map(raw))
    assert np.abs(values.mean(axis=0)).max() < 1e-3
    assert np.abs(values.std(axis=0) - 1).max() < 1e-3


def test_a_feature_that_never_varies_counts_for_nothing() -> None:
    raw = np.stack([np.full(9, 77), np.arange(9)], axis=1)
    fitted = fit_feature_map(raw)
    assert fitted.scale[0] == 0
    assert fitted.apply(np.array([[5000, 4]])).tolist() == [[0.0, 0.0]]


def test_images_are_mapped_channel_by_channel() -> None:
    raw = np.random.default_rng(1).integers(0, 1000, (50, 2, 4, 4)) * np.array([1, 90]).reshape(1, 2, 1, 1)
    fitted = fit_feature_map(raw)
    assert fitted.offset.shape == (2,)
    assert np.abs(normalised(raw, fitted).std(axis=(0, 2, 3)) - 1).max() < 1e-3


@pytest.mark.parametrize("shape", [(400, 5), (60, 5, 3, 4)])
def test_whitened_values_are_uncorrelated(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(2)
    mixed = np.moveaxis(
        np.tensordot(random.normal(size=shape), random.normal(size=(5, 5)), axes=(1, 1)), -1, 1
    )
    values = (mixed - mixed.mean(axis=tuple(i for i in range(mixed.ndim) if i != 1), keepdims=True)).astype(
        np.float32
    )
    white = np.moveaxis(whiten(values, whitening(values, 0.0)), 1, 0).reshape(5, -1)
    assert np.abs(white @ white.T / white.shape[1] - np.eye(5)).max() < 1e-3


def test_directions_without_data_are_not_blown_up() -> None:
    values = np.repeat(np.random.default_rng(3).normal(size=(300, 1)), 3, axis=1).astype(np.float32)
    assert np.abs(whitening(values, 1e-3)).max() < 40


def test_values_can_be_whitened_in_place() -> None:
    values = np.random.default_rng(2).normal(size=(50, 3, 4, 4)).astype(np.float32)
    matrix = whitening(values, 1e-3)
    expected = whiten(values, matrix)
    assert whiten(values, matrix, out=values) is values
    assert np.array_equal(values, expected)
