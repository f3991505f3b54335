"""Tasks are posted in the plan's order, one more than there are lanes, and again where it fails."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripts.demo.cast import Place, Worker
from scripts.demo.network import StepError
from scripts.stress.soak import posting as module
from scripts.stress.soak.node.proxy import FaultyNode
from scripts.stress.soak.plan import DATA_NODES, RoundPlan
from scripts.stress.soak.posting import AHEAD, Posting, until

LANES = 2


def plans(*idle: bool) -> list[RoundPlan]:
    return [RoundPlan(number, each, lies=False, faults=()) for number, each in enumerate(idle, 1)]


@dataclass
class Commands:
    """What `pole` was called with; it fails as often as `failures` says."""

    failures: int = 0
    calls: list[Any] = field(default_factory=list)

    def pole(self, arguments: Any, environment: Any) -> str:
        self.calls.append((arguments, environment))
        if len(self.calls) <= self.failures:
            raise StepError("the disk is full")
        return "{}"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands()
    monkeypatch.setattr(module, "pole", commands.pole)
    monkeypatch.setattr(module, "AGAIN", 0.01)
    return commands


@pytest.fixture
def begun() -> Callable[..., Posting]:
    worker = SimpleNamespace(
        worker=Worker(DATA_NODES[0], "data-node", Path("home")), node=FaultyNode("http://its.own")
    )
    setting: Any = SimpleNamespace(
        crew=SimpleNamespace(members={DATA_NODES[0]: worker}),
        ground=SimpleNamespace(place=Place("http://the.node", "/ip4/1", Path("deployment.json"))),
    )
    return lambda *idle: Posting(setting, LANES, iter(plans(*idle)))


def play(posting: Posting, open_tasks: int = 0) -> None:
    """Take steps until nothing more comes of them."""
    for _ in range(20):
        posting.step(open_tasks)
        time.sleep(0.005)


def test_as_many_are_posted_as_there_are_lanes_and_one_more(
    commands: Commands, begun: Callable[..., Posting]
) -> None:
    posting = begun(*[False] * 9)
    play(posting)
    assert len(posting.posted) == len(commands.calls) == LANES + AHEAD
    posting.opened(idle=False)
    play(posting, open_tasks=1)
    assert len(commands.calls) == LANES + AHEAD
    play(posting, open_tasks=0)
    assert len(commands.calls) == LANES + AHEAD + 1
    assert not posting.is_done
    assert commands.calls[0][1]["POLE_RPC"] == "http://its.own"


def test_a_command_that_fails_is_called_again_for_the_same_round(
    commands: Commands, begun: Callable[..., Posting]
) -> None:
    commands.failures = 2
    posting = begun(False)
    play(posting)
    assert len(commands.calls) == 3
    assert posting.failed == ["the disk is full"] * 2
    assert [plan.number for plan in posting.posted] == [1]
    assert posting.taken == 1


def test_nothing_is_posted_while_an_idle_round_is_awaited(
    commands: Commands, begun: Callable[..., Posting]
) -> None:
    posting = begun(False, True, False)
    play(posting)
    assert [plan.number for plan in posting.posted] == [1]
    first = posting.opened(idle=False)
    assert (first and first.number, len(commands.calls)) == (1, 1)
    play(posting)
    assert len(commands.calls) == 1
    idle = posting.opened(idle=True)
    assert idle is not None
    assert idle.number == 2
    play(posting)
    assert [plan.number for plan in posting.posted] == [3]


def test_a_round_that_opened_beside_the_plan_has_none(
    commands: Commands, begun: Callable[..., Posting]
) -> None:
    posting = begun()
    play(posting)
    assert posting.is_done
    assert posting.opened(idle=True) is None
    assert posting.opened(idle=False) is None
    assert commands.calls == []


def test_plans_end_when_it_is_over() -> None:
    over: Iterator[bool] = iter([False, False, True])
    assert [plan.number for plan in until(plans(*[False] * 9), lambda: next(over))] == [1, 2]
