"""The order of waiting tasks: most valuable first (twin of contracts/libraries/ValueHeap.sol).

A task's value is its reward per second that its round may take (`rent.duration`). Among equals the older
comes first. The contract keeps a binary heap; here a sort says the same, and the parity tests hold
the heap against it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from pole.protocol.parameters import TaskListParameters
from pole.protocol.rounds.rent import duration
from pole.protocol.state import TaskTerms


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """What the order depends on: reward in wei, duration in seconds (at least 1)."""

    task_id: int
    reward: int
    duration: int

    @property
    def value(self) -> Fraction:
        """Return the reward per second in wei, exact."""
        return Fraction(self.reward, self.duration)

    @property
    def rank(self) -> tuple[Fraction, int]:
        """Return a key that sorts the most valuable, then oldest, first; exact."""
        return (-self.value, self.task_id)


def waiting_task(task_id: int, terms: TaskTerms, parameters: TaskListParameters) -> WaitingTask:
    """Return what a task's place in the order depends on."""
    return WaitingTask(task_id, terms.reward, duration(terms, parameters))


def by_value(tasks: Iterable[WaitingTask]) -> tuple[WaitingTask, ...]:
    """Return the tasks in the order in which rounds take them."""
    return tuple(sorted(tasks, key=lambda task: task.rank))


def best(tasks: Iterable[WaitingTask]) -> WaitingTask | None:
    """Return the task that the next round takes, None when none waits."""
    return min(tasks, key=lambda task: task.rank, default=None)


def least_valuable(tasks: Iterable[WaitingTask]) -> WaitingTask | None:
    """Return the task that all others precede, None when none waits."""
    return max(tasks, key=lambda task: task.rank, default=None)


def reward_above(task: WaitingTask, duration: int) -> int:
    """Return the minimum reward in wei that makes a task of `duration` worth more than `task`."""
    return task.reward * duration // task.duration + 1
