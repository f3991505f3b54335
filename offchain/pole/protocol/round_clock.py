"""Where a round and its ballot stand at a given time (twin of contracts/libraries/Phases.sol).

Phases follow from stored timestamps; no transaction is needed to enter one. A deadline is the first second
that is too late.
"""

from pole.protocol.parameters import ChainParameters
from pole.protocol.state import Ballot, BallotStage, Phase, Round, VoidReason

CLOCKLESS = 0

_BALLOT_PHASES = {
    BallotStage.NONE: Phase.DRAW,
    BallotStage.COMMIT: Phase.VOTE_COMMIT,
    BallotStage.REVEAL: Phase.VOTE_REVEAL,
    BallotStage.CLOSED: Phase.SETTLEMENT,
    BallotStage.SETTLED: Phase.SETTLEMENT,
}


def stage_of(ballot: Ballot, now: int) -> BallotStage:
    """Return the ballot's stage at `now`; `ballot.seats` is 0 before the draw.

    The last commitment of a full committee moves the commit deadline to its own time.
    """
    if ballot.seats == 0:
        return BallotStage.NONE
    if ballot.settled:
        return BallotStage.SETTLED
    if now < ballot.commit_deadline:
        return BallotStage.COMMIT
    if ballot.revealed != ballot.committed and now < ballot.reveal_deadline:
        return BallotStage.REVEAL
    return BallotStage.CLOSED


def phase_of(standing: Round, ballot: Ballot, parameters: ChainParameters, now: int) -> tuple[Phase, int]:
    """Return the phase at `now` and the time when it ends at the latest, 0 where no clock ends it."""
    if standing.settled:
        return (Phase.FINAL if standing.void_reason is VoidReason.NONE else Phase.VOID), CLOCKLESS
    for phase, deadline in _phases_before_draw(standing, parameters):
        if phase is Phase.SETTLEMENT or now < deadline:
            return phase, deadline
    return _ballot_phase(ballot, now)


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


def _ballot_phase(ballot: Ballot, now: int) -> tuple[Phase, int]:
    stage = stage_of(ballot, now)
    deadline = {BallotStage.COMMIT: ballot.commit_deadline, BallotStage.REVEAL: ballot.reveal_deadline}
    return _BALLOT_PHASES[stage], deadline.get(stage, CLOCKLESS)
