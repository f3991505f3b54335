"""What a worker must not miss in one lane while it is busy in another.

Work in a lane takes as long as its task says, and files as long as a stranger lets them take. So long work
asks every second, by its RoundWatch, what is due elsewhere. It is interrupted for that, or gives way where it
can go on later from what it has: docs/decisions/0059.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pole.protocol.state import Phase
from pole.roles.loop import OF_ONE_LANE, Pace
from pole.roles.ports import Moment

LOG: Final = logging.getLogger("pole.lanes")

FIRST: Final = frozenset({Phase.VOTE_REVEAL})
"""A duty in these phases is but a transaction."""
LAST: Final = frozenset({Phase.TRAINING})
"""Work in these phases may be done later."""


def nothing(_: Moment) -> None:
    """Do nothing."""


@dataclass(slots=True)
class Urgent:
    """The duties that cost their worker money where they are missed.

    `awaits` says whether a lane still asks for one, `duty` does it; `clock` tells seconds of any epoch. What
    did not succeed is tried again ten seconds later, as by the loop: work that waits for a stranger's file
    leaves most of the time to other work.
    """

    clock: Callable[[], float]
    awaits: Callable[[Moment], bool]
    duty: Callable[[Moment], object] = nothing
    _asked: dict[int, tuple[int, Phase, float]] = field(default_factory=dict, init=False)

    def calls(self, other: Moment) -> bool:
        """Return whether another lane's duty is to be done now; once in ten seconds of each."""
        ballot_id, phase, asked_at = self._asked.get(other.lane, (0, Phase.NONE, 0.0))
        if (ballot_id, phase) == (other.ballot_id, other.phase) and self.clock() < asked_at + Pace().longest:
            return False
        if not self.awaits(other):
            return False
        self._note(other)
        return True

    def interrupt(self, own: Moment, other: Moment) -> None:
        """Do another lane's duty in the midst of work in the lane of `own`, where it must be done before.

        Of two duties that last, the one that ends first interrupts the other, never both each other. What
        fails here is logged: it is due in its own lane again.
        """
        comes_before = other.phase in FIRST or own.phase in LAST or 0 < other.deadline < own.deadline
        if not comes_before or not self.calls(other):
            return
        try:
            self.duty(other)
        except OF_ONE_LANE as error:
            LOG.info("Round %d, between steps of round %d: %s", other.round_id, own.round_id, error)
        self._note(other)

    def _note(self, other: Moment) -> None:
        self._asked[other.lane] = (other.ballot_id, other.phase, self.clock())
