"""A machine that helps: what it answers, what it tells of faults, and what is none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from tests.unit.roles.training.parallel.kept_store import KeptStore

from pole.learning.parallel.meeting import Endpoint
from pole.roles.training.learner import LearnerError
from pole.roles.training.parallel import assistant as module
from pole.roles.training.parallel.assistant import Assistant
from pole.roles.training.parallel.machines import Plan, answer
from pole.roles.training.parallel.rank import Rank
from pole.roles.training.parallel.rank_process import Failed, Order, Place

OURS = Plan("cpu", 2, {1: (1, 1)}).written()


@dataclass
class Miner(KeptStore):
    """A miner's store, who calls for one training once machine 1 has come, and gives it `plan`."""

    plan: str | None
    calls: int = 0

    def add(self, key: str, amount: int) -> int:
        if key == "assistants":
            self.calls = 1
            if self.plan is not None:
                self.set("plan/1", self.plan)
            return 1
        return self.calls


@pytest.fixture
def help_(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Miner], None]:
    """Return what lets a machine help a miner for a few moments."""
    monkeypatch.setattr(module, "await_processes", lambda: None)
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "PLAN_SECONDS", 0.05)
    monkeypatch.setattr(Rank, "exit_code", lambda _: -9)

    def helped(miner: Miner) -> None:
        monkeypatch.setattr(module, "join", lambda _: miner)
        moments = count()
        own = Assistant(Endpoint("127.0.0.1", 29500), [torch.device("cpu")], 1, tmp_path)
        own.run(lambda: next(moments) > 4)

    return helped


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Return the ranks' ends of the lines to ranks that are started; each fails at once."""
    lines: list[Connection] = []

    @contextmanager
    def started(places: Sequence[Place], order: Order | None) -> Iterator[list[Rank]]:
        ours, theirs = Pipe()
        theirs.send(Failed("Connection closed by peer", 0.0, final=False))
        lines.append(theirs)
        process = get_context("forkserver").Process(target=print)
        yield [Rank(places[0], process, ours)]
        lines.remove(theirs)

    monkeypatch.setattr(module, "running_ranks", started)
    return lines


def test_it_answers_with_its_processes_and_their_kind_of_device(help_: Callable[[Miner], None]) -> None:
    miner = Miner(Plan("cpu", 1, {}).written())
    help_(miner)
    assert miner.kept["answer/1/1"].decode() == answer(1, "cpu")
    assert not miner.check(["fault/1/1"])


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (None, "The miner has given no ranks within 0.05 s of its call."),
        ("{}", "The plan of a training is none"),
        (Plan("cuda", 2, {1: (1, 1)}).written(), "it trains on cpu, not on cuda"),
    ],
)
def test_a_machine_that_has_no_ranks_to_start_says_so_as_the_miner_would_wait(
    help_: Callable[[Miner], None], plan: str | None, told: str
) -> None:
    miner = Miner(plan)
    help_(miner)
    assert miner.kept["fault/1/1"].decode().startswith(told)


def test_so_does_one_whose_ranks_cannot_be_started(
    help_: Callable[[Miner], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def started(*_: object) -> Iterator[list[Rank]]:
        raise LearnerError("The process of rank 1 ended.")
        yield []

    monkeypatch.setattr(module, "running_ranks", started)
    miner = Miner(OURS)
    help_(miner)
    assert miner.kept["fault/1/1"] == b"The process of rank 1 ended."


def test_a_rank_that_fails_is_told(
    help_: Callable[[Miner], None], lines: list[Connection], caplog: pytest.LogCaptureFixture
) -> None:
    miner = Miner(OURS)
    help_(miner)
    assert miner.kept["fault/1/1"].startswith(b"Rank 1 of 2 on cpu failed: Connection closed by peer.")
    assert "Rank 1 of 2 on cpu failed" in caplog.text
    assert lines == []


def test_a_rank_that_fails_as_the_miner_has_ended_its_own_is_no_fault(
    help_: Callable[[Miner], None], lines: list[Connection], caplog: pytest.LogCaptureFixture
) -> None:
    miner = Miner(OURS)
    miner.set("over/1", "")
    help_(miner)
    assert not miner.check(["fault/1/1"])
    assert "failed" not in caplog.text
    assert lines == []
