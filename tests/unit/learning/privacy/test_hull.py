"""The affine hull: its rank is what linear algebra over the rationals finds, whatever the structure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.privacy.structures import layer, one_hot, plan_of

from pole.ipfe.group import ORDER
from pole.learning.privacy.hull import affine_hull

RANDOM = np.random.default_rng(1)


def rank_of(samples: np.ndarray) -> int:
    differences = samples.astype(np.int64) - samples[0]
    return int(np.linalg.matrix_rank(differences.astype(np.float64))) if len(samples) > 1 else 0


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(0, 5),
    st.integers(0, 3),
    st.integers(0, 2**32),
)
def test_the_rank_is_that_of_the_rationals(count: int, free: int, sums: int, fixed: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    base = random.integers(0, 20, (count, free))
    combined = base @ random.integers(0, 3, (free, sums)) if sums else np.zeros((count, 0), dtype=int)
    constant = np.full((count, fixed), 7)
    samples = np.concatenate([base, combined, constant], axis=1)[:, random.permutation(free + sums + fixed)]
    hull = affine_hull(samples.astype(np.uint8), random)
    assert hull.rank == rank_of(samples.astype(np.uint8))
    assert len(hull.pivots) == hull.rank
    assert rank_of(samples.astype(np.uint8)[:, hull.pivots]) == hull.rank if hull.rank else True


def test_rare_directions_are_found_wherever_they_are() -> None:
    samples = np.zeros((3000, 12), dtype=np.uint8)
    samples[:, 0] = RANDOM.integers(0, 9, 3000)
    for column in range(1, 12):
        samples[100 * column + 7, column] = 1
    assert affine_hull(samples, RANDOM).rank == 12


def test_one_hot_groups_fill_a_dimension_less_each() -> None:
    assert affine_hull(one_hot(2000, 5, 6), RANDOM).rank == 25


@pytest.mark.parametrize(("queries", "functions"), [(3, 3), (25, 25), (30, 25)])
def test_functions_beyond_the_hull_count_for_nothing(queries: int, functions: int) -> None:
    hull = affine_hull(one_hot(500, 5, 6), RANDOM)
    assert hull.functions_of([plan_of(layer(queries, 30))], ORDER) == functions


def test_functions_of_columns_that_never_vary_are_none() -> None:
    samples = np.zeros((50, 8), dtype=np.uint8)
    samples[:, 6:] = RANDOM.integers(0, 9, (50, 2))
    assert affine_hull(samples, RANDOM).functions_of([plan_of(layer(5, 8))], ORDER) == 2


def test_no_keys_open_no_function() -> None:
    assert affine_hull(one_hot(50, 2, 3), RANDOM).functions_of([], ORDER) == 0
