"""The order that samples are published in: every order equally often, whatever the source of bytes does."""

from collections import Counter
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.conftest import numbers

from pole.roles.publishing.permutation import random_permutation


def keys(*draws: tuple[int, ...]) -> Callable[[int], bytes]:
    """Return a source that gives these 64-bit keys, a tuple a call."""
    contents = iter(draws)
    return lambda count: np.array(next(contents), dtype="<u8").tobytes()[:count]


def test_equal_keys_are_drawn_again() -> None:
    source = keys((7, 1, 7), (3, 3, 3), (5, 2**64 - 1, 0))
    assert random_permutation(3, source).tolist() == [2, 0, 1]


def test_keys_that_stay_equal_are_no_order() -> None:
    with pytest.raises(StopIteration):
        random_permutation(2, keys((1, 1), (2, 2)))


@given(st.integers(0, 300), st.integers(0, 2**32))
def test_every_sample_has_one_place(count: int, seed: int) -> None:
    assert sorted(random_permutation(count, numbers(seed)).tolist()) == list(range(count))


def test_every_order_comes_equally_often() -> None:
    source = numbers(1)
    seen = Counter(tuple(random_permutation(4, source).tolist()) for _ in range(24_000))
    assert set(seen) == set(permutations(range(4)))
    # Chi-square with 23 degrees of freedom exceeds 49.7 once in a thousand seeds; this seed is fixed.
    assert sum((count - 1000) ** 2 / 1000 for count in seen.values()) < 49.7
