"""A training by ranks as the worker sees it: what comes from them, and when they have to end."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

from pole.learning.parallel.meeting import Endpoint
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopReason
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment, LearnerError, Trained
from pole.roles.training.parallel import parallel_learner
from pole.roles.training.parallel.machines import Machines, Plan
from pole.roles.training.parallel.parallel_learner import ParallelLearner, Watch
from pole.roles.training.parallel.rank import Rank
from pole.roles.training.parallel.rank_process import Epoch, Finished, Order, Place
from pole.roles.training.torch_learner import TorchLearner

CPU = torch.device("cpu")
SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(8,), classes=3)
SAMPLES = Samples(np.zeros((60, 4), np.int64), np.arange(60) % 3)
LOW, HIGH = Trained(b"low", 20), Trained(b"high", 40)
END = Finished(LOW, StopReason.TIME, 3, 9.0)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _ranks_were_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rank, "exit_code", lambda _: -9)


def assignment(checks: list[Check] | None = None, deadline: float = 100.0) -> Assignment:
    noted: list[Check] = [] if checks is None else checks
    return Assignment(SPEC, bytes(32), SAMPLES, 0, deadline, noted.append)


def epoch(number: int, better: Trained | None = None) -> Epoch:
    return Epoch(Check(number, 0.5, None, None, float(number), None), 0.5, 1.0, better)


def rank_at(number: int = 0, ranks: int = 1) -> tuple[Rank, Connection]:
    """Return a rank whose process has not begun, and the end of the line that is its."""
    ours, theirs = Pipe()
    place = Place(number, ranks, CPU, 1, Path("meeting"), Path("no-log"))
    return Rank(place, get_context("forkserver").Process(target=time.monotonic), ours), theirs


def test_what_ranks_sent_while_the_worker_did_something_else_counts_after_the_deadline_too() -> None:
    clock, checks = Clock(), list[Check]()

    def stop() -> bool:
        # Another lane's duty took longer than the training had.
        clock.now = 1000.0
        return False

    running, theirs = rank_at()
    for message in (epoch(1, LOW), epoch(2, HIGH), epoch(3), END):
        theirs.send(message)
    watch = Watch(assignment(checks), clock, stop)
    end = watch.until_end([running], None)
    assert isinstance(end, Finished)
    assert (end.why, end.epochs) == (END.why, END.epochs)
    assert watch.best is not None
    assert watch.best.model == HIGH.model
    assert [check.epoch for check in checks] == [1, 2, 3]


def test_what_a_rank_sent_before_it_died_counts() -> None:
    clock = Clock()

    def stop() -> bool:
        clock.now = 1000.0
        return False

    running, theirs = rank_at()
    theirs.send(epoch(1, LOW))
    theirs.send(epoch(2, HIGH))
    theirs.close()
    watch = Watch(assignment(), clock, stop)
    end = watch.until_end([running], None)
    assert str(end).startswith("Rank 0 of 1 on cpu ended with exit code -9.")
    assert watch.best is not None
    assert watch.best.model == HIGH.model


@dataclass
class Tries:
    """What ranks send that are started, and what is known of them; each try but the last loses its rank."""

    messages: list[list[object]]
    places: list[Sequence[Place]] = field(default_factory=list)

    @contextmanager
    def running(self, places: Sequence[Place], order: Order) -> Iterator[list[Rank]]:
        self.places.append(places)
        running, theirs = rank_at(0, places[0].ranks)
        for message in self.messages[len(self.places) - 1]:
            theirs.send(message)
        theirs.close()
        yield [running]

    def started_by(self, monkeypatch: pytest.MonkeyPatch) -> "Tries":
        monkeypatch.setattr(parallel_learner, "running_ranks", self.running)
        monkeypatch.setattr(parallel_learner, "SPARE", 0.0)
        return self


def learner(folder: Path, machines: Machines | None = None, processes: int = 2) -> ParallelLearner:
    alone = TorchLearner(TrainingSettings(), CPU, folder, time.monotonic, lambda: 5)
    return ParallelLearner(alone, (CPU,) * processes, 2, machines=machines)


def trained(own: ParallelLearner) -> Trained:
    return own.train(assignment(deadline=time.monotonic() + 100), stop=lambda: False)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([epoch(1, HIGH)], [epoch(1, LOW), END], HIGH),
        ([epoch(1, LOW)], [epoch(1, HIGH), END], HIGH),
        ([epoch(1, LOW)], [Finished(HIGH, StopReason.TIME, 3, 9.0)], HIGH),
        ([epoch(1, HIGH)], [Finished(None, StopReason.ROUND, 0, 0.0)], HIGH),
    ],
)
def test_the_best_model_counts_whichever_ranks_found_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: list[object],
    second: list[object],
    expected: Trained,
) -> None:
    Tries([first, second]).started_by(monkeypatch)
    found = trained(learner(tmp_path))
    assert (found.model, found.train_correct) == (expected.model, expected.train_correct)


class Faulty(Machines):
    """A machine that offers a process, and whose ranks never hold."""

    def __init__(self) -> None:
        super().__init__(None, Endpoint("127.0.0.1", 29500))
        self.told: list[str] = []

    def offered(self, device: str) -> dict[int, int]:
        self.told.append(f"call {device}")
        return {7: 1}

    def begin(self, plan: Plan) -> Endpoint:
        self.told.append(f"begin {plan.ranks}")
        return self.endpoint

    def fault(self) -> str:
        return "Machine 7: its GPU has no memory left."

    def end(self) -> None:
        self.told.append("end")


def test_a_machine_that_fails_in_every_try_does_not_spoil_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries([[], [], [END]]).started_by(monkeypatch)
    machines = Faulty()
    assert trained(learner(tmp_path, machines, processes=1)).model == LOW.model
    assert [[place.ranks for place in places] for places in tries.places] == [[2], [2], [1]]
    assert machines.told == ["call cpu", "begin 2", "end"] * 2


class Deadly:
    """What ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_ranks_that_cannot_begin_are_tried_again_and_end_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        parallel_learner, "task_of", lambda *_: _DeadlyTask(Deadly(), np.zeros(10**7, np.uint8))
    )
    with pytest.raises(LearnerError, match="The process of rank 0 ended before it had all that it needs"):
        trained(learner(tmp_path))
    assert caplog.text.count("begin again") == parallel_learner.TRIES - 1


@dataclass
class _DeadlyTask:
    first: Deadly
    more_than_a_pipe_holds: object
    seed: bytes = bytes(32)
