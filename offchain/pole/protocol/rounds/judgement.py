"""Who wins a round, who is an ommer, why it is void (twin of contracts/libraries/Judgement.sol)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.rounds.tally import contradict
from pole.protocol.state import Finding, Solution, TaskTerms, Verdict, VoidReason

BASIS_POINTS: Final = 10_000

_LOST_DATA: Final = {
    Verdict.DATA_FAULT: VoidReason.DATA_FAULT,
    Verdict.DATA_UNAVAILABLE: VoidReason.DATA_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of a tally, with a bond in wei: what that tally had found, one finding per choice."""

    challenger: str
    bond: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round in Settlement: all that its outcome and its payouts follow from.

    `solutions` are in the order of their places; `judged` and `findings` are in the order of the
    ballot's choices and None when no committee was drawn. `released` tells whether the test set was
    released, `closed_early` whether the data node closed submissions or the round is idle. `rent` is what the
    owner paid for the whole duration, `used` what of it is used up, in wei. `challenges` are by attempt;
    `dropped` tells that the last of them drew no larger committee, so that the tally it doubted stands.
    """

    data_node: str
    terms: TaskTerms
    keys_posted: bool
    closed_early: bool
    released: bool
    solutions: tuple[Solution, ...]
    judged: tuple[Solution, ...] | None
    findings: tuple[Finding, ...] | None
    rent: int = 0
    used: int = 0
    challenges: tuple[Challenge, ...] = ()
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The winner's choice and the ommers', best first; or no winner and why the round is void.

    `trained` is the best choice in training where only the test threshold was missed, else None.
    """

    winner: int | None
    ommers: tuple[int, ...]
    void_reason: VoidReason
    trained: int | None = None


def judged_solutions(solutions: Sequence[Solution]) -> tuple[Solution, ...]:
    """Return the solutions that a committee judges, in the order of places, which is that of choices.

    All that were revealed, but of those with one model only the one committed first.
    """
    first: dict[bytes, int] = {}
    revealed = [solution for solution in solutions if solution.revealed]
    for solution in revealed:
        order = first.get(solution.model_digest, solution.order)
        first[solution.model_digest] = min(order, solution.order)
    return tuple(each for each in revealed if first[each.model_digest] == each.order)


def judge(ended: EndedRound) -> Judgement:
    """Return how the round ends (protocol.md, section 7).

    Among the solutions that qualify and meet the thresholds the highest score wins, ties go to the earlier
    commitment, the others are ommers. When none meets them and time ran out, the highest score wins without
    ommers. When none qualifies, the reason tells whether the committee found something for every choice.
    """
    reason = early_void_reason(ended)
    if reason is not VoidReason.NONE:
        return Judgement(None, (), reason)
    findings = ended.findings or ()
    for finding in findings:
        if finding.verdict in _LOST_DATA:
            return Judgement(None, (), _LOST_DATA[finding.verdict])
    qualified = [choice for choice in range(len(findings)) if qualifies(ended, choice)]
    if not qualified:
        complete = all(finding.verdict is not Verdict.NONE for finding in findings)
        return Judgement(None, (), VoidReason.NONE_QUALIFIED if complete else VoidReason.NO_QUORUM)
    able = [choice for choice in qualified if meets_train(ended, choice)]
    meeting = [choice for choice in able if meets_test(ended, choice)]
    if meeting:
        winner, *ommers = _ranked(ended, meeting)
        return Judgement(winner, tuple(ommers), VoidReason.NONE)
    if ended.closed_early:
        trained = _ranked(ended, able)[0] if able else None
        return Judgement(None, (), VoidReason.THRESHOLD_MISSED, trained)
    return Judgement(_ranked(ended, qualified)[0], (), VoidReason.NONE)


def early_void_reason(ended: EndedRound) -> VoidReason:
    """Return why a round ended before its committee sat, NONE when a committee was drawn."""
    if not ended.keys_posted:
        return VoidReason.KEYS_MISSING
    if not ended.solutions:
        return VoidReason.NO_COMMITMENT
    if not any(solution.revealed for solution in ended.solutions):
        return VoidReason.NOTHING_REVEALED
    if ended.findings is None:
        return VoidReason.COMMITTEE_TOO_SMALL
    return VoidReason.NONE


def qualifies(ended: EndedRound, choice: int) -> bool:
    """Return whether a judged solution may win or be an ommer: found OK, and no claim of it is false."""
    return _finding(ended, choice).verdict is Verdict.OK and not is_proven_bad(ended, choice)


def reaches_threshold(correct: int, terms: TaskTerms) -> bool:
    """Return whether so many correct predictions on the training set meet the training threshold."""
    return correct * BASIS_POINTS >= terms.required_train_accuracy * terms.train_count


def meets_train(ended: EndedRound, choice: int) -> bool:
    """Return whether a solution that qualifies meets the training threshold."""
    return reaches_threshold(_finding(ended, choice).train_correct, ended.terms)


def meets_test(ended: EndedRound, choice: int) -> bool:
    """Return whether a solution that qualifies meets the test threshold where it binds."""
    terms, found = ended.terms, _finding(ended, choice)
    return not ended.released or (
        found.test_correct * BASIS_POINTS >= terms.required_test_accuracy * terms.test_count
    )


def score(ended: EndedRound, choice: int) -> int:
    """Return what solutions are ranked by: the claim, on the test set where it was released.

    Of a solution that qualifies no claim is above what was found.
    """
    claim = _judged(ended, choice)
    return claim.claimed_test_correct if ended.released else claim.claimed_train_correct


def is_proven_bad(ended: EndedRound, choice: int) -> bool:
    """Return whether a judged solution forfeits its bond: no model, a malformed one, a false claim."""
    finding, claim = _finding(ended, choice), _judged(ended, choice)
    if finding.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED):
        return True
    if finding.verdict is not Verdict.OK:
        return False
    overclaimed_test = ended.released and claim.claimed_test_correct > finding.test_correct
    return overclaimed_test or claim.claimed_train_correct > finding.train_correct


def is_returned(ended: EndedRound, attempt: int) -> bool:
    """Return whether a challenge gets its bond back.

    It does when the last tally contradicts the one it doubted, and when it drew no larger committee.
    """
    if ended.dropped and attempt == len(ended.challenges) - 1:
        return True
    return contradict(ended.challenges[attempt].findings, ended.findings or ())


def _ranked(ended: EndedRound, choices: Sequence[int]) -> list[int]:
    return sorted(choices, key=lambda choice: (-score(ended, choice), _judged(ended, choice).order))


def _finding(ended: EndedRound, choice: int) -> Finding:
    return (ended.findings or ())[choice]


def _judged(ended: EndedRound, choice: int) -> Solution:
    return (ended.judged or ())[choice]
