"""What is done to workers' processes is done, whichever ends is started again, and faults undo themselves."""

import os
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.demo.cast import Place, Worker
from scripts.demo.fleet import Fleet
from scripts.stress.soak.crew import crew as module
from scripts.stress.soak.crew.crew import KILLED, Crew, Member
from scripts.stress.soak.faults import Injector
from scripts.stress.soak.node.answers import Answer
from scripts.stress.soak.node.proxy import FaultyNode
from scripts.stress.soak.plan import CHAIN, IPFS, Fault, FaultKind

from pole.adapters.storage.journal import SqliteJournal
from pole.protocol.state import Phase

NAME = "miner-1"
PATIENCE = 60.0


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    monkeypatch.setattr(
        module, "_by_launcher", lambda _: [sys.executable, "-c", "import time; time.sleep(600)"]
    )
    monkeypatch.setattr(module, "PAUSE", 0.05)
    monkeypatch.setattr(module, "SETTLED", 0.0)
    home = tmp_path / NAME
    journal = home / "work" / "1-a-b" / "journal.sqlite"
    journal.parent.mkdir(parents=True)
    SqliteJournal(journal).close()
    place = Place("http://the.node", "/ip4/1", tmp_path / "deployment.json")
    member = Member(Worker(NAME, "miner", home), FaultyNode("http://its.own"))
    with Fleet(tmp_path / "logs", lambda *_: None) as fleet:
        crew = Crew(place, fleet, {NAME: member}, tmp_path / "clock.so")
        crew.revive()
        yield crew


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started_again(crew: Crew, process: int) -> bool:
    crew.revive()
    return crew.members[NAME].due is None and crew.fleet.pid(NAME) != process


def test_who_is_killed_starts_again_and_it_is_no_end_of_its_own(crew: Crew) -> None:
    process = crew.fleet.pid(NAME)
    assert crew.kill(NAME)
    assert not crew.kill(NAME)
    until(lambda: started_again(crew, process))
    assert (crew.ends, crew.kills[NAME], crew.members[NAME].starts) == ([], 1, 2)


def test_who_ends_otherwise_is_noted_and_starts_again(crew: Crew) -> None:
    process = crew.fleet.pid(NAME)
    # As a worker does that kills itself at a point.
    os.kill(process, signal.SIGKILL)
    until(lambda: started_again(crew, process))
    [end] = crew.ends
    assert (end.worker, end.code) == (NAME, KILLED)


def test_a_full_home_lets_no_file_grow_and_is_emptied(crew: Crew) -> None:
    process = crew.fleet.pid(NAME)
    assert crew.fill_home(NAME)
    assert resource.prlimit(process, resource.RLIMIT_FSIZE)[0] == 0
    crew.empty_home(NAME)
    assert resource.prlimit(process, resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    crew.kill(NAME)
    assert not crew.fill_home(NAME)


def test_a_locked_journal_takes_nothing_until_it_is_unlocked(crew: Crew) -> None:
    assert crew.lock_journal(NAME)
    assert not crew.lock_journal(NAME)
    [path] = crew.members[NAME].worker.home.glob("work/*/journal.sqlite")
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    crew.unlock_journal(NAME)
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()


def test_a_point_waits_until_it_is_met_or_taken_back(crew: Crew) -> None:
    for number in (1, 2):
        crew.set_point(NAME, number, "journalled, not sent")
    assert crew.clear_point(NAME, 1)
    assert not crew.clear_point(NAME, 1)
    assert crew.clear_point(NAME, 2)


def test_a_look_notes_memory_and_descriptors(crew: Crew) -> None:
    crew.look()
    [look] = crew.members[NAME].looks
    assert look.process == crew.fleet.pid(NAME)
    assert look.memory > 0
    assert look.descriptors >= 3


DETAILS = {
    FaultKind.KILL_AT_POINT: "journalled, not sent",
    FaultKind.BAD_SENDING: Answer.KNOWN.value,
    FaultKind.WRONG_CLOCK: "+86400",
}


@pytest.mark.parametrize("kind", FaultKind, ids=lambda kind: kind.name)
def test_every_fault_begins_and_ends(crew: Crew, tmp_path: Path, kind: FaultKind) -> None:
    later: list[object] = []
    ground: Any = type("Ground", (), {"folder": tmp_path, "ports": (1, 2, 3)})()
    injector = Injector(ground, crew, later.append)
    target = {FaultKind.NO_IPFS: IPFS, FaultKind.NO_CHAIN: CHAIN}.get(kind, NAME)
    fault = Fault(kind, target, Phase.KEYS, 0.0, 1.0, DETAILS.get(kind, ""))
    assert injector.begin(fault)
    # Nobody sends and nobody comes to a point here.
    assert injector.end(fault) is (kind not in (FaultKind.KILL_AT_POINT, FaultKind.BAD_SENDING))
    assert len(later) == (kind is FaultKind.NO_IPFS)
    assert not crew.clear_point(NAME, fault.seed)
    assert crew.members[NAME].node.choose(b'{"method": "eth_call"}') is Answer.RIGHT


def environment(crew: Crew) -> bytes:
    return Path(f"/proc/{crew.fleet.pid(NAME)}/environ").read_bytes()


def test_a_wrong_clock_is_preloaded_and_right_again_afterwards(crew: Crew) -> None:
    for shift in ("-86400", ""):
        process = crew.fleet.pid(NAME)
        assert crew.shift_clock(NAME, shift)
        until(lambda before=process: started_again(crew, before))  # type: ignore[misc]
        until(lambda: b"POLE_RPC=http://its.own" in environment(crew))
        assert (b"POLE_SOAK_SHIFT=-86400" in environment(crew)) is bool(shift)
        assert (b"LD_PRELOAD" in environment(crew)) is bool(shift)
