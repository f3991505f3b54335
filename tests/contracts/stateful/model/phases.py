"""Where a round stands, by what happened and by the clock."""

from tests.contracts.stateful.model.system import Ballot, Moment, Refused, Round, System, need

from pole.protocol.state import BallotStage, Phase, Step, VoidReason

LAST_ATTEMPT = 2
UNTIL_SOMEBODY_ACTS = Moment(0, 0)
VOTING = {BallotStage.COMMIT: Phase.VOTE_COMMIT, BallotStage.REVEAL: Phase.VOTE_REVEAL}


def has_come(system: System, moment: Moment) -> bool:
    """Tell whether both the time and the Ethereum block are reached."""
    return system.clock.time >= moment.time and system.clock.number >= moment.number


def later(system: System, moment: Moment, seconds: int) -> Moment:
    """Return the end of a window that begins with a moment and lasts so many seconds."""
    return Moment(moment.time + seconds, moment.number + system.parameters.chain["windowBlocks"])


def now(system: System) -> Moment:
    return Moment(system.clock.time, system.clock.number)


def phase(system: System, opened: Round | None) -> tuple[Phase, Moment]:
    """Return where a round stands and when that ends, or may be ended; nulls where no clock matters."""
    if opened is None:
        return Phase.NONE, UNTIL_SOMEBODY_ACTS
    if opened.is_settled:
        ended = Phase.FINAL if opened.void_reason is VoidReason.NONE else Phase.VOID
        return ended, UNTIL_SOMEBODY_ACTS
    if opened.step is Step.OPENED:
        return Phase.SEED, UNTIL_SOMEBODY_ACTS
    if opened.step is Step.SEEDED:
        return _until(system, opened, "keyWindow", Phase.KEYS, Phase.SETTLEMENT)
    if opened.step is Step.KEYED:
        return _training(system, opened)
    if opened.step is Step.CLOSED:
        # Somebody has to release the test set, or to say that its time is over.
        return Phase.TEST_RELEASE, later(system, opened.begun, system.parameters.chain["testWindow"])
    if opened.ballots and len(opened.ballots) == opened.attempt + 1:
        return _of_ballot(system, opened)
    afterwards = Phase.DRAW if opened.revealed and not opened.is_committee_too_small else Phase.SETTLEMENT
    if len(opened.revealed) == len(opened.solutions):
        return afterwards, UNTIL_SOMEBODY_ACTS
    return _until(system, opened, "revealWindow", Phase.REVEAL, afterwards)


def _training(system: System, opened: Round) -> tuple[Phase, Moment]:
    limit = opened.task.terms.time_limit
    if opened.solutions:
        return _before(system, later(system, opened.begun, limit), Phase.TRAINING, Phase.TEST_RELEASE)
    grace = min(system.parameters.chain["graceWindow"], limit)
    return _before(system, later(system, opened.begun, grace), Phase.TRAINING, Phase.SETTLEMENT)


def _of_ballot(system: System, opened: Round) -> tuple[Phase, Moment]:
    ballot = opened.ballots[-1]
    if ballot.stage in VOTING:
        return VOTING[ballot.stage], ballot.end
    if not can_grow(system, opened, ballot):
        return Phase.SETTLEMENT, UNTIL_SOMEBODY_ACTS
    end = later(system, ballot.end, system.parameters.chain["challengeWindow"])
    return _before(system, end, Phase.CHALLENGE, Phase.SETTLEMENT)


def _until(
    system: System, opened: Round, window: str, during: Phase, afterwards: Phase
) -> tuple[Phase, Moment]:
    """Return where a round stands whose step began a window that the clock ends."""
    end = later(system, opened.begun, system.parameters.chain[window])
    return _before(system, end, during, afterwards)


def _before(system: System, end: Moment, during: Phase, afterwards: Phase) -> tuple[Phase, Moment]:
    return (afterwards, UNTIL_SOMEBODY_ACTS) if has_come(system, end) else (during, end)


def can_grow(system: System, opened: Round, ballot: Ballot) -> bool:
    """Tell whether a larger committee could judge anew."""
    maximum = min(system.parameters.chain["maxCommittee"], len(opened.seats))
    return not opened.is_dropped and opened.attempt < LAST_ATTEMPT and len(ballot.members) < maximum


def in_phase(system: System, round_id: int, needed: Phase) -> Round:
    opened = system.rounds.get(round_id)
    reached = phase(system, opened)[0]
    if opened is None:
        raise Refused("UnknownRound", round_id)
    need(reached is needed, "WrongPhase", round_id, int(reached), int(needed))
    return opened
