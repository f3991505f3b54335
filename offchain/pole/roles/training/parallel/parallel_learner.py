"""The learner that trains one model with several processes, here and on other machines."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from typing import Final

import torch

from pole.errors import AbandonedError
from pole.learning.parallel.meeting import Meeting
from pole.learning.parallel.ranks import useful_ranks
from pole.learning.training.checkpoint import SECONDS_BETWEEN
from pole.learning.training.recipe import batch_count
from pole.roles.training.learner import Assignment, LearnerError, Trained, better
from pole.roles.training.parallel.machines import Machines, Plan
from pole.roles.training.parallel.rank import SPARE, Rank, fresh_folder, running_ranks
from pole.roles.training.parallel.rank_process import Epoch, Failed, Finished, Order, Place
from pole.roles.training.torch_learner import TorchLearner, note_epoch, report_trained, task_of

LOG: Final = logging.getLogger("pole.training")

TRIES: Final = 3
"""Times that ranks are started for a training."""

SHORT: Final = 10.0
"""Seconds that a training must have left to start ranks for it, which takes some of them."""

LOOK: Final = 0.05


@dataclass(frozen=True, slots=True)
class ParallelLearner:
    """Trains as `alone` does, by a process on each of the devices.

    `threads` of the processor are parted among them. A training that is short, or whose batches are too small
    for two, is done by `alone`. Ranks are started anew, from the newest checkpoint, where one of them dies.
    `checkpoint_seconds` lie between two checkpoints at least. `machines` help with what they offer when ranks
    are started, but for the last try, which none of them can spoil.
    """

    alone: TorchLearner
    devices: Sequence[torch.device]
    threads: int
    checkpoint_seconds: float = SECONDS_BETWEEN
    machines: Machines | None = None

    @property
    def device(self) -> torch.device:
        """Return where models are evaluated."""
        return self.devices[0]

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`.

        Raises AbandonedError when `stop` came before there was one, LearnerError, with the rank that failed
        and its last lines, when ranks gave none.
        """
        settings = self.alone.settings(assignment, stop)
        samples = len(assignment.samples.labels)
        useful = useful_ranks(samples, batch_count(samples, settings.batch), samples)
        left = assignment.deadline - self.alone.clock()
        if (useful == 1 or left < SHORT) or (len(self.devices) == 1 and self.machines is None):
            return self.alone.train(assignment, stop=stop)
        order = Order(
            task=task_of(assignment, settings, self.alone.folder),
            needed=assignment.needed,
            deadline=time.monotonic() + left,
            judging_threads=self.threads,
            checkpoint=self.alone.checkpoint_file(assignment.seed),
            checkpoint_seconds=self.checkpoint_seconds,
            random_seed=self.alone.random_seed(),
        )
        return self._supervised(assignment, order, useful, stop)

    def _supervised(
        self, assignment: Assignment, order: Order, useful: int, stop: Callable[[], bool]
    ) -> Trained:
        watch = Watch(assignment, self.alone.clock, stop)
        fault = ""
        for number in range(TRIES):
            machines = self.machines if number < TRIES - 1 else None
            try:
                with self._started(order, useful, machines) as running:
                    end = watch.until_end(running, machines)
            except LearnerError as error:
                end = str(error)
            if isinstance(end, Finished):
                return _reported(assignment, end, watch.best)
            fault = end
            if watch.is_over() or watch.is_final() or number == TRIES - 1:
                break
            LOG.warning("%s All ranks begin again at the last checkpoint.", fault)
        return _salvaged(watch, fault)

    @contextmanager
    def _started(self, order: Order, useful: int, machines: Machines | None) -> Iterator[list[Rank]]:
        folder = fresh_folder(self.alone.folder / f"{order.task.seed.hex()}.ranks")
        own = min(useful, len(self.devices))
        plan = self._plan(own, useful, machines)
        meeting: Meeting = folder / "meeting"
        if machines is not None:
            # Also where none has a part: each waits to be told.
            there = machines.begin(plan)
            meeting = there if plan.parts else meeting
        places = [
            Place(
                rank=number,
                ranks=plan.ranks,
                device=self.devices[number],
                threads=max(1, self.threads // own),
                meeting=meeting,
                log=folder / f"{number}.log",
            )
            for number in range(own)
        ]
        with running_ranks(places, order) as running:
            try:
                yield running
            finally:
                if machines is not None:
                    machines.end()

    def _plan(self, own: int, useful: int, machines: Machines | None) -> Plan:
        """Return who has which ranks: this machine the first ones, others as many as are of use."""
        parts, ranks = {}, own
        offered = {} if machines is None else machines.offered(self.device.type)
        for number, count in offered.items():
            taken = min(count, useful - ranks)
            if taken > 0:
                parts[number] = (ranks, taken)
                ranks += taken
        return Plan(self.device.type, ranks, parts)


@dataclass(slots=True)
class Watch:
    """A training as the worker sees it: what comes from rank 0, which ranks end, and when all have to."""

    assignment: Assignment
    clock: Callable[[], float]
    stop: Callable[[], bool]
    best: Trained | None = None
    _gone: dict[int, Failed | None] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Return whether there is no time left, or nobody waits for the training any more."""
        return self.stop() or self.clock() >= self.assignment.deadline

    def is_final(self) -> bool:
        """Return whether ranks ended for a reason that trying again does not change."""
        return any(failed is not None and failed.final for failed in self._gone.values())

    def until_end(self, running: list[Rank], machines: Machines | None) -> Finished | str:
        """Note what comes until rank 0 has finished or has to end; return why it did not finish."""
        self._gone = {}
        elsewhere, asked, until = "", False, self.assignment.deadline + SPARE
        while self.clock() < until:
            if self.stop() and not asked:
                asked, until = True, min(until, self.clock() + SPARE)
                running[0].stop()
            for rank in self._ready(running, LOOK):
                if (finished := self._take(rank)) is not None:
                    return finished
            elsewhere = elsewhere or ("" if machines is None else machines.fault())
            if (self._gone or elsewhere) and not asked:
                # One that died takes the others with it: who was the first is known a little later.
                asked, until = True, min(until, self.clock() + (SPARE if machines else SPARE / 4))
        return self._waiting(running) or self._fault(running, elsewhere)

    def _ready(self, running: list[Rank], seconds: float) -> list[Rank]:
        """Wait so long at most for ranks that have sent something, or ended, and return them."""
        here = [rank for rank in running if rank.place.rank not in self._gone]
        ready = connections.wait([rank.connection for rank in here], seconds)
        return [rank for rank in here if rank.connection in ready]

    def _waiting(self, running: list[Rank]) -> Finished | None:
        """Note what was sent and not yet taken, as `stop` may take long; return the end, if there is one."""
        until = self.clock() + SPARE
        while (ready := self._ready(running, 0.0)) and self.clock() < until:
            for rank in ready:
                if (finished := self._take(rank)) is not None:
                    return finished
        return None

    def _take(self, rank: Rank) -> Finished | None:
        message = rank.message()
        match message:
            case Finished():
                return message
            case Failed() | None:
                self._gone[rank.place.rank] = message
            case Epoch():
                self.best = better(self.best, message.better)
                note_epoch(self.assignment.note, message.check, message.loss, message.seconds)
        return None

    def _fault(self, running: list[Rank], elsewhere: str) -> str:
        """Return a sentence on the rank that was the first to fail."""
        by_blame = sorted(self._gone.items(), key=lambda each: _order_of_blame(each[1]))
        if elsewhere and (not by_blame or by_blame[0][1] is not None):
            return elsewhere
        if not by_blame:
            return "The ranks did not end in time and were ended."
        number, found = by_blame[0]
        return running[number].why(found)


def _order_of_blame(failed: Failed | None) -> tuple[int, float]:
    """Return what sorts ranks by who took the others with it: one that was killed says nothing."""
    if failed is None:
        return 1, 0.0
    return (0 if failed.final else 2), failed.time


def _reported(assignment: Assignment, end: Finished, best: Trained | None) -> Trained:
    # Ranks that began again know nothing of what came after the checkpoint.
    trained = better(best, end.trained)
    if trained is None:
        raise AbandonedError("The training was stopped before it had a model.")
    report_trained(assignment, trained, end.why, end.epochs, end.seconds)
    return trained


def _salvaged(watch: Watch, fault: str) -> Trained:
    """Return the best model of a training whose ranks did not finish it."""
    if watch.best is None and watch.stop():
        raise AbandonedError("The training was stopped before it had a model.")
    if watch.best is None:
        raise LearnerError(fault)
    if not watch.stop():
        LOG.warning("%s The best model so far is used.", fault)
    return watch.best
