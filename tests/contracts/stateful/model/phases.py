"""Where a round and a ballot stand, by what happened and by the clock."""

from tests.contracts.stateful.model.system import Ballot, Moment, Refused, Round, System, need

from pole.protocol.state import BallotStage, Phase, Step, VoidReason

LAST_ATTEMPT = 2
UNTIL_SOMEBODY_ACTS = Moment(0, 0)


def has_come(system: System, moment: Moment) -> bool:
    """Tell whether both the time and the Ethereum block are reached."""
    return system.clock.time >= moment.time and system.clock.number >= moment.number


def later(system: System, moment: Moment, seconds: int, windows: int = 1) -> Moment:
    """Return the end of windows that follow a moment and last so many seconds together."""
    return Moment(moment.time + seconds, moment.number + windows * system.parameters.chain["windowBlocks"])


def now(system: System) -> Moment:
    return Moment(system.clock.time, system.clock.number)


def phase(system: System, opened: Round | None) -> tuple[Phase, Moment]:
    """Return where a round stands and when that ends at the latest, nulls where no clock ends it."""
    if opened is None:
        return Phase.NONE, UNTIL_SOMEBODY_ACTS
    if opened.is_settled:
        ended = Phase.FINAL if opened.void_reason is VoidReason.NONE else Phase.VOID
        return ended, UNTIL_SOMEBODY_ACTS
    timed, afterwards = _ahead(system, opened)
    for reached, end in timed:
        if not has_come(system, end):
            return reached, end
    return afterwards, UNTIL_SOMEBODY_ACTS


def _ahead(system: System, opened: Round) -> tuple[list[tuple[Phase, Moment]], Phase]:
    """Return the phases that end by the clock, as far as they are certain, and the one after them."""
    chosen, begun = system.parameters.chain, opened.begun
    if opened.step is Step.OPENED:
        return [], Phase.SEED
    if opened.step is Step.SEEDED:
        return [(Phase.KEYS, later(system, begun, chosen["keyWindow"]))], Phase.SETTLEMENT
    if opened.step is Step.KEYED:
        limit = opened.task.terms.time_limit
        if opened.solutions:
            return [(Phase.TRAINING, later(system, begun, limit))], Phase.TEST_RELEASE
        grace = min(chosen["graceWindow"], limit)
        return [(Phase.TRAINING, later(system, begun, grace))], Phase.SETTLEMENT
    if opened.ballots and len(opened.ballots) == opened.attempt + 1:
        return _of_ballot(system, opened), Phase.SETTLEMENT
    return _of_reveals(system, opened), _after_reveals(opened)


def _of_reveals(system: System, opened: Round) -> list[tuple[Phase, Moment]]:
    chosen, seconds, windows, timed = system.parameters.chain, 0, 0, []
    if opened.step is Step.CLOSED:
        seconds, windows = chosen["testWindow"], 1
        timed.append((Phase.TEST_RELEASE, later(system, opened.begun, seconds)))
    if len(opened.revealed) < len(opened.solutions):
        end = later(system, opened.begun, seconds + chosen["revealWindow"], windows + 1)
        timed.append((Phase.REVEAL, end))
    return timed


def _after_reveals(opened: Round) -> Phase:
    return Phase.DRAW if opened.revealed and not opened.is_committee_too_small else Phase.SETTLEMENT


def _of_ballot(system: System, opened: Round) -> list[tuple[Phase, Moment]]:
    ballot = opened.ballots[-1]
    timed = [(Phase.VOTE_COMMIT, ballot.commit_end), (Phase.VOTE_REVEAL, ballot.end)]
    if can_grow(system, opened, ballot):
        window = system.parameters.chain["challengeWindow"]
        timed.append((Phase.CHALLENGE, later(system, ballot.end, window)))
    return timed


def can_grow(system: System, opened: Round, ballot: Ballot) -> bool:
    """Tell whether a larger committee could judge anew."""
    maximum = min(system.parameters.chain["maxCommittee"], len(opened.seats))
    return not opened.is_dropped and opened.attempt < LAST_ATTEMPT and len(ballot.members) < maximum


def stage(system: System, ballot: Ballot) -> BallotStage:
    if not ballot.members:
        return BallotStage.NONE
    if ballot.is_settled:
        return BallotStage.SETTLED
    if not has_come(system, ballot.commit_end):
        return BallotStage.COMMIT
    return BallotStage.CLOSED if has_come(system, ballot.end) else BallotStage.REVEAL


def in_phase(system: System, round_id: int, needed: Phase) -> Round:
    opened = system.rounds.get(round_id)
    reached = phase(system, opened)[0]
    if opened is None:
        raise Refused("UnknownRound", round_id)
    need(reached is needed, "WrongPhase", round_id, int(reached), int(needed))
    return opened
