from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.protocol.models.metrics import AbsoluteError, Metric, score
from pole.roles.publishing.thresholds import score_of_one_answer


@pytest.mark.parametrize(
    ("metric", "labels", "share"),
    [
        ("accuracy", [0, 0, 0, 1], Fraction(3, 4)),
        ("macro_f1", [0, 0, 1, 1], Fraction(1, 4)),
        ("auc", [0, 1, 1, 1], Fraction(1, 2)),
        (AbsoluteError(name="mean_absolute_error", scale=10), [0, 5, 10], Fraction(2, 3)),
        ("accuracy", [], Fraction(0)),
    ],
)
def test_one_answer_for_all_is_worth_something(metric: Metric, labels: list[int], share: Fraction) -> None:
    assert score_of_one_answer(metric, np.array(labels, dtype=np.int64)) == share


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_no_other_constant_answer_is_more_accurate(labels: list[int]) -> None:
    given_labels = np.array(labels)
    best = score_of_one_answer("accuracy", given_labels) * len(labels)
    assert best == max(score("accuracy", np.full(len(labels), each), given_labels) for each in range(6))
