"""Other machines that help with a training: called together, given ranks, and watched.

What is said goes through the store of the miner's machine, by keys: `assistants` counts who came, `call`
the trainings; `answer/CALL/NUMBER` is how many processes a machine offers, on what, and what it runs,
`plan/CALL` who has which ranks, `beat/NUMBER` changes while a machine is there, `fault/CALL/NUMBER` says why
one gave up, and `over/CALL` is there once the miner ends its ranks.
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
"""How many of those that came last are asked; others as long as they answer."""
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
    _here: set[int] = field(default_factory=set)
    _call: int = 0
    _looked: float = 0.0

    def offered(self, device: str) -> dict[int, int]:
        """Call all machines, and return how many processes each offers that answers soon.

        `device` is the type of device that they are for.
        """
        self._call, self._beats = int(self.store.add("call", 1)), {}
        came = int(self.store.add("assistants", 0))
        # Whoever joins again has another number, and the old one never answers any more.
        asked = sorted(self._here | set(range(max(1, came - MAX_MACHINES + 1), came + 1)))
        until = self.clock() + ANSWER_SECONDS
        answers: dict[int, int] = {}
        while len(answers) < len(asked) and self.clock() < until:
            time.sleep(0.02)
            for number in asked:
                key = f"answer/{self._call}/{number}"
                if number not in answers and self.store.check([key]):
                    answers[number] = _offer(number, self.store.get(key), device)
        self._here = set(answers)
        return {number: count for number, count in sorted(answers.items()) if count}

    def begin(self, plan: Plan) -> Endpoint:
        """Give the machines their ranks, and return where these meet."""
        self.store.set(f"plan/{self._call}", plan.written())
        self._beats = {number: (b"", self.clock()) for number in plan.parts}
        return replace(self.endpoint, name=f"ranks/{self._call}")

    def end(self) -> None:
        """Tell the machines that the miner is about to end its ranks, whom theirs cannot do without."""
        self.store.set(f"over/{self._call}", "")
        # Answered after it is set, and before any machine can notice that ranks are gone.
        self.store.check([f"over/{self._call}"])

    def fault(self) -> str:
        """Return why a machine that has ranks cannot go on, "" where all do; it looks once a second."""
        now = self.clock()
        if now - self._looked < LOOK:
            return ""
        self._looked = now
        for number, (before, since) in self._beats.items():
            fault = f"fault/{self._call}/{number}"
            if self.store.check([fault]):
                return f"Machine {number}: {one_line(self.store.get(fault).decode(errors='replace'), 1000)}"
            beat = self.store.get(f"beat/{number}") if self.store.check([f"beat/{number}"]) else b""
            if beat != before:
                self._beats[number] = (beat, now)
            elif now - since > SILENCE:
                return f"Machine {number} is lost: it has said nothing for {SILENCE:g} s."
        return ""


def running() -> str:
    """Return what two machines have in common whose ranks understand each other: sources and torch."""
    return f"{sources_digest()} {torch.__version__}"


def answer(processes: int, device: str) -> str:
    """Return what a machine answers to a call that offers so many processes on a type of device."""
    return f"{processes} {device} {running()}"


def _offer(number: int, found: bytes, device: str) -> int:
    """Return how many processes an answer offers; 0, and a warning, where they cannot be ranks with ours."""
    count, _, rest = found[:MAX_ANSWER].decode(errors="replace").partition(" ")
    theirs, _, runs = rest.partition(" ")
    if not (count.isascii() and count.isdigit()):
        return 0
    if runs != running():
        LOG.warning(
            "Machine %d does not help: it runs another PoLe or another torch; install the same on all "
            "machines.",
            number,
        )
        return 0
    if theirs != device:
        LOG.warning(
            "Machine %d does not help: it trains on %s and the miner on %s; start both with the same "
            "--device.",
            number,
            one_line(theirs, 20),
            device,
        )
        return 0
    return min(int(count), MAX_PROCESSES)
