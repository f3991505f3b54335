from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import PARAMETERS, TERMS

from pole.protocol.rounds.rent import duration
from pole.protocol.rounds.value_heap import (
    WaitingTask,
    best,
    by_value,
    least_valuable,
    reward_above,
    waiting_task,
)

rewards = st.one_of(st.integers(0, 20), st.integers(0, 2**96 - 1))
durations = st.one_of(st.integers(1, 20), st.integers(1, 2**32 - 1))
tasks = st.lists(st.tuples(rewards, durations), max_size=30).map(
    lambda terms: [WaitingTask(i + 1, reward, duration) for i, (reward, duration) in enumerate(terms)]
)


def precedes(a: WaitingTask, b: WaitingTask) -> bool:
    left, right = a.reward * b.duration, b.reward * a.duration
    return left > right or (left == right and a.task_id < b.task_id)


def test_no_task_is_the_best_of_none() -> None:
    assert best([]) is None
    assert least_valuable([]) is None


def test_a_task_is_valued_by_all_the_time_that_its_round_may_take() -> None:
    taken = duration(TERMS, PARAMETERS.task_list)
    assert waiting_task(7, TERMS, PARAMETERS.task_list) == WaitingTask(7, TERMS.reward, taken)


def test_among_equals_the_older_comes_first() -> None:
    assert best([WaitingTask(2, 20, 10), WaitingTask(1, 10, 5)]) == WaitingTask(1, 10, 5)


def test_a_short_duration_makes_a_task_more_valuable() -> None:
    assert best([WaitingTask(1, 10, 100), WaitingTask(2, 9, 10)]) == WaitingTask(2, 9, 10)


def test_values_that_floats_cannot_tell_apart_are_told_apart() -> None:
    lower, higher = WaitingTask(1, 2**95, 2**31), WaitingTask(2, 2**95 + 1, 2**31)
    assert best([lower, higher]) == higher


@given(tasks)
def test_the_order_is_that_of_cross_multiplication(waiting: list[WaitingTask]) -> None:
    ordered = by_value(waiting)
    assert sorted(ordered, key=lambda task: task.task_id) == waiting
    assert all(precedes(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :])
    assert best(waiting) == (ordered[0] if ordered else None)
    assert least_valuable(waiting) == (ordered[-1] if ordered else None)


@given(tasks.filter(bool), durations)
def test_the_reward_above_a_task_is_the_least_that_is_worth_more(
    waiting: list[WaitingTask], duration: int
) -> None:
    reward = reward_above(waiting[0], duration)
    assert WaitingTask(99, reward, duration).value > waiting[0].value
    assert WaitingTask(99, reward - 1, duration).value <= waiting[0].value
