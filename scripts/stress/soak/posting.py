"""Tasks posted one after the other by the data node's own command, through its own way to the node."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from scripts.demo.network import StepError, pole
from scripts.demo.tasks import Task
from scripts.stress.soak.plan import DATA_NODES, RoundPlan
from scripts.stress.soak.setting import Setting

AGAIN: Final = 3.0
AHEAD: Final = 1
"""Tasks that wait beside those in open rounds, lest a lane be idle by itself."""
TERMS: Final = ("--train-accuracy", "90", "--allow-disclosure", "rank")
TASK: Final = Task("iris", "Iris", "8 query vectors", "0.2", 120, TERMS)


@dataclass(slots=True)
class Posting:
    """What is to be played, in order; used by one thread, but for the command itself.

    `posted` are the plans whose rounds have not opened, `awaited` is an idle one: nothing is posted until it
    has opened. `taken` counts the plans that were begun with. A command that failed is called again, as a
    person would call it, and `failed` keeps what it said.
    """

    setting: Setting
    lanes: int
    plans: Iterator[RoundPlan]
    posted: list[RoundPlan] = field(default_factory=list)
    awaited: RoundPlan | None = None
    failed: list[str] = field(default_factory=list)
    taken: int = 0
    now: Callable[[], float] = time.monotonic
    _is_over: bool = False
    _command: Future[str] | None = None
    _after: float = 0.0
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    @property
    def is_done(self) -> bool:
        """Return whether all was posted, and has opened."""
        return self._is_over and not self.posted and self.awaited is None and self._command is None

    def stop(self) -> None:
        """Take no further plan."""
        self._is_over = True

    def step(self, open_tasks: int) -> None:
        """Post what is due, given how many rounds on tasks are open."""
        if self._command is not None:
            self._finish()
        elif self._after:
            if self.now() >= self._after:
                self._post()
        elif self.awaited is None and open_tasks + len(self.posted) < self.lanes + AHEAD:
            self._take()

    def opened(self, *, idle: bool) -> RoundPlan | None:
        """Return the plan of a round that has opened, None where there is none for it."""
        if not idle:
            return self.posted.pop(0) if self.posted else None
        plan, self.awaited = self.awaited, None
        return plan

    def _take(self) -> None:
        plan = None if self._is_over else next(self.plans, None)
        if plan is None:
            self.stop()
            return
        self.taken += 1
        if plan.is_idle:
            self.awaited = plan
        else:
            # Its round may open before the command returns.
            self.posted.append(plan)
            self._post()

    def _post(self) -> None:
        [owner] = [self.setting.crew.members[name] for name in DATA_NODES]
        place = replace(self.setting.ground.place, rpc=owner.node.url)
        command, environment = TASK.post_command(owner.worker), owner.worker.environment(place)
        self._after, self._command = 0.0, self._pool.submit(pole, command, environment)

    def _finish(self) -> None:
        if self._command is None or not self._command.done():
            return
        error = self._command.exception()
        self._command = None
        if isinstance(error, StepError):
            self.failed.append(str(error))
            self._after = self.now() + AGAIN
        elif error is not None:
            raise error


def until(plans: Iterable[RoundPlan], over: Callable[[], bool]) -> Iterator[RoundPlan]:
    """Yield plans as long as it is not over."""
    for plan in plans:
        if over():
            return
        yield plan
