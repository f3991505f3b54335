"""The loop that drives a worker: read the moment, let each role take its step, wait, until told to stop."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

from pole.errors import DiskError, FundsError, JournalError, RefusedError, UnreachableError
from pole.protocol.state import ENDED, Phase
from pole.roles.ports import Chain, Moment

LOG: Final = logging.getLogger("pole.loop")

Wait = Callable[[float], bool]
"""Waits so many seconds, or until the worker is told to stop; returns whether it was told to stop."""


class Role(Protocol):
    """A worker's part: `step` does what is due at a moment, if anything, and says what it did."""

    def step(self, moment: Moment) -> str | None:
        """Do what is due; return the name of what was done, None when nothing was due.

        It can be killed at any instruction and called again: what was done before is not done twice.
        """


Means = TypeVar("Means")

Duty: TypeAlias = Callable[[Means, Moment], str | None]
"""What a worker does in a phase, with its means: the step of a Role."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker looks at the chain, in seconds: normally, and at most after repeated failures."""

    interval: float = 1.0
    longest: float = 10.0

    def after(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return float(min(self.interval * 2 ** min(failures, 16), max(self.longest, self.interval)))


def run(
    chain: Chain, roles: Sequence[Role], *, wait: Wait, finished: Callable[[Moment], bool], pace: Pace
) -> None:
    """Drive `roles` until `wait` says stop, or `finished` says so at a moment when nothing was due.

    An unreachable chain or store, a journal that fails, a full disk, a refusal, missing funds are logged and
    tried again, less and less often; every other error ends the loop.
    """
    failures = 0
    told = ""
    while True:
        try:
            moment = chain.moment()
            done = [name for role in roles if (name := role.step(moment)) is not None]
        except (UnreachableError, JournalError, RefusedError, FundsError, DiskError) as error:
            failures += 1
            if str(error) != told:
                LOG.warning("%s Trying again.", error)
            told = str(error)
        else:
            if failures:
                LOG.info("Working again after %d failed attempts.", failures)
            failures, told = 0, ""
            if not done and finished(moment):
                return
        if wait(pace.after(failures)):
            return


def never(_: Moment) -> bool:
    """Return False: a worker that runs until it is told to stop."""
    return False


def after_rounds(count: int) -> Callable[[Moment], bool]:
    """Return a condition that holds once `count` rounds have ended since it was first asked."""
    first: list[int] = []

    def finished(moment: Moment) -> bool:
        ended = moment.round_id if moment.phase in ENDED else moment.round_id - 1
        first.append(max(ended, 0))
        del first[1:]
        return ended - first[0] >= count

    return finished


def at_height(chain: Chain, height: int) -> Callable[[Moment], bool]:
    """Return a condition that holds once the newest PoLe block has at least this height."""

    def finished(moment: Moment) -> bool:
        return moment.phase is Phase.FINAL and chain.round(moment.round_id).height >= height

    return finished
