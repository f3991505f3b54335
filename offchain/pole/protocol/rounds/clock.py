"""Where a round and its ballot stand at a given time (twin of contracts/libraries/Phases.sol).

Phases follow from stored timestamps; no transaction is needed to enter one. A deadline is the first second
that is too late.
"""

from pole.protocol.ballots import LAST_ATTEMPT
from pole.protocol.parameters import ChainParameters
from pole.protocol.state import Ballot, BallotStage, Phase, Round, VoidReason

CLOCKLESS = 0


def stage_of(ballot: Ballot, now: int) -> BallotStage:
    """Return the ballot's stage at `now`; `ballot.seats` is 0 before the draw.

    The last commitment of a full committee moves the commit deadline to its own time, the last reveal the
    reveal deadline.
    """
    if ballot.seats == 0:
        return BallotStage.NONE
    if ballot.settled:
        return BallotStage.SETTLED
    if now < ballot.commit_deadline:
        return BallotStage.COMMIT
    return BallotStage.REVEAL if now < closes_at(ballot) else BallotStage.CLOSED


def closes_at(ballot: Ballot) -> int:
    """Return when a drawn ballot closes: where nobody committed a vote there is none to wait for."""
    return ballot.reveal_deadline if ballot.committed else ballot.commit_deadline


def can_grow(standing: Round, ballot: Ballot, parameters: ChainParameters) -> bool:
    """Return whether a larger committee than this newest one could be drawn to judge anew."""
    if standing.dropped or standing.attempt == LAST_ATTEMPT:
        return False
    return ballot.seats < min(parameters.max_committee, ballot.eligible)


def phase_of(standing: Round, ballot: Ballot, parameters: ChainParameters, now: int) -> tuple[Phase, int]:
    """Return the phase at `now` and the time when it ends at the latest, 0 where no clock ends it.

    `ballot` is that of the round's newest attempt.
    """
    if standing.settled:
        return (Phase.FINAL if standing.void_reason is VoidReason.NONE else Phase.VOID), CLOCKLESS
    for phase, deadline in _phases_before_draw(standing, parameters):
        if phase is Phase.SETTLEMENT or now < deadline:
            return phase, deadline
    return _phase_of_ballot(standing, ballot, parameters, now)


def _phases_before_draw(standing: Round, parameters: ChainParameters) -> list[tuple[Phase, int]]:
    """Return the phases up to Reveal that have not ended early, with deadlines; Settlement ends a round."""
    over = (Phase.SETTLEMENT, CLOCKLESS)
    if standing.keys_at == 0:
        return [(Phase.KEYS, standing.opened_at + parameters.key_window), over]
    phases: list[tuple[Phase, int]] = []
    training_end = standing.closed_at
    if standing.closed_at == 0:
        training_end = standing.keys_at + standing.terms.time_limit
        phases.append((Phase.TRAINING, training_end))
    if standing.committed == 0:
        return [*phases, over]
    reveal_start = standing.released_at
    if standing.released_at == 0:
        reveal_start = training_end + parameters.test_window
        phases.append((Phase.TEST_RELEASE, reveal_start))
    if standing.revealed < standing.committed:
        phases.append((Phase.REVEAL, reveal_start + parameters.reveal_window))
    if standing.revealed == 0 or standing.committee_too_small:
        phases.append(over)
    return phases


def _phase_of_ballot(
    standing: Round, ballot: Ballot, parameters: ChainParameters, now: int
) -> tuple[Phase, int]:
    stage = stage_of(ballot, now)
    if stage is BallotStage.NONE:
        return Phase.DRAW, CLOCKLESS
    if stage is BallotStage.COMMIT:
        return Phase.VOTE_COMMIT, ballot.commit_deadline
    if stage is BallotStage.REVEAL:
        return Phase.VOTE_REVEAL, ballot.reveal_deadline
    end = closes_at(ballot) + parameters.challenge_window
    if can_grow(standing, ballot, parameters) and now < end:
        return Phase.CHALLENGE, end
    return Phase.SETTLEMENT, CLOCKLESS
