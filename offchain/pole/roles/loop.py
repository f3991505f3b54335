"""The loop that drives a worker: look at all lanes, let each role take its steps, until told to stop."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, TypeVar

from pole.errors import DiskError, FundsError, JournalError, RefusedError, UnreachableError
from pole.protocol.state import Phase
from pole.roles.ports import Chain, Moment

LOG: Final = logging.getLogger("pole.loop")

Wait = Callable[[float], bool]
"""Waits so many seconds, or until the worker is told to stop; returns whether it was told to stop."""


Finished = Callable[[Sequence[Moment]], bool]
"""Says at moments when nothing was due whether a worker's end has come."""


class Role(Protocol):
    """A worker's part: `step` does what is due at a moment, if anything, and says what it did."""

    def step(self, moment: Moment) -> str | None:
        """Do what is due; return the name of what was done, None when nothing was due.

        It can be killed at any instruction and called again: what was done before is not done twice.
        """


Means = TypeVar("Means")

GAPS: Final = 8
"""So many of the last times between two blocks tell when the next may come."""
EARLY: Final = 0.05
"""The part of the shortest of them that a block is looked for before it is due."""
LOOKS: Final = 5
"""The second look for a block comes after this part of the interval, each later one after twice that."""

OF_ONE_LANE: Final = (UnreachableError, RefusedError, FundsError, DiskError)
"""What fails in one lane with these keeps no other from being served, and is tried again."""

Duty: TypeAlias = Callable[[Means, Moment], str | None]
"""What a worker does in a phase, with its means: the step of a Role."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker looks at the chain, in seconds: normally, and at most after repeated failures."""

    interval: float = 1.0
    longest: float = 10.0

    @property
    def again(self) -> float:
        """Return how long to wait after something was done: the next step may be due by it."""
        return self.interval / 10

    def after(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return float(min(self.interval * 2 ** min(failures, 16), max(self.longest, self.interval)))


@dataclass(slots=True)
class NextBlock:
    """When to look for the next Ethereum block: between two of them nothing on the chain changes.

    It is due as long after the last as the shortest of the last times between two blocks, by their
    timestamps. `clock` tells seconds of any epoch.
    """

    pace: Pace
    clock: Callable[[], float]
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=GAPS), init=False)
    _number: int = field(default=-1, init=False)
    _timestamp: int = field(default=0, init=False)
    _due: float = field(default=math.inf, init=False)
    _misses: int = field(default=0, init=False)

    def pause(self, head: Moment) -> float:
        """Return the seconds to wait before another look, when the newest block was that of a moment."""
        now = self.clock()
        if head.block == self._number:
            self._misses += 1
        else:
            self._note(head, now)
        gap = min(self._gaps, default=0.0)
        if not gap:
            return self.pace.interval
        doubled = max(self.pace.interval / LOOKS, gap * EARLY) * float(1 << min(self._misses, GAPS))
        again = min(doubled, max(self.pace.interval, min(gap * EARLY, self.pace.longest)))
        return min(max(self._due - now, again), max(self.pace.longest, again))

    def _note(self, head: Moment, now: float) -> None:
        passed = head.block - self._number
        if self._number >= 0 and passed > 0:
            self._gaps.append((head.timestamp - self._timestamp) / passed)
        gap = min(self._gaps, default=0.0)
        # Found by the first look, it came when it was due, or somewhat earlier.
        came_at = now if self._misses else min(now, self._due + gap * (passed - 1))
        self._due = came_at + gap * (1 - EARLY)
        self._number, self._timestamp, self._misses = head.block, head.timestamp, 0


def run(
    chain: Chain,
    roles: Sequence[Role],
    *,
    wait: Wait,
    finished: Finished,
    pace: Pace,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Drive `roles` until `wait` says stop, or `finished` says so at moments when nothing was due.

    An unreachable chain or store, a journal that fails, a full disk, a refusal, missing funds are logged, and
    the steps are taken again, less and less often; every other error ends the loop.
    """
    failures, told, blocks = 0, "", NextBlock(pace, clock)
    seen: Sequence[Moment] | None = None
    while True:
        try:
            moments = seen or chain.moments()
            seen = None
            seen = _serve_lanes(chain, moments, roles)
            is_over = seen is None and finished(moments)
        except (*OF_ONE_LANE, JournalError) as error:
            failures += 1
            if str(error) != told:
                LOG.warning("%s Trying again.", error)
            told = str(error)
            _trace("looked", failures=failures, error=type(error).__name__)
            pause = pace.after(failures)
        else:
            if failures:
                LOG.info("Working again after %d failed attempts.", failures)
            failures, told = 0, ""
            _trace("looked", failures=0)
            if is_over:
                return
            pause = blocks.pause(moments[0]) if seen is None else pace.again
        if wait(pause):
            return


def _serve_lanes(chain: Chain, moments: Sequence[Moment], roles: Sequence[Role]) -> Sequence[Moment] | None:
    """Let each role take its step in every lane, the one that ends first before others.

    A step may take long: after each that was taken, the lanes that are left are looked at anew. Return the
    last such look, None where nothing was due. What fails in one lane keeps no other from being served; the
    first failure is raised at the end.
    """
    seen, failed = None, None
    for lane in [moment.lane for moment in sorted(moments, key=by_deadline)]:
        for role in roles:
            try:
                name = role.step(moments[lane])
            except OF_ONE_LANE as error:
                failed = failed or error
                continue
            if name is not None:
                _trace("step", name=name)
                seen = moments = chain.moments()
    if failed is not None:
        raise failed
    return seen


def _trace(event: str, **details: str | int) -> None:
    """Log an event as pole.roles.support.events does, which stands above this module."""
    LOG.debug("The loop: %s.", event, extra={"event": event, "details": details})


def by_deadline(moment: Moment) -> float:
    """Return when a moment's phase ends, for sorting: never where no clock ends it."""
    return moment.deadline or float("inf")


def never(_: Sequence[Moment]) -> bool:
    """Return False: a worker that runs until it is told to stop."""
    return False


def either(first: Finished, second: Finished) -> Finished:
    """Return a condition that holds once one of two does."""
    return lambda moments: first(moments) or second(moments)


def after_rounds(count: int) -> Finished:
    """Return a condition that holds once `count` rounds have ended, in any lane, since it was first asked."""
    first: list[int] = []

    def finished(moments: Sequence[Moment]) -> bool:
        ended = sum(moment.rounds_ended for moment in moments)
        first.append(ended)
        del first[1:]
        return ended - first[0] >= count

    return finished


def at_height(chain: Chain, height: int) -> Finished:
    """Return a condition that holds once a PoLe block of at least this height ended some lane's round."""

    def finished(moments: Sequence[Moment]) -> bool:
        return any(
            moment.phase is Phase.FINAL and chain.round(moment.round_id).height >= height
            for moment in moments
        )

    return finished
