"""Who wins a round, who is an ommer, why it is void (twin of contracts/libraries/rounds/Judgement.sol)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pole.protocol.rounds.tally import contradict
from pole.protocol.state import Finding, Solution, TaskTerms, Verdict, VoidReason

BASIS_POINTS: Final = 10_000

_LOST_DATA: Final = {
    Verdict.DATA_FAULT: VoidReason.DATA_FAULT,
    Verdict.DATA_UNAVAILABLE: VoidReason.DATA_UNAVAILABLE,
}
"""What is proven of the data comes before what could not be had of them."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of a tally, with a bond in wei: what stood after that tally, one finding per choice."""

    challenger: str
    bond: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round in Settlement: all that its outcome and its payouts follow from.

    `solutions` are in the order of their places, with their choices; `findings` are in the order of choices,
    None when no committee was drawn. `released` tells whether the test set was
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
    findings: tuple[Finding, ...] | None
    rent: int = 0
    used: int = 0
    challenges: tuple[Challenge, ...] = ()
    dropped: bool = False

    @property
    def judged(self) -> tuple[Solution, ...]:
        """Return the solutions whose model was revealed, by place."""
        return tuple(solution for solution in self.solutions if solution.choice)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The winner and the ommers, best first; or no winner and why the round is void.

    `trained` is the best solution in training where only the test threshold was missed, else None.
    """

    winner: Solution | None
    ommers: tuple[Solution, ...]
    void_reason: VoidReason
    trained: Solution | None = None


def choose(solutions: Sequence[Solution]) -> tuple[Solution, ...]:
    """Return a round's solutions, by place, with the numbers of what a committee judges.

    Each model that was revealed is a choice, from 1. Equal models are one, and what is found of it holds for
    all that showed it.
    """
    models = list(dict.fromkeys(each.model_digest for each in solutions if each.revealed))
    choices = {model: choice for choice, model in enumerate(models, start=1)}
    return tuple(
        replace(each, choice=choices[each.model_digest] if each.revealed else 0) for each in solutions
    )


def choices_of(solutions: Sequence[Solution]) -> int:
    """Return how many choices a committee judges."""
    return max((solution.choice for solution in solutions), default=0)


def judge(ended: EndedRound) -> Judgement:
    """Return how the round ends (protocol.md, section 7).

    Among the solutions that qualify and meet the thresholds the highest score wins, ties go to the earlier
    commitment, and the best of each other model is an ommer. When none meets them and time ran out, the
    highest score wins without ommers. When none qualifies, the reason tells whether the committee found
    something for every choice.
    """
    reason = early_void_reason(ended)
    if reason is not VoidReason.NONE:
        return Judgement(None, (), reason)
    findings = ended.findings or ()
    for verdict, lost in _LOST_DATA.items():
        if any(finding.verdict is verdict for finding in findings):
            return Judgement(None, (), lost)
    qualified = [solution for solution in ended.judged if qualifies(ended, solution)]
    if not qualified:
        complete = all(finding.verdict is not Verdict.NONE for finding in findings)
        return Judgement(None, (), VoidReason.NONE_QUALIFIED if complete else VoidReason.NO_QUORUM)
    able = [solution for solution in qualified if meets_train(ended, solution)]
    meeting = [solution for solution in able if meets_test(ended, solution)]
    if meeting:
        best: dict[int, Solution] = {}
        for solution in _ranked(ended, meeting):
            best.setdefault(solution.choice, solution)
        winner, *ommers = best.values()
        return Judgement(winner, tuple(ommers), VoidReason.NONE)
    if ended.closed_early:
        trained = _ranked(ended, able)[0] if able else None
        return Judgement(None, (), VoidReason.THRESHOLD_MISSED, trained)
    return Judgement(_ranked(ended, qualified)[0], (), VoidReason.NONE)


def contenders(ended: EndedRound) -> tuple[Solution, ...]:
    """Return the solutions among which the reward is decided, best first; none where no committee sat.

    Those are what meets the thresholds. Where nothing does it is all that qualifies if time ran out, else
    what meets the training threshold, the first of which may be paid a part.
    """
    if early_void_reason(ended) is not VoidReason.NONE:
        return ()
    qualified = [solution for solution in ended.judged if qualifies(ended, solution)]
    able = [solution for solution in qualified if meets_train(ended, solution)]
    meeting = [solution for solution in able if meets_test(ended, solution)]
    return tuple(_ranked(ended, meeting or (able if ended.closed_early else qualified)))


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


def qualifies(ended: EndedRound, solution: Solution) -> bool:
    """Return whether a judged solution may win or be an ommer: found OK, and no claim of it is false."""
    return finding_of(ended, solution).verdict is Verdict.OK and not is_proven_bad(ended, solution)


def reaches_threshold(correct: int, terms: TaskTerms) -> bool:
    """Return whether so many correct predictions on the training set meet the training threshold."""
    return correct * BASIS_POINTS >= terms.required_train_accuracy * terms.train_count


def meets_train(ended: EndedRound, solution: Solution) -> bool:
    """Return whether a solution that qualifies meets the training threshold."""
    return reaches_threshold(finding_of(ended, solution).train_correct, ended.terms)


def meets_test(ended: EndedRound, solution: Solution) -> bool:
    """Return whether a solution that qualifies meets the test threshold where it binds."""
    terms, found = ended.terms, finding_of(ended, solution)
    return not ended.released or (
        found.test_correct * BASIS_POINTS >= terms.required_test_accuracy * terms.test_count
    )


def score(ended: EndedRound, solution: Solution) -> int:
    """Return what solutions are ranked by: the claim, on the test set where it was released.

    Of a solution that qualifies no claim is above what was found.
    """
    return solution.claimed_test_correct if ended.released else solution.claimed_train_correct


def is_proven_bad(ended: EndedRound, solution: Solution) -> bool:
    """Return whether a judged solution forfeits its bond: no model, a malformed one, a false claim."""
    finding = finding_of(ended, solution)
    if finding.verdict in (Verdict.UNAVAILABLE, Verdict.MALFORMED):
        return True
    if finding.verdict is not Verdict.OK:
        return False
    overclaimed_test = ended.released and solution.claimed_test_correct > finding.test_correct
    return overclaimed_test or solution.claimed_train_correct > finding.train_correct


def finding_of(ended: EndedRound, solution: Solution) -> Finding:
    """Return what was found of the model that a judged solution showed."""
    return (ended.findings or ())[solution.choice - 1]


def is_returned(ended: EndedRound, attempt: int) -> bool:
    """Return whether a challenge gets its bond back.

    It does when what stands in the end contradicts the tally it doubted, and when it drew no larger
    committee.
    """
    if ended.dropped and attempt == len(ended.challenges) - 1:
        return True
    return contradict(ended.challenges[attempt].findings, ended.findings or ())


def _ranked(ended: EndedRound, solutions: Sequence[Solution]) -> list[Solution]:
    return sorted(solutions, key=lambda solution: (-score(ended, solution), solution.order))
