"""Other machines that help with a training: called together, given ranks, and watched.

What is said goes through the store of the miner's machine, by keys: `assistants` counts who came, `call`
the trainings; `answer/CALL/NUMBER` is how many processes a machine offers and what it runs, `plan/CALL` who
has which ranks, `beat/NUMBER` changes while a machine is there, and `fault/CALL` says why one gave up.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch

from pole.errors import IntegrityError
from pole.learning.parallel.meeting import Endpoint
from pole.quoting import one_line
from pole.roles.support.sources import sources_digest

LOG: Final = logging.getLogger("pole.training")

MAX_PROCESSES: Final = 64
MAX_MACHINES: Final = 256
MAX_ANSWER: Final = 200
"""Bytes of an answer that are read."""
ANSWER_SECONDS: Final = 1.0
SILENCE: Final = 30.0
"""Seconds without a beat after which a machine is lost."""

LOOK: Final = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A training's ranks: on what type of device, how many, and by machine the first and how many."""

    device: str
    ranks: int
    parts: Mapping[int, tuple[int, int]]

    def written(self) -> str:
        """Return it as JSON."""
        parts = {str(number): part for number, part in self.parts.items()}
        return json.dumps({"device": self.device, "ranks": self.ranks, "parts": parts})


def read_plan(data: bytes) -> Plan:
    """Return the plan that is written; raises IntegrityError for anything else."""
    try:
        found = json.loads(data)
        device, ranks = found["device"], found["ranks"]
        parts = {int(number): (first, count) for number, (first, count) in found["parts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError("The plan of a training is none: run the same PoLe on all machines.") from error
    numbers = [ranks, *(number for part in parts.values() for number in part)]
    if device not in ("cpu", "cuda") or any(type(number) is not int for number in numbers):
        raise IntegrityError("The plan of a training is none: run the same PoLe on all machines.")
    if any(not 0 < first < first + count <= ranks for first, count in parts.values()):
        raise IntegrityError("The plan of a training gives ranks that it does not have.")
    return Plan(device, ranks, parts)


@dataclass(slots=True)
class Machines:
    """The other machines, as the miner's sees them; `store` is the one that it listens with at `endpoint`."""

    store: Any
    endpoint: Endpoint
    clock: Callable[[], float] = time.monotonic
    _beats: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    _call: int = 0
    _looked: float = 0.0

    def offered(self) -> dict[int, int]:
        """Call all machines, and return how many processes each offers that answers soon."""
        self._call, self._beats = int(self.store.add("call", 1)), {}
        came = min(int(self.store.add("assistants", 0)), MAX_MACHINES)
        until = self.clock() + ANSWER_SECONDS
        answers: dict[int, int] = {}
        runs = running()
        while len(answers) < came and self.clock() < until:
            time.sleep(0.02)
            for number in range(1, came + 1):
                key = f"answer/{self._call}/{number}"
                if number not in answers and self.store.check([key]):
                    answers[number] = _offer(number, self.store.get(key), runs)
        return {number: count for number, count in answers.items() if count}

    def begin(self, plan: Plan) -> Endpoint:
        """Give the machines their ranks, and return where these meet."""
        self.store.set(f"plan/{self._call}", plan.written())
        self._beats = {number: (b"", self.clock()) for number in plan.parts}
        return replace(self.endpoint, name=f"ranks/{self._call}")

    def fault(self) -> str:
        """Return why a machine cannot go on, "" where all do; it looks once a second."""
        now = self.clock()
        if now - self._looked < LOOK:
            return ""
        self._looked = now
        if self.store.check([f"fault/{self._call}"]):
            return one_line(self.store.get(f"fault/{self._call}").decode(errors="replace"), 1000)
        for number, (before, since) in self._beats.items():
            beat = self.store.get(f"beat/{number}") if self.store.check([f"beat/{number}"]) else b""
            if beat != before:
                self._beats[number] = (beat, now)
            elif now - since > SILENCE:
                return f"Machine {number} is lost: it has said nothing for {SILENCE:g} s."
        return ""


def running() -> str:
    """Return what two machines have in common whose ranks understand each other: sources and torch."""
    return f"{sources_digest()} {torch.__version__}"


def answer(processes: int) -> str:
    """Return what a machine answers to a call that offers so many processes."""
    return f"{processes} {running()}"


def _offer(number: int, found: bytes, runs: str) -> int:
    """Return how many processes an answer offers; 0, and a warning, where the machine runs something else."""
    count, _, theirs = found[:MAX_ANSWER].decode(errors="replace").partition(" ")
    if not (count.isascii() and count.isdigit()):
        return 0
    if theirs != runs:
        LOG.warning(
            "Machine %d does not help: it runs another PoLe or another torch; install the same on all "
            "machines.",
            number,
        )
        return 0
    return min(int(count), MAX_PROCESSES)
