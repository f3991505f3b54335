"""The play itself: everybody in a process of their own, tasks posted, rounds to their end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.demo.cast import Place, Worker
from scripts.demo.fleet import Fleet
from scripts.demo.network import REPOSITORY
from scripts.demo.story import Story

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.errors import PoleError
from pole.protocol.state import Phase

POLL: Final = 0.5
OPTIONS: Final = {"miner": ("--lanes", "4")}
"""What workers of a role are started with."""


class PlayError(PoleError):
    """The rounds did not go as they should."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a play needs: the network, the processes, the story, the cast."""

    place: Place
    fleet: Fleet
    story: Story
    cast: Sequence[Worker]

    def of_role(self, role: str) -> list[Worker]:
        """Return the workers of a role."""
        return [worker for worker in self.cast if worker.role == role]

    def start(self, worker: Worker) -> None:
        """Start a worker's process."""
        options = ["--poll", f"{POLL:g}", *OPTIONS.get(worker.role, ())]
        self.fleet.start(
            worker.name, worker.run_command(*options), worker.environment(self.place), REPOSITORY
        )

    def kill(self, worker: Worker) -> None:
        """Kill a worker's process with SIGKILL."""
        self.fleet.kill(worker.name)

    def wait_for(self, what: str, condition: Callable[[], bool], *, patience: float) -> None:
        """Wait until a condition holds; raises PlayError when it does not in time, or a worker ended."""
        deadline = time.monotonic() + patience
        while not condition():
            ended = self.fleet.ended()
            if ended:
                who = ", ".join(f"{name} (exit code {code})" for name, code in ended.items())
                raise PlayError(
                    f"Ended by themselves while waiting for {what}: {who}; see {self.fleet.logs}."
                )
            if time.monotonic() > deadline:
                raise PlayError(
                    f"Waited {patience:.0f} s in vain for {what}; the logs are in {self.fleet.logs}."
                )
            time.sleep(POLL)


def rounds_ended(reader: ChainReader) -> int:
    """Return how many rounds of all lanes have ended."""
    return sum(moment.rounds_ended for moment in reader.moments())


def has_ended(reader: ChainReader, round_id: int) -> bool:
    """Return whether a round has ended."""
    return any(moment.has_ended(round_id) for moment in reader.moments())


def in_phase(reader: ChainReader, round_id: int, *phases: Phase) -> bool:
    """Return whether this round is the newest one of its lane and in one of these phases."""
    return any(moment.round_id == round_id and moment.phase in phases for moment in reader.moments())
