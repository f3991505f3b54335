"""The workers' processes, as a supervisor of services has them: whichever ends is started again."""

import os
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from scripts.demo.cast import Place, Worker
from scripts.demo.fleet import Fleet
from scripts.demo.network import REPOSITORY
from scripts.stress.soak.crew.launcher import POINTS
from scripts.stress.soak.node.proxy import FaultyNode

PAUSE: Final = 1.5
"""Seconds until a worker that ended is started again."""
SETTLED: Final = 20.0
"""Seconds after which a process has opened what it keeps open."""
KILLED: Final = -9
MEBIBYTE: Final = 2**20
OPTIONS: Final = {"miner": ("--lanes", "4", "--idle", "15")}


@dataclass(frozen=True, slots=True)
class Look:
    """What a process held after so many seconds: resident memory in bytes, and open descriptors."""

    process: int
    seconds: float
    memory: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class End:
    """A process that ended by itself: whose, when by the calendar, after so many seconds, its exit code."""

    worker: str
    at: float
    seconds: float
    code: int


@dataclass(slots=True)
class Member:
    """One worker: what it is started with, and how it fares."""

    worker: Worker
    node: FaultyNode
    started: float = 0.0
    due: float | None = 0.0
    shift: str = ""
    looks: list[Look] = field(default_factory=list)
    starts: int = 0


@dataclass(slots=True)
class Crew:
    """All workers; used by one thread. `clock` is the library that shifts clocks, None without one."""

    place: Place
    fleet: Fleet
    members: Mapping[str, Member]
    clock: Path | None
    now: Callable[[], float] = time.monotonic
    ends: list[End] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    _locks: dict[str, sqlite3.Connection] = field(default_factory=dict)

    def revive(self) -> list[End]:
        """Start whoever is due; return who has ended since the last call by itself."""
        found = []
        for name, code in self.fleet.ended().items():
            member = self.members[name]
            end = End(name, time.time(), self.now() - member.started, code)
            self.fleet.kill(name)
            self.ends.append(end)
            found.append(end)
            member.due = self.now() + PAUSE
        for member in self.members.values():
            if member.due is not None and member.due <= self.now():
                self._start(member)
        return found

    def is_waiting(self) -> bool:
        """Return whether a worker is yet to be started, or to open what it keeps open."""
        return any(
            member.due is not None or self.now() - member.started < SETTLED
            for member in self.members.values()
        )

    def kill(self, name: str) -> bool:
        """End a worker at once; it is started again soon. Return whether it ran."""
        member = self.members[name]
        if member.due is not None:
            return False
        self.fleet.kill(name)
        self.kills[name] += 1
        member.due = self.now() + PAUSE
        return True

    def pause(self, name: str) -> bool:
        """Stop a worker's process where it is; return whether it runs."""
        running = self.members[name].due is None
        if running:
            self.fleet.pause(name)
        return running

    def resume(self, name: str) -> None:
        """Let it go on."""
        if self.members[name].due is None:
            self.fleet.resume(name)

    def set_point(self, name: str, number: int, point: str) -> None:
        """Let a worker kill itself at a point, once for each number."""
        file = self._point_file(name, number)
        file.parent.mkdir(exist_ok=True)
        file.write_text(point)

    def clear_point(self, name: str, number: int) -> bool:
        """Take that back; return whether it has not happened."""
        file = self._point_file(name, number)
        waited = file.exists()
        file.unlink(missing_ok=True)
        return waited

    def fill_home(self, name: str) -> bool:
        """Let no file of a worker grow, as on a disk that is full; return whether it runs."""
        return self._limit_files(name, 0)

    def empty_home(self, name: str) -> None:
        """Let files grow again."""
        self._limit_files(name, resource.RLIM_INFINITY)

    def lock_journal(self, name: str) -> bool:
        """Keep a worker from writing its journal, as a program that backs it up may; return whether it is."""
        journals = list(self.members[name].worker.home.glob("work/*/journal.sqlite"))
        if name in self._locks or not journals:
            return False
        connection = sqlite3.connect(journals[0], timeout=5, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.close()
            return False
        self._locks[name] = connection
        return True

    def unlock_journal(self, name: str) -> None:
        """Let it write again."""
        connection = self._locks.pop(name, None)
        if connection is not None:
            connection.execute("ROLLBACK")
            connection.close()

    def shift_clock(self, name: str, seconds: str) -> bool:
        """Start a worker anew with a calendar that is off by so many seconds; return whether it can be."""
        if self.clock is None:
            return False
        self.members[name].shift = seconds
        self.kill(name)
        return True

    def look(self) -> None:
        """Take note of what every worker that has run for a while holds."""
        for name, member in self.members.items():
            lasted = self.now() - member.started
            if member.due is None and lasted > SETTLED:
                with suppress(OSError, ValueError):
                    member.looks.append(_look(self.fleet.pid(name), lasted))

    def _start(self, member: Member) -> None:
        worker = member.worker
        environment = worker.environment(replace(self.place, rpc=member.node.url))
        if member.shift and self.clock is not None:
            environment |= {"LD_PRELOAD": str(self.clock), "POLE_SOAK_SHIFT": member.shift}
        command = worker.run_command("--poll", "0.5", *OPTIONS.get(worker.role, ()))
        self.fleet.start(worker.name, _by_launcher(command), environment, REPOSITORY)
        member.started, member.due = self.now(), None
        member.starts += 1

    def _point_file(self, name: str, number: int) -> Path:
        return self.members[name].worker.home / POINTS / str(number)

    def _limit_files(self, name: str, size: int) -> bool:
        if self.members[name].due is not None:
            return False
        process = self.fleet.pid(name)
        try:
            _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
        except ProcessLookupError:
            return False
        return True


def _by_launcher(command: Sequence[str]) -> list[str]:
    """Return the command of a worker, run by the soak's own launcher in the place of `pole`."""
    pole, *arguments = command
    return [str(Path(pole).with_name("python")), "-m", "scripts.stress.soak.crew.launcher", *arguments]


def _look(process: int, seconds: float) -> Look:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    return Look(process, seconds, memory, len(os.listdir(f"/proc/{process}/fd")))
