"""How a solution ended: its rank, and what kept it from the reward."""

from dataclasses import dataclass
from enum import Enum

from pole.protocol.rounds.judgement import (
    EndedRound,
    Judgement,
    contenders,
    finding_of,
    is_proven_bad,
    meets_train,
    score,
)
from pole.protocol.state import Finding, Solution, Verdict, VoidReason


class Ending(Enum):
    """What became of an account's part in a round."""

    OPEN = "open"
    WON = "won"
    BEST_IN_TRAINING = "best-in-training"
    OUTRANKED = "outranked"
    SAME_MODEL = "same-model"
    BELOW_TRAINING_THRESHOLD = "below-training-threshold"
    BELOW_TEST_THRESHOLD = "below-test-threshold"
    FALSE_CLAIM = "false-claim"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"
    NO_FINDING = "no-finding"
    NOT_REVEALED = "not-revealed"
    DISPLACED = "displaced"
    VOID = "void"
    CHALLENGED = "challenged"
    OMMER = "ommer"


@dataclass(frozen=True, slots=True)
class SolutionEnding:
    """How a solution ended.

    `rank` is its place among those that the reward was decided among, from 1, None where it was not one of
    them. `found` is None where no committee judged it. `winner` is who won, None in a void round, and
    `behind` by how many samples of the set that decides it had more.
    """

    ending: Ending
    rank: int | None = None
    found: Finding | None = None
    winner: str | None = None
    behind: int = 0


def solution_ending(ended: EndedRound, judgement: Judgement, own: Solution) -> SolutionEnding:
    """Return how a solution of a round that has ended fared."""
    if not own.revealed:
        return SolutionEnding(Ending.NOT_REVEALED)
    if ended.findings is None:
        return SolutionEnding(Ending.VOID)
    ranked = contenders(ended)
    winner = judgement.winner
    return SolutionEnding(
        ending=_ending(ended, judgement, own),
        rank=ranked.index(own) + 1 if own in ranked else None,
        found=finding_of(ended, own),
        winner=None if winner is None else winner.miner,
        behind=0 if winner is None or own not in ranked else score(ended, winner) - score(ended, own),
    )


def _ending(ended: EndedRound, judgement: Judgement, own: Solution) -> Ending:
    if is_proven_bad(ended, own):
        return _guilt(finding_of(ended, own).verdict)
    if judgement.void_reason in (VoidReason.DATA_FAULT, VoidReason.DATA_UNAVAILABLE):
        return Ending.VOID
    if finding_of(ended, own).verdict is not Verdict.OK:
        return Ending.NO_FINDING
    if own == judgement.winner:
        return Ending.WON
    if own == judgement.trained:
        return Ending.BEST_IN_TRAINING
    if judgement.winner is not None and own in contenders(ended):
        return Ending.SAME_MODEL if own.choice == judgement.winner.choice else Ending.OUTRANKED
    return Ending.BELOW_TEST_THRESHOLD if meets_train(ended, own) else Ending.BELOW_TRAINING_THRESHOLD


def _guilt(verdict: Verdict) -> Ending:
    guilt = {Verdict.UNAVAILABLE: Ending.UNAVAILABLE, Verdict.MALFORMED: Ending.MALFORMED}
    return guilt.get(verdict, Ending.FALSE_CLAIM)
