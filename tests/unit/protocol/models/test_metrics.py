from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pole.protocol.models.metrics import LOGIT_ONE, AbsoluteError, predictions, readings, score

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)
RANKED = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 1)), min_size=1, max_size=40)


def error(scale: int) -> AbsoluteError:
    return AbsoluteError(name="mean_absolute_error", scale=scale)


def columns(pairs: list[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(pairs, dtype=np.int64).T


def macro_f1_by_hand(found: list[int], labels: list[int]) -> int:
    parts = []
    for each in set(found) | set(labels):
        hits = sum(f == y == each for f, y in zip(found, labels, strict=True))
        parts.append(Fraction(2 * hits, list(found).count(each) + list(labels).count(each)))
    return len(labels) * sum(parts) // len(parts)


def auc_by_hand(found: list[int], labels: list[int]) -> int:
    pairs = [
        (p, n)
        for p, a in zip(found, labels, strict=True)
        for n, b in zip(found, labels, strict=True)
        if a > b
    ]
    worth = sum(Fraction(1) if p > n else Fraction(1, 2) if p == n else 0 for p, n in pairs)
    return len(labels) * worth // len(pairs) if pairs else 0


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_one_class_alone_leaves_nothing_to_rank(labels: list[int]) -> None:
    assert score("auc", np.array([5, 6, 7]), np.array(labels)) == 0


def test_an_error_beyond_the_scale_is_worth_nothing() -> None:
    assert score(error(10), np.array([90, 90]), np.array([0, 0])) == 0


def test_a_class_that_is_never_predicted_pulls_macro_f1_down_where_accuracy_hardly_sees_it() -> None:
    labels, found = np.array([0] * 98 + [1] * 2), np.zeros(100, dtype=np.int64)
    assert score("accuracy", found, labels) == 98
    assert score("macro_f1", found, labels) == 49


@given(PAIRS)
def test_macro_f1_is_the_mean_over_the_classes_that_occur(pairs: list[tuple[int, int]]) -> None:
    found, labels = columns(pairs)
    assert score("macro_f1", found, labels) == macro_f1_by_hand(found.tolist(), labels.tolist())


@given(RANKED)
def test_auc_counts_the_pairs_in_order_and_ties_half(pairs: list[tuple[int, int]]) -> None:
    found, labels = columns(pairs)
    assert score("auc", found, labels) == auc_by_hand(found.tolist(), labels.tolist())


@given(PAIRS, st.integers(1, 9))
def test_an_absolute_error_is_what_is_left_of_the_count(pairs: list[tuple[int, int]], scale: int) -> None:
    found, labels = columns(pairs)
    mean = Fraction(sum(abs(f - y) for f, y in pairs), len(pairs))
    assert score(error(scale), found, labels) == len(pairs) * max(Fraction(0), 1 - mean / scale) // 1


@given(PAIRS, st.randoms())
def test_no_score_depends_on_the_order_and_all_lie_between_nothing_and_the_count(
    pairs: list[tuple[int, int]], random: Random
) -> None:
    turned = random.sample(pairs, len(pairs))
    for metric in ("accuracy", "macro_f1", "auc", error(3)):
        binary = [(f, y % 2) for f, y in pairs], [(f, y % 2) for f, y in turned]
        first, second = (columns(each) for each in (binary if metric == "auc" else (pairs, turned)))
        assert score(metric, *first) == score(metric, *second)
        assert 0 <= score(metric, *first) <= len(pairs)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_what_is_all_right_is_worth_the_count(labels: list[int]) -> None:
    right = np.array(labels, dtype=np.int64)
    for metric in ("accuracy", "macro_f1", error(3)):
        assert score(metric, right, right) == len(labels)


def test_macro_f1_of_many_classes_stays_quick_and_exact() -> None:
    labels = np.repeat(np.arange(2000), np.arange(1, 2001) % 40 + 1)
    found = np.random.default_rng(0).permutation(labels)
    expected = macro_f1_by_hand(found[:200].tolist(), labels[:200].tolist())
    assert score("macro_f1", found[:200], labels[:200]) == expected
    assert 0 <= score("macro_f1", found, labels) <= len(labels)


def test_an_equal_pair_of_logits_is_the_lowest_class() -> None:
    logits = np.array([[7, 7], [6, 7], [7, 6]])
    for metric in ("accuracy", "macro_f1", "auc"):
        assert predictions(metric, readings(metric, logits, 2)).tolist() == [0, 1, 0]


def test_a_regression_spreads_the_grid_from_minus_four_to_four() -> None:
    outputs = np.array([[-9.0], [-4.0], [-3.99], [0.0], [3.99], [4.0], [9.0]]) * LOGIT_ONE
    steps = readings(error(1), outputs.astype(np.int64), 4)
    assert steps.tolist() == [0, 0, 0, 2, 3, 3, 3]
    assert predictions(error(1), steps).dtype == np.uint16


@pytest.mark.parametrize("classes", [2, 7, 347, 1000, 8192])
def test_the_middle_of_a_step_is_read_as_that_step(classes: int) -> None:
    labels = np.arange(classes)
    outputs = np.floor(((labels + 0.5) / classes * 8 - 4) * LOGIT_ONE).astype(np.int64)
    assert readings(error(1), outputs[:, None], classes).tolist() == labels.tolist()


def test_the_grid_of_logits_is_that_of_activations() -> None:
    from pole.learning.evaluation.fixed_point import ACTIVATION_ONE

    assert LOGIT_ONE == ACTIVATION_ONE
