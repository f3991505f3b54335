"""The search in the middle finds what has the answers, and takes the likeliest of several."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.privacy.structures import bits, layer, one_hot, plan_of

from pole.learning.privacy import search as searching
from pole.learning.privacy.search import search
from pole.learning.privacy.views import View, answers, matrix_of


def attack(samples: np.ndarray, targets: np.ndarray, queries: int) -> np.ndarray | None:
    views = [View(plan_of(layer(queries, samples.shape[1])))]
    shown = answers(views, targets, np.random.default_rng(0)).astype(np.int64)
    matrix = matrix_of(views, samples.shape[1]).astype(np.int64)
    return search(matrix, samples, shown, np.full(targets.shape, -1.0))


def test_bits_are_found_in_the_middle() -> None:
    targets = bits(50, 30, seed=9)
    found = attack(bits(500, 30), targets, 10)
    assert found is not None
    assert np.array_equal(found, targets)


def test_one_hot_groups_are_told_apart_by_a_sixth_of_the_keys() -> None:
    targets = one_hot(200, 5, 6, seed=9)
    found = attack(one_hot(500, 5, 6), targets, 5)
    assert found is not None
    assert (found == targets).all(axis=1).mean() > 0.7


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 8))
def test_what_is_found_has_the_answers(seed: int, queries: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    samples = random.integers(0, 4, (60, columns)).astype(np.uint8)
    views = [View(plan_of(layer(min(queries, 3 * columns), columns)))]
    matrix = matrix_of(views, columns).astype(np.int64)
    shown = answers(views, samples, random).astype(np.int64)
    found = search(matrix, samples, shown, np.full(samples.shape, -1.0))
    assert found is not None
    read = matrix.any(axis=0)
    hit = (found[:, read] >= 0).all(axis=1)
    assert np.array_equal(found[hit] @ matrix.T, shown[: len(found)][hit])
    assert hit.all() or 4**columns > searching.MAX_PAIRS


def test_a_state_that_nobody_knew_keeps_its_estimate() -> None:
    samples = np.zeros((20, 3), dtype=np.uint8)
    samples[:10] = 1
    targets = np.array([[1, 1, 1], [9, 9, 9]], dtype=np.uint8)
    found = attack(samples, targets, 2)
    assert found is not None
    assert found.tolist() == [[1, 1, 1], [-1, -1, -1]]


def test_too_many_states_are_not_searched() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (600, 12)).astype(np.uint8)
    assert attack(samples, samples[:2], 4) is None


def test_answers_that_fit_everything_are_not_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = bits(300, 10)
    monkeypatch.setattr(searching, "MAX_PAIRS", 1)
    found = attack(samples, samples[:5], 1)
    assert found is not None
    assert (found == -1).any()
