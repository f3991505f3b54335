from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.core import given
from tests.parity.strategies import few_trials, solutions, trials, whole, words

from pole.protocol.rounds.committee_draw import shuffled
from pole.protocol.rounds.judgement import choices_of, choose
from pole.protocol.rounds.value_heap import WaitingTask, by_value
from pole.protocol.state import Solution


def solution_tuple(solution: Solution) -> tuple[object, ...]:
    return (
        solution.miner,
        solution.commitment,
        solution.model_digest,
        solution.claimed_train_correct,
        solution.claimed_test_correct,
        solution.order,
        solution.choice,
        solution.revealed,
    )


terms = st.tuples(whole(96), st.integers(1, 6) | st.integers(1, 2**32 - 1))


@given(st.lists(terms, max_size=25), st.data())
@few_trials
def test_the_heap_gives_tasks_in_the_order_of_value(
    harness: Any, given_terms: list[tuple[int, int]], data: st.DataObject
) -> None:
    tasks = [WaitingTask(n + 1, reward, duration) for n, (reward, duration) in enumerate(given_terms)]
    pushed = data.draw(st.permutations(tasks))
    replaced, newcomers = data.draw(replacements(tasks))
    left = [*(task for task in tasks if task not in replaced), *newcomers]
    removed = data.draw(st.permutations(left))[: len(left) // 3]
    order = harness.heapOrder(entries(pushed), ids(replaced), entries(newcomers), ids(removed))
    assert list(order) == ids(by_value(set(left) - set(removed)))


@st.composite
def replacements(
    draw_one: st.DrawFn, tasks: list[WaitingTask]
) -> tuple[list[WaitingTask], list[WaitingTask]]:
    """Return tasks and, for each, a new one that is worth more."""
    chosen = draw_one(st.permutations([task for task in tasks if task.reward < 2**96 - 1]))
    replaced = chosen[: len(chosen) // 3]
    newcomers = [
        WaitingTask(
            len(tasks) + n + 1,
            draw_one(st.integers(task.reward + 1, 2**96 - 1)),
            draw_one(st.integers(1, task.duration)),
        )
        for n, task in enumerate(replaced)
    ]
    return replaced, newcomers


def entries(tasks: Iterable[WaitingTask]) -> list[tuple[int, int, int]]:
    return [(task.reward, task.duration, task.task_id) for task in tasks]


def ids(tasks: Iterable[WaitingTask]) -> list[int]:
    return [task.task_id for task in tasks]


@given(words, st.integers(0, 70), st.data())
@trials
def test_draws_are_equal(harness: Any, entropy: bytes, places: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(0, places))
    assert list(harness.draw(entropy, places, steps)) == shuffled(entropy, total=places, count=steps)


@given(solutions())
@trials
def test_the_same_solutions_are_judged(harness: Any, entries: tuple[Solution, ...]) -> None:
    chosen = harness.choose([solution_tuple(each) for each in entries])
    twin = choose(entries)
    assert [each[6] for each in chosen] == [each.choice for each in twin]
    assert harness.choicesOf(chosen) == choices_of(twin)
