"""Where a round and its ballot stand at a given time (twin of contracts/libraries/rounds/Phases.sol).

Phases follow from what is stored and the clock. A window is over when both its seconds are over and its
Ethereum blocks have passed. One that another window follows ends by a transaction, which anybody may send
once it is over, so that a chain that stood still shortens none.
"""

from dataclasses import dataclass
from typing import Final

from pole.protocol.ballots import LAST_ATTEMPT
from pole.protocol.parameters import ChainParameters
from pole.protocol.state import Ballot, BallotStage, Phase, Round, Step, VoidReason


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A time by the clock of the Ethereum block that has the number; of a deadline, the first too late."""

    time: int
    block: int

    def reached(self, now: "Moment") -> bool:
        """Return whether this deadline is past at `now`: both its time and its block are reached."""
        return now.time >= self.time and now.block >= self.block

    def after(self, seconds: int, blocks: int) -> "Moment":
        """Return the end of a window that begins at this moment."""
        return Moment(self.time + seconds, self.block + blocks)


CLOCKLESS: Final = Moment(0, 0)
"""The deadline of what no clock ends."""


def can_grow(standing: Round, ballot: Ballot, parameters: ChainParameters, seats: int) -> bool:
    """Return whether a larger committee than this newest one could be drawn to judge anew.

    `seats` is how many there were when those were taken among which the round's committees are drawn.
    """
    if standing.dropped or standing.attempt == LAST_ATTEMPT:
        return False
    return ballot.seats < min(parameters.max_committee, seats)


def phase_of(
    standing: Round, ballot: Ballot, parameters: ChainParameters, seats: int, now: Moment
) -> tuple[Phase, Moment]:
    """Return the phase at `now` and when it ends at the latest, or may be ended by anybody.

    CLOCKLESS where no clock ends it. `ballot` is that of the round's newest attempt, `seats` as for
    `can_grow`.
    """
    if standing.settled:
        return (Phase.FINAL if standing.void_reason is VoidReason.NONE else Phase.VOID), CLOCKLESS
    if standing.step is Step.CLOSED:
        window = (parameters.test_window, parameters.window_blocks)
        return Phase.TEST_RELEASE, Moment(standing.since, standing.since_block).after(*window)
    for phase, deadline in _phases_before_draw(standing, parameters):
        if deadline == CLOCKLESS or not deadline.reached(now):
            return phase, deadline
    return _phase_of_ballot(standing, ballot, parameters, seats, now)


def _phases_before_draw(standing: Round, parameters: ChainParameters) -> list[tuple[Phase, Moment]]:
    """Return the phases up to Reveal that have not ended early, with deadlines; Settlement ends a round."""
    over = (Phase.SETTLEMENT, CLOCKLESS)
    since, blocks = Moment(standing.since, standing.since_block), parameters.window_blocks
    match standing.step:
        case Step.NONE:
            return [(Phase.NONE, CLOCKLESS)]
        case Step.OPENED:
            return [(Phase.SEED, CLOCKLESS)]
        case Step.SEEDED:
            return [(Phase.KEYS, since.after(parameters.key_window, blocks)), over]
        case Step.KEYED:
            limit = standing.terms.time_limit
            if standing.committed == 0:
                return [(Phase.TRAINING, since.after(min(parameters.grace_window, limit), blocks)), over]
            return [(Phase.TRAINING, since.after(limit, blocks)), (Phase.TEST_RELEASE, CLOCKLESS)]
    phases = []
    if standing.revealed < standing.committed:
        phases.append((Phase.REVEAL, since.after(parameters.reveal_window, blocks)))
    if standing.revealed == 0 or standing.committee_too_small:
        phases.append(over)
    return phases


def _phase_of_ballot(
    standing: Round, ballot: Ballot, parameters: ChainParameters, seats: int, now: Moment
) -> tuple[Phase, Moment]:
    end = Moment(ballot.deadline, ballot.deadline_block)
    match ballot.stage:
        case BallotStage.NONE:
            return Phase.DRAW, CLOCKLESS
        case BallotStage.COMMIT:
            return Phase.VOTE_COMMIT, end
        case BallotStage.REVEAL:
            return Phase.VOTE_REVEAL, end
    doubted = end.after(parameters.challenge_window, parameters.window_blocks)
    if can_grow(standing, ballot, parameters, seats) and not doubted.reached(now):
        return Phase.CHALLENGE, doubted
    return Phase.SETTLEMENT, CLOCKLESS
