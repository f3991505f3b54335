"""The learner that runs a user's own training code, and believes nothing of it."""

import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, cast

import torch

from pole.errors import AbandonedError, InputError
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import evaluate
from pole.learning.machine.disk_arrays import OnDisk
from pole.learning.networks.untrained import untrained_model
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import expected_seconds
from pole.quoting import one_line
from pole.roles.support.events import report
from pole.roles.training import learner_process
from pole.roles.training.history.epoch_notes import EpochNotes
from pole.roles.training.learner import Assignment, LearnerError, Trained
from pole.roles.training.learner_process import DONE, MODEL, NOTE, STOP, Order
from pole.roles.training.processes import PROCESSES, started

LOG: Final = logging.getLogger("pole.training")

LOOK: Final = 0.05
SPARE: Final = 2.0
"""Seconds that a learner has to return once it is told to stop."""

# The server that they are forked from has torch loaded: a learner's process begins at once.
# torch.optim imports torch's compiler with its first optimiser, for 7 seconds that a round would pay.
LOADED: Final = (learner_process.__name__, "torch._dynamo")


@dataclass(frozen=True, slots=True)
class OwnLearner:
    """Trains by the user's class that `source` names, in a process that is ended by the deadline.

    `clock` is the one that assignments name their deadline by, `random_seed` draws torch's seed for each
    training, `folder` keeps a folder of checkpoints, for one round alone.
    """

    source: str
    device: torch.device
    threads: int
    folder: Path
    clock: Callable[[], float]
    random_seed: Callable[[], int] = field(repr=False)

    def check(self) -> None:
        """Raise InputError, with the user's line, where the learner cannot be made."""
        with _child(learner_process.check, self.source) as (child, connection):
            try:
                message = connection.recv_bytes()
            except (EOFError, OSError) as error:
                raise InputError(f"{self.source} {_ended(child)} when it was loaded; correct it.") from error
        if message != DONE:
            raise InputError(_sentence(message))

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model that was reported or returned until the deadline or `stop`.

        Raises AbandonedError when `stop` came before there was one, LearnerError, with the user's line, when
        the learner found none.
        """
        run = _Run(self, assignment, stop)
        begun = self.clock()
        order = self._order(assignment, run.seconds_given())
        with _child(learner_process.train, self.source, order) as (child, connection):
            fault = run.follow(child, connection)
        if run.best is None and stop():
            raise AbandonedError("The training was stopped before it had a model.")
        if run.best is None:
            raise LearnerError(fault or f"{self.source} returned nothing and reported nothing; correct it.")
        if fault:
            LOG.warning("%s Its best report so far is used.", fault)
        seconds, correct = self.clock() - begun, run.best.train_correct
        count = len(assignment.samples.labels)
        sentence = f"Trained {seconds:.1f} s by {self.source}, {correct} of {count} correct."
        report(LOG, "trained", one_line(sentence), seconds=round(seconds, 3), correct=correct)
        return run.best

    def _order(self, assignment: Assignment, seconds: float) -> Order:
        samples = assignment.samples
        folder = self._round_folder(assignment.seed)
        task = TrainingTask(
            assignment.specification,
            assignment.seed,
            samples.features,
            samples.labels,
            TrainingSettings(),
            OnDisk(folder),
        )
        return Order(task, assignment.needed, seconds, self.device, self.threads, folder, self.random_seed())

    def _round_folder(self, seed: bytes) -> Path:
        """Return the folder of this round's checkpoints; those of other rounds are deleted."""
        path = self.folder / f"{seed.hex()}.learner"
        for other in self.folder.glob("*.learner"):
            if other != path:
                shutil.rmtree(other)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


class _Run:
    """One training: every model that comes is evaluated here, and the best is kept."""

    def __init__(self, learner: OwnLearner, assignment: Assignment, stop: Callable[[], bool]) -> None:
        self.learner, self.assignment, self.stop = learner, assignment, stop
        self.place = place_of(learner.device)
        self.best: Trained | None = None
        self.notes = EpochNotes(learner.clock, assignment.note, len(assignment.samples.labels))
        samples, specification, seed = assignment.samples, assignment.specification, assignment.seed
        model = model_file.load(untrained_model(specification, seed), specification, seed)
        self.evaluation = expected_seconds(model, samples.features, samples.labels, self.place, learner.clock)

    def seconds_given(self) -> float:
        """Return how long the learner may train: to end then leaves time to evaluate what it returns."""
        left = self._end() - self.learner.clock()
        return max(0.0, left - min(SPARE, left / 10))

    def follow(self, child: BaseProcess, connection: Connection) -> str:
        """Evaluate what comes until the learner ends or has to; return what went wrong, "" for nothing."""
        while self.learner.clock() < self._end():
            if self.stop():
                _send(connection, STOP)
                child.join(SPARE)
                return ""
            try:
                if not connection.poll(LOOK):
                    continue
                message = connection.recv_bytes()
            except (EOFError, OSError):
                return f"{self.learner.source} {_ended(child)}."
            if message == DONE:
                return ""
            if message[:1] == NOTE:
                self.notes.take(message[1:])
                continue
            if message[:1] != MODEL:
                return _sentence(message)
            try:
                _send(connection, str(self._score(message[1:])).encode())
            except AbandonedError:
                return ""
        return (
            f"{self.learner.source} did not return in time and was ended; "
            "let it return when job.stop() is true."
        )

    def _score(self, file: bytes) -> int:
        """Return how many training samples a model gets right, and keep it if no other is better."""
        assignment, samples, clock = self.assignment, self.assignment.samples, self.learner.clock
        model = model_file.load(file, assignment.specification, assignment.seed)
        begun = clock()
        correct = evaluate(model, samples.features, samples.labels, self.place, self.stop).correct
        self.evaluation = clock() - begun
        if self.best is None or correct >= self.best.train_correct:
            self.best = Trained(file, correct)
        self.notes.score(self.best.train_correct)
        return correct

    def _end(self) -> float:
        return self.assignment.deadline - self.evaluation


@contextmanager
def _child(work: Callable[..., None], *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """Start a process that is ended, with all that it has started, at the end of the context.

    Raises LearnerError where it ends before it has the arguments.
    """
    PROCESSES.set_forkserver_preload(list(LOADED))
    child, ours = started(f"the learner {arguments[0]}", work, arguments)
    try:
        yield child, ours
    finally:
        child.kill()
        # Its group is there unless it has ended, or had not begun.
        with suppress(ProcessLookupError):
            os.killpg(cast(int, child.pid), signal.SIGKILL)
        child.join()
        ours.close()


def _send(connection: Connection, message: bytes) -> None:
    # Where the process has ended, the next reading tells it.
    with suppress(OSError):
        connection.send_bytes(message)


def _ended(child: BaseProcess) -> str:
    child.join(SPARE)
    return f"ended its process (exit code {child.exitcode})"


def _sentence(message: bytes) -> str:
    return one_line(message[1:].decode(errors="replace"))
