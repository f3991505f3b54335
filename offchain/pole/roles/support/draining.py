"""A worker that is asked to leave: what it still waits for, and when it may end.

It drains to stay away for as long as one likes, and renews itself to be back after the seconds of another
start. For either it takes on nothing new, and serves what it has at stake to the end.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pole.quoting import utc
from pole.roles.loop import Role
from pole.roles.ports import Moment
from pole.roles.support.events import report
from pole.roles.support.waiting import Sight

LOG: Final = logging.getLogger("pole.drain")


class Participant(Role, Protocol):
    """A role with something to lose, which says what keeps it as phrases: a list's entries in a sentence."""

    @property
    def sight(self) -> Sight:
        """Return what is shown what the worker sees during long work."""

    def at_stake(self, moments: Sequence[Moment]) -> Iterable[str]:
        """Return what the end of this process would cost now, were it soon started again."""

    def owed(self, moments: Sequence[Moment]) -> Iterable[str]:
        """Return what else would cost something, were it away for good."""

    def owes(self, moment: Moment) -> bool:
        """Return whether a moment's phase asks for a transaction of this wallet that it has not sent."""

    def give_up(self) -> str | None:
        """Give up what calls it to new duties; return the name of what was done, None for nothing."""


@dataclass(slots=True)
class Draining:
    """The end of a worker that was asked to drain, or to end for another start.

    As a role it gives up what the worker can give up, as the loop's condition it says when the worker may
    end. Both say in the log, and by `announce`, what it still waits for.
    """

    worker: Participant
    is_draining: Callable[[], bool]
    is_renewing: Callable[[], bool]
    announce: Callable[[str], None]
    _has_given_up: bool = field(default=False, init=False)
    _said: str = field(default="", init=False)

    def step(self, _moment: Moment) -> str | None:
        """Give up, once, what calls the worker to new duties: see Role."""
        if self._has_given_up or not self.is_draining():
            return None
        done = self.worker.give_up()
        self._has_given_up = True
        return done

    def is_over(self, moments: Sequence[Moment]) -> bool:
        """Return whether the worker was asked to leave, and may."""
        if self.is_draining():
            waits_for = [*self.worker.at_stake(moments), *self.worker.owed(moments)]
            self._say("Draining", waits_for, "Drained: nothing is at stake.")
            return not waits_for
        if self.is_renewing():
            waits_for = list(self.worker.at_stake(moments))
            owed = [] if waits_for else list(self.worker.owed(moments))
            self._say("To be started anew", waits_for, _farewell(owed))
            return not waits_for
        return False

    def _say(self, title: str, waits_for: Sequence[str], farewell: str) -> None:
        sentence = f"{title}: it waits for {'; '.join(waits_for)}." if waits_for else farewell
        if sentence != self._said:
            self._said = sentence
            report(LOG, "draining" if waits_for else "drained", sentence)
            self.announce(sentence)


def _farewell(owed: Sequence[str]) -> str:
    later = f", but start it again soon for {'; '.join(owed)}" if owed else ""
    return f"To be started anew: no round has anything at stake{later}."


def end_of(moment: Moment) -> str:
    """Return what a worker that must not leave a moment's round waits for."""
    return f"the end of round {moment.round_id}, {phase_of(moment)}"


def phase_of(moment: Moment) -> str:
    """Return where a moment's round is, and until when at the latest where a clock ends that."""
    until = f" until {utc(moment.deadline)}" if moment.deadline else ""
    return f"in {moment.phase.name}{until}"
