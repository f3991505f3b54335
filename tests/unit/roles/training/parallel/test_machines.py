"""Machines that help, as the miner's sees them through a store."""

from dataclasses import dataclass, field

import pytest
import torch
from tests.unit.roles.training.parallel.kept_store import KeptStore

from pole.errors import IntegrityError
from pole.learning.parallel.meeting import Endpoint
from pole.roles.support.sources import sources_digest
from pole.roles.training.parallel import machines as module
from pole.roles.training.parallel.machines import Machines, Plan, answer, read_plan, running

PLAN = Plan("cpu", 7, {1: (2, 1), 4: (3, 4)})


@dataclass
class FakeStore(KeptStore):
    """A store in which the machines of `offers` answer every call at once."""

    offers: dict[int, str] = field(default_factory=dict)
    calls: int = 0

    def add(self, key: str, amount: int) -> int:
        if key == "assistants":
            return max(self.offers, default=0)
        self.calls += amount
        for number, offer in self.offers.items():
            self.kept[f"answer/{self.calls}/{number}"] = offer.encode()
        return self.calls


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def of(store: FakeStore, clock: Clock) -> Machines:
    return Machines(store, Endpoint("127.0.0.1", 29500), clock)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"device": "tpu", "ranks": 2, "parts": {}}',
        b'{"device": "cpu", "ranks": "2", "parts": {}}',
        b'{"device": "cpu", "ranks": 2, "parts": {"1": [0, 1]}}',
        b'{"device": "cpu", "ranks": 2, "parts": {"1": [1, 2]}}',
        b'{"device": "cpu", "ranks": 2, "parts": {"1": [1, 0]}}',
        b'{"device": "cpu", "ranks": 2, "parts": {"one": [1, 1]}}',
        b'{"device": "cpu", "ranks": 2, "parts": {"1": [true, 1]}}',
    ],
)
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="The plan of a training"):
        read_plan(data)


def test_a_plan_is_read_as_it_was_written() -> None:
    assert read_plan(PLAN.written().encode()) == PLAN


def test_machines_that_answer_offer_their_processes(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    offers = {1: "4", 2: "many", 3: "-1", 4: "1" * 3000, 5: "100000000", 6: "", 7: " 1"}
    store = FakeStore({number: f"{offer} cpu {running()}" for number, offer in offers.items()})
    assert of(store, clock).offered("cpu") == {1: 4, 5: module.MAX_PROCESSES}


@pytest.mark.parametrize(
    "other",
    [
        "2",
        "2 ",
        f"2 {running()}",
        f"2 cpu {sources_digest()} 2.0.0",
        f"2 cpu {'0' * 64} {torch.__version__}",
        f"2 cpu {running()} more",
    ],
)
def test_a_machine_that_runs_something_else_does_not_help_and_is_named(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, other: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert of(FakeStore({1: answer(1, "cpu"), 2: other}), clock).offered("cpu") == {1: 1}
    assert "Machine 2 does not help: it runs another PoLe or another torch" in caplog.text
    assert "Machine 1" not in caplog.text


def test_a_machine_with_another_kind_of_device_does_not_help_and_is_named(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    store = FakeStore({1: answer(1, "cpu"), 2: answer(4, "cuda")})
    assert of(store, clock).offered("cpu") == {1: 1}
    assert "Machine 2 does not help: it trains on cuda and the miner on cpu" in caplog.text
    assert of(store, clock).offered("cuda") == {2: 4}


def test_machines_that_come_after_many_others_are_asked_and_those_that_are_here_still(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    store = FakeStore({1: answer(1, "cpu")})
    machines = of(store, clock)
    assert machines.offered("cpu") == {1: 1}
    store.offers[5 * module.MAX_MACHINES] = answer(2, "cpu")
    assert machines.offered("cpu") == {1: 1, 5 * module.MAX_MACHINES: 2}


def test_a_machine_without_a_beat_is_lost(clock: Clock) -> None:
    store = FakeStore({1: answer(1, "cpu")})
    machines = of(store, clock)
    machines.offered("cpu")
    assert machines.begin(Plan("cpu", 2, {1: (1, 1)})).name == "ranks/1"
    for beat in range(5):
        store.set("beat/1", str(beat))
        clock.now += module.SILENCE - 1
        assert machines.fault() == ""
    clock.now += module.SILENCE + 1
    assert machines.fault() == f"Machine 1 is lost: it has said nothing for {module.SILENCE:g} s."
    # It is not asked for in a training that it has no part of.
    machines.offered("cpu")
    clock.now += module.SILENCE + 1
    assert machines.fault() == ""


def test_what_a_machine_says_of_its_fault_is_told_in_one_line(clock: Clock) -> None:
    store = FakeStore({1: answer(1, "cpu")})
    machines = of(store, clock)
    machines.offered("cpu")
    machines.begin(Plan("cpu", 2, {1: (1, 1)}))
    # A machine that has no ranks holds nobody up.
    store.set("fault/1/2", "No ranks came.")
    clock.now += 2 * module.LOOK
    assert machines.fault() == ""
    store.set("fault/1/1", "Rank 1 of 2\nfailed")
    clock.now += 2 * module.LOOK
    told = machines.fault()
    assert told.startswith("Machine 1: Rank 1 of 2")
    assert "\n" not in told
