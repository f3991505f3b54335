"""Ranges hold nearly all values, and no single one can stretch them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.learning.data.ranges import FLATTENED, bounds_without_outliers, robust_range

NUMBERS = st.lists(st.floats(-1000, 1000), min_size=3, max_size=50)


@given(NUMBERS, st.floats(1e6, 1e12))
def test_one_value_cannot_stretch_a_range(values: list[float], outlier: float) -> None:
    low, high = robust_range(np.array([*values, outlier]))
    plain = max(values) - min(values)
    assert low >= min(values)
    if len(set(values)) > 2 and plain > 1e-3:
        assert high <= max(values) + 3 * plain or len(set(values[1:])) < len(values) - 1


@given(NUMBERS)
def test_a_range_is_never_wider_than_the_values(values: list[float]) -> None:
    low, high = robust_range(np.array(values))
    assert min(values) <= low <= high <= max(values)
    assert (low < high) == (len(set(values)) > 1)


def test_values_that_are_mostly_alike_have_the_range_of_the_others() -> None:
    assert robust_range(np.array([0.0] * 98 + [1.0, 2.0])) == (0, 2)


@pytest.mark.parametrize("x", [np.arange(24.0).reshape(6, 4), np.random.default_rng(1).normal(size=(500, 3))])
def test_samples_without_outliers_have_no_bounds_of_ours(
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    assert bounds_without_outliers(x) is None
    far = x.copy() + 0.01
    far[0] = FLATTENED * 1e3
    found = bounds_without_outliers(far)
    assert found is not None
    assert np.flatnonzero(found[1]).tolist() == [0]
