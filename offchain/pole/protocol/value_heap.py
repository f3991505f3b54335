"""The order of waiting tasks: most valuable first (twin of contracts/libraries/ValueHeap.sol).

A task's value is its reward per second of its time limit; among equals the older comes first. The contract
keeps a binary heap; here a sort says the same, and the parity tests hold the heap against it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """What the order depends on: reward in wei, time limit in seconds (at least 1)."""

    task_id: int
    reward: int
    time_limit: int

    @property
    def rank(self) -> tuple[Fraction, int]:
        """Return a key that sorts the most valuable, then oldest, first; exact."""
        return (-Fraction(self.reward, self.time_limit), self.task_id)


def by_value(tasks: Iterable[WaitingTask]) -> tuple[WaitingTask, ...]:
    """Return the tasks in the order in which rounds take them."""
    return tuple(sorted(tasks, key=lambda task: task.rank))


def best(tasks: Iterable[WaitingTask]) -> WaitingTask | None:
    """Return the task that the next round takes, None when none waits."""
    return min(tasks, key=lambda task: task.rank, default=None)
