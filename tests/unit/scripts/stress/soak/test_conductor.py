"""Faults begin when their round has come to a phase, last as long as they should, and end with the soak."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripts.stress.soak import conductor as module
from scripts.stress.soak.conductor import Conductor
from scripts.stress.soak.crew.crew import End
from scripts.stress.soak.plan import Fault, FaultKind, RoundPlan

from pole.errors import RefusedError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.ports import Moment

ROUND = 2
OPEN = Moment(0, 1, ROUND, Phase.SEED, 0, 0, 0, 0, None, 0, 0)


def fault(kind: FaultKind, phase: Phase, seconds: float = 0.0) -> Fault:
    return Fault(kind, "miner-1", phase, 0.0, seconds)


@dataclass
class Played:
    """A soak of one round whose phases are given, and what was asked of crew and posting in it."""

    phases: list[Phase | None]
    began: list[FaultKind] = field(default_factory=list)
    ended: list[FaultKind] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    lie: Any = None

    def moments(self) -> Sequence[Moment]:
        # Every phase is seen for a while.
        phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
        if phase is None:
            raise UnreachableError("stopped")
        return (replace(OPEN, phase=phase),)

    def begin(self, fault: Fault) -> bool:
        self.began.append(fault.kind)
        return fault.kind is not FaultKind.LOCKED_JOURNAL

    def end(self, fault: Fault) -> bool:
        self.ended.append(fault.kind)
        return True

    def step(self, moment: Moment) -> None:
        if self.lie is not None:
            raise self.lie

    def play(self, *faults: Fault, lies: bool = False) -> Conductor:
        plan = RoundPlan(1, is_idle=False, lies=lies, faults=faults)
        plans = [plan]
        posting: Any = SimpleNamespace(
            is_done=False, step=lambda _: None, opened=lambda *, idle: plans.pop() if plans else None
        )
        posting.step = lambda _: setattr(posting, "is_done", not plans)
        crew = SimpleNamespace(
            revive=lambda: [self.ends.pop()] if self.ends else [], is_waiting=lambda: False, look=lambda: None
        )
        reader = SimpleNamespace(moments=self.moments, round=lambda _: SimpleNamespace(task_id=1))
        setting: Any = SimpleNamespace(ground=SimpleNamespace(folder=Path()), crew=crew, reader=reader)
        liar: Any = SimpleNamespace(step=self.step)
        with ThreadPoolExecutor(4) as pool:
            conductor = Conductor(setting, posting, liar, self.reports.append, pool)
            conductor._injector = SimpleNamespace(begin=self.begin, end=self.end)  # type: ignore[assignment]
            conductor.play()
        return conductor


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"PACE": 0.002, "LOOK_EVERY": 0.002, "QUIET": 0.0}.items():
        monkeypatch.setattr(module, name, seconds)


WHOLE: list[Phase | None] = [
    *[Phase.SEED, Phase.KEYS] * 1,
    *[Phase.TRAINING] * 20,
    *[Phase.REVEAL] * 20,
    Phase.FINAL,
]


def test_a_fault_begins_once_when_its_phase_has_come_and_ends_after_its_time() -> None:
    played = Played(list(WHOLE))
    conductor = played.play(fault(FaultKind.STOP, Phase.TRAINING, 0.01))
    [incident] = conductor.rounds[ROUND].incidents
    assert (played.began, played.ended, incident.held) == ([FaultKind.STOP], [FaultKind.STOP], True)
    assert incident.began is not None
    assert incident.ended is not None
    assert conductor.rounds[ROUND].phase is Phase.FINAL


def test_a_phase_that_was_not_seen_has_come_with_the_next() -> None:
    played = Played(list(WHOLE))
    played.play(fault(FaultKind.STOP, Phase.TEST_RELEASE))
    assert played.began == [FaultKind.STOP]


def test_a_fault_of_a_phase_that_never_came_does_not_begin() -> None:
    played = Played(list(WHOLE))
    conductor = played.play(fault(FaultKind.STOP, Phase.SETTLEMENT))
    assert (played.began, conductor.rounds[ROUND].incidents) == ([], [])


def test_what_waits_for_an_occasion_ends_with_its_round() -> None:
    played = Played(list(WHOLE))
    conductor = played.play(fault(FaultKind.KILL_AT_POINT, Phase.KEYS))
    [incident] = conductor.rounds[ROUND].incidents
    assert played.ended == [FaultKind.KILL_AT_POINT]
    assert incident.ended == pytest.approx(conductor.rounds[ROUND].ended, abs=5)


def test_what_lasts_longer_than_the_rounds_ends_with_them() -> None:
    played = Played(list(WHOLE))
    played.play(fault(FaultKind.STOP, Phase.KEYS, 3600.0))
    assert played.ended == [FaultKind.STOP]


def test_a_fault_that_could_not_begin_needs_no_end() -> None:
    played = Played(list(WHOLE))
    conductor = played.play(fault(FaultKind.LOCKED_JOURNAL, Phase.KEYS, 0.01))
    [incident] = conductor.rounds[ROUND].incidents
    assert (played.ended, incident.held) == ([], False)


def test_a_node_that_is_away_is_looked_at_again() -> None:
    played = Played([Phase.SEED, None, None, Phase.FINAL])
    assert played.play().rounds[ROUND].ended is not None


def test_rounds_that_stand_still_end_the_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STUCK", 0.3)
    conductor = Played([Phase.KEYS]).play()
    assert conductor.is_stuck
    assert conductor.rounds[ROUND].ended is None


def test_a_lie_that_is_refused_is_told_and_any_other_failure_ends_the_soak() -> None:
    played = Played(list(WHOLE), lie=RefusedError("not now"))
    played.play(lies=True)
    assert "the liar: not now" in played.reports
    with pytest.raises(ZeroDivisionError):
        Played([*WHOLE[:20], *WHOLE], lie=ZeroDivisionError()).play(lies=True)


def test_who_ends_by_itself_is_told() -> None:
    played = Played(list(WHOLE), ends=[End("miner-1", 0.0, 3.0, 2), End("miner-2", 0.0, 3.0, -9)])
    played.play()
    assert [each for each in played.reports if "exit code" in each] == [
        "miner-1 ended with exit code 2 after 3 s"
    ]
