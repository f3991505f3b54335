"""When a training stops, and why it did (the paper's Algorithm 1)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pole.learning.machine.threads import never


class StopReason(Enum):
    """Why training ended (Algorithm 1)."""

    THRESHOLD = "the required training accuracy is reached"
    ROUND = "the round accepts no more solutions"
    TIME = "the time limit is reached"


@dataclass(frozen=True, slots=True)
class StopRule:
    """When to stop: `required_correct` training labels reached, `stop()` true, or `clock()` at `deadline`.

    The clock counts seconds of any epoch; a deadline of infinity is none. Both functions are called before
    every batch, and `stop` before every part of an evaluation too, so they must not wait for anything but
    what cannot wait. Once it is true it stays so.
    """

    required_correct: int
    deadline: float
    clock: Callable[[], float]
    stop: Callable[[], bool]

    @property
    def lets_cycles_end(self) -> bool:
        """Return whether nothing can end a training before a cycle's end: no time limit, and no round."""
        return math.isinf(self.deadline) and self.stop is never
