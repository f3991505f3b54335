"""What a committee's votes say, and how good a solution is by them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.contracts.stateful.evm import Values
from tests.contracts.stateful.model.system import BPS, Round, Solution

from pole.protocol.state import Verdict

FINGERPRINT = 7
TRUTHS = (Verdict.OK, Verdict.MALFORMED, Verdict.DATA_FAULT)


class Finding(NamedTuple):
    """A struct of the contracts: verdict, train and test count, fingerprint."""

    verdict: int = Verdict.NONE
    train: int = 0
    test: int = 0
    fingerprint: int = 0

    @property
    def is_truth(self) -> bool:
        """Tell whether it is about the model or the data, not about what could not be had."""
        return self.verdict in TRUTHS


def said(vote: Values) -> Finding:
    """Return what a vote would be as a finding."""
    verdict, train, test, predictions = vote
    return Finding(verdict, train, test, int.from_bytes(predictions[:FINGERPRINT], "big"))


def finding(votes: Sequence[Values], seats: int) -> Finding:
    """Return what more than two thirds of the seats agree on for one solution, if anything."""
    return _shared(votes, 2 * seats // 3 + 1)


def majority(votes: Sequence[Values], seats: int) -> Finding:
    """Return the truth that more than half of the seats agree on, if there is one."""
    shared = _shared(votes, seats // 2 + 1)
    return shared if shared.is_truth else Finding()


def standing(before: Finding, votes: Sequence[Values], seats: int) -> Finding:
    """Return what stands of one solution after these votes, where `before` stood before them.

    Where no truth was found the one before stands, unless more than half of the seats say another.
    """
    found = finding(votes, seats)
    if found.is_truth or not before.is_truth:
        return found
    return Finding() if differ(majority(votes, seats), before) else before


def _shared(votes: Sequence[Values], needed: int) -> Finding:
    found, count = Counter(map(said, votes)).most_common(1)[0] if votes else (Finding(), 0)
    return found if count >= needed else Finding()


def differ(one: Finding, other: Finding) -> bool:
    """Tell whether two truths are different: predictions bind to their ballot, and are not compared."""
    return one.is_truth and other.is_truth and one[:3] != other[:3]


def qualifies(ended: Round, solution: Solution, found: Finding) -> bool:
    """Tell whether a solution can win: it was evaluated, and nothing that it claims is false."""
    return found.verdict == Verdict.OK and not is_proven_bad(ended, solution, found)


def is_proven_bad(ended: Round, solution: Solution, found: Finding) -> bool:
    """Tell whether the miner loses its bond: no model, a malformed one, or a claim that was not true."""
    if found.verdict == Verdict.OK:
        is_test_false = ended.is_released and solution.claimed_test > found.test
        return is_test_false or solution.claimed_train > found.train
    return found.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED)


def meets_training(ended: Round, found: Finding) -> bool:
    terms = ended.task.terms
    return found.train * BPS >= terms.required_train_accuracy * terms.train_count


def meets(ended: Round, found: Finding) -> bool:
    """Tell whether a solution reaches the task's thresholds."""
    terms = ended.task.terms
    is_tested = not ended.is_released or found.test * BPS >= terms.required_test_accuracy * terms.test_count
    return is_tested and meets_training(ended, found)


def score(ended: Round, solution: Solution, found: Finding) -> int:
    """Return what solutions are ranked by: what was both claimed and found."""
    if ended.is_released:
        return min(solution.claimed_test, found.test)
    return min(solution.claimed_train, found.train)
