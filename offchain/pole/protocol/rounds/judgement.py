"""Who wins a round, who is an ommer, why it is void (twin of contracts/libraries/Judgement.sol)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.protocol.rounds.tally import differ
from pole.protocol.state import Finding, Solution, TaskTerms, Verdict, VoidReason

BASIS_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of a tally with a bond in wei: what that tally had found, one finding per choice.

    `dropped` tells that no larger committee could be drawn, so that the tally stands unjudged.
    """

    challenger: str
    bond: int
    findings: tuple[Finding, ...]
    dropped: bool


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round in Settlement: all that its outcome and its payouts follow from.

    `solutions` are in the order of their places; `judged` and `findings` are in the order of the
    ballot's choices and None when no committee was drawn. `released` tells whether the test set was
    released, `closed_early` whether the data node closed submissions or the round is idle, `tolerance` is the
    committee's. `challenge` is the one made with a bond, None when there was none.
    """

    data_node: str
    terms: TaskTerms
    keys_posted: bool
    closed_early: bool
    released: bool
    solutions: tuple[Solution, ...]
    judged: tuple[Solution, ...] | None
    findings: tuple[Finding, ...] | None
    tolerance: int
    challenge: Challenge | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The winner's choice and the ommers', best first; or no winner and why the round is void."""

    winner: int | None
    ommers: tuple[int, ...]
    void_reason: VoidReason


def judged_solutions(
    solutions: Sequence[Solution], terms: TaskTerms, *, released: bool, maximum: int
) -> tuple[Solution, ...]:
    """Return the solutions that a committee judges, the best claims.

    Those that reach the required training accuracy come first, then those that count more, on the test set
    where it was released, then the earlier commitment.
    """
    threshold = terms.required_train_accuracy * terms.train_count

    def rank(solution: Solution) -> tuple[bool, int, int]:
        claim = solution.claimed_test_correct if released else solution.claimed_train_correct
        return solution.claimed_train_correct * BASIS_POINTS < threshold, -claim, solution.order

    return tuple(sorted((each for each in solutions if each.revealed), key=rank)[:maximum])


def judge(ended: EndedRound) -> Judgement:
    """Return how the round ends (protocol.md, section 7).

    Among the solutions that qualify and meet the thresholds the highest score wins, ties go to the earlier
    commitment, the others are ommers. When none meets them and time ran out, the highest score wins without
    ommers. When none qualifies, the reason tells whether the committee found something for every choice.
    """
    reason = early_void_reason(ended)
    if reason is not VoidReason.NONE:
        return Judgement(None, (), reason)
    assert ended.findings is not None  # noqa: S101 - early_void_reason has seen to it
    if any(finding.verdict is Verdict.DATA_FAULT for finding in ended.findings):
        return Judgement(None, (), VoidReason.DATA_FAULT)
    qualified = [choice for choice in range(len(ended.findings)) if qualifies(ended, choice)]
    if not qualified:
        complete = all(finding.verdict is not Verdict.NONE for finding in ended.findings)
        return Judgement(None, (), VoidReason.NONE_QUALIFIED if complete else VoidReason.NO_QUORUM)
    meeting = [choice for choice in qualified if meets_thresholds(ended, choice)]
    if meeting:
        winner, *ommers = _ranked(ended, meeting)
        return Judgement(winner, tuple(ommers), VoidReason.NONE)
    if ended.closed_early:
        return Judgement(None, (), VoidReason.THRESHOLD_MISSED)
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


def meets_thresholds(ended: EndedRound, choice: int) -> bool:
    """Return whether a solution that qualifies meets the training and, where it binds, the test threshold."""
    terms, finding = ended.terms, _finding(ended, choice)
    if finding.train_correct * BASIS_POINTS < terms.required_train_accuracy * terms.train_count:
        return False
    if not ended.released or terms.required_test_accuracy == 0:
        return True
    return finding.test_correct * BASIS_POINTS >= terms.required_test_accuracy * terms.test_count


def score(ended: EndedRound, choice: int) -> int:
    """Return what solutions are ranked by: the lower of claim and finding.

    Test counts where the test set was released, else train counts.
    """
    finding, claim = _finding(ended, choice), _judged(ended, choice)
    if ended.released:
        return min(claim.claimed_test_correct, finding.test_correct)
    return min(claim.claimed_train_correct, finding.train_correct)


def is_proven_bad(ended: EndedRound, choice: int) -> bool:
    """Return whether a judged solution forfeits its bond: no model, a malformed one, a false claim."""
    finding, claim = _finding(ended, choice), _judged(ended, choice)
    if finding.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED):
        return True
    if finding.verdict is not Verdict.OK:
        return False
    overclaimed_test = ended.released and claim.claimed_test_correct > finding.test_correct + ended.tolerance
    return overclaimed_test or claim.claimed_train_correct > finding.train_correct + ended.tolerance


def is_upheld(ended: EndedRound) -> bool:
    """Return whether a challenge gets its bond back: another tally in the end, or no larger committee."""
    if ended.challenge is None:
        return False
    return ended.challenge.dropped or differ(ended.challenge.findings, ended.findings or ())


def _ranked(ended: EndedRound, choices: Sequence[int]) -> list[int]:
    return sorted(choices, key=lambda choice: (-score(ended, choice), _judged(ended, choice).order))


def _finding(ended: EndedRound, choice: int) -> Finding:
    return (ended.findings or ())[choice]


def _judged(ended: EndedRound, choice: int) -> Solution:
    return (ended.judged or ())[choice]
