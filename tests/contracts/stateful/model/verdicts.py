"""What a committee's votes say, and how good a solution is by them."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from statistics import median_low
from typing import NamedTuple

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model.system import BPS, Round, Solution

from pole.protocol.state import Verdict

FINGERPRINT = 7


class Finding(NamedTuple):
    """A struct of the contracts: verdict, train and test count, fingerprint."""

    verdict: int = Verdict.NONE
    train: int = 0
    test: int = 0
    fingerprint: int = 0


def finding(votes: Sequence[Values], seats: int, tolerance: int) -> Finding:
    """Return what more than two thirds of the seats agree on for one solution, if anything."""
    quorum = 2 * seats // 3 + 1
    for verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED, Verdict.DATA_FAULT):
        if sum(vote[0] == verdict for vote in votes) >= quorum:
            return Finding(verdict)
    fine = [vote for vote in votes if vote[0] == Verdict.OK]
    if len(fine) < quorum:
        return Finding()
    if tolerance == 0:
        (train, test, mark), count = Counter(
            (vote[1], vote[2], vote[3][:FINGERPRINT]) for vote in fine
        ).most_common(1)[0]
        return Finding(Verdict.OK, train, test, int.from_bytes(mark, "big")) if count >= quorum else Finding()
    middle = Finding(Verdict.OK, median_low(vote[1] for vote in fine), median_low(vote[2] for vote in fine))
    return middle if sum(is_near(vote, middle, tolerance) for vote in fine) >= quorum else Finding()


def agrees(vote: Values, own: Finding, last: Finding, tolerance: int) -> bool:
    """Tell whether a vote says what the last ballot found; any vote does where nothing was.

    Predictions are of one ballot, so they are held against what the vote's own ballot found, if that
    is the same.
    """
    if last.verdict == Verdict.NONE:
        return True
    if not is_near(vote, last, tolerance):
        return False
    is_bound = tolerance == 0 and last.verdict == Verdict.OK and own[:3] == last[:3]
    return not is_bound or int.from_bytes(vote[3][:FINGERPRINT], "big") == own.fingerprint


def is_near(vote: Values, found: Finding, tolerance: int) -> bool:
    """Tell whether a vote has the verdict and the counts that were found."""
    if vote[0] != found.verdict or found.verdict != Verdict.OK:
        return vote[0] == found.verdict
    return max(abs(vote[1] - found.train), abs(vote[2] - found.test)) <= tolerance


def is_audited(ended: Round) -> bool:
    return 0 < ended.task.terms.audit_count < ended.task.terms.train_count


def evaluated(ended: Round) -> int:
    return ended.task.terms.audit_count if is_audited(ended) else ended.task.terms.train_count


def qualifies(ended: Round, solution: Solution, found: Finding, tolerance: int) -> bool:
    """Tell whether a solution can win: it was evaluated, and nothing that it claims is false."""
    return found.verdict == Verdict.OK and not is_proven_bad(ended, solution, found, tolerance)


def meets(ended: Round, found: Finding) -> bool:
    """Tell whether a solution reaches the task's thresholds."""
    terms = ended.task.terms
    if found.train * BPS < terms.required_train_accuracy * evaluated(ended):
        return False
    return not ended.released_at or found.test * BPS >= terms.required_test_accuracy * terms.test_count


def score(ended: Round, solution: Solution, found: Finding) -> int:
    """Return what solutions are ranked by: what was both claimed and found."""
    if ended.released_at:
        return min(solution.claimed_test, found.test)
    return found.train if is_audited(ended) else min(solution.claimed_train, found.train)


def is_proven_bad(ended: Round, solution: Solution, found: Finding, tolerance: int) -> bool:
    """Tell whether the miner loses its bond: no model, a malformed one, or a claim that was not true."""
    if found.verdict == Verdict.OK:
        test_overdone = ended.released_at and solution.claimed_test > found.test + tolerance
        return bool(test_overdone or _is_train_overdone(ended, solution, found.train + tolerance))
    return found.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED)


def _is_train_overdone(ended: Round, solution: Solution, found: int) -> bool:
    """Tell whether a claim on all samples is more than what was found of them, or of a sample by chance."""
    missing = Fraction(solution.claimed_train * evaluated(ended), ended.task.terms.train_count) - found
    chance = 9 * evaluated(ended) if is_audited(ended) else 0
    return missing > 0 and missing**2 > chance
