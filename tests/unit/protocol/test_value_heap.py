from hypothesis import given
from hypothesis import strategies as st

from pole.protocol.value_heap import WaitingTask, best, by_value

rewards = st.one_of(st.integers(0, 20), st.integers(0, 2**96 - 1))
limits = st.one_of(st.integers(1, 20), st.integers(1, 2**32 - 1))
tasks = st.lists(st.tuples(rewards, limits), max_size=30).map(
    lambda terms: [WaitingTask(i + 1, reward, limit) for i, (reward, limit) in enumerate(terms)]
)


def precedes(a: WaitingTask, b: WaitingTask) -> bool:
    left, right = a.reward * b.time_limit, b.reward * a.time_limit
    return left > right or (left == right and a.task_id < b.task_id)


def test_no_task_is_the_best_of_none() -> None:
    assert best([]) is None


def test_among_equals_the_older_comes_first() -> None:
    assert best([WaitingTask(2, 20, 10), WaitingTask(1, 10, 5)]) == WaitingTask(1, 10, 5)


def test_a_short_limit_makes_a_task_more_valuable() -> None:
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
