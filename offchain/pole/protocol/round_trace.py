"""What the records of one round say, put in order: the trace that a round leaves in the bodies."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from pole.errors import IntegrityError
from pole.protocol.records import (
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SolutionCommitted,
    SolutionRevealed,
    SubmissionsClosed,
    TestSeedDrawn,
    TestSetReleased,
    VoteCommitted,
    VoteRevealed,
)
from pole.protocol.state import Solution

RoundRecord = (
    RoundOpened
    | KeysPosted
    | SolutionCommitted
    | SubmissionsClosed
    | TestSetReleased
    | TestSeedDrawn
    | SolutionRevealed
    | DrawArmed
    | CommitteeDrawn
    | VoteCommitted
    | VoteRevealed
    | Payouts
    | RoundVoided
)

_ORDER: Final[tuple[type[RecordData], ...]] = (
    RoundOpened,
    KeysPosted,
    SolutionCommitted,
    SubmissionsClosed,
    TestSetReleased,
    TestSeedDrawn,
    SolutionRevealed,
    DrawArmed,
    CommitteeDrawn,
    VoteCommitted,
    VoteRevealed,
    Payouts,
    RoundVoided,
)
Kind = TypeVar("Kind", bound=RoundRecord)


@dataclass(frozen=True, slots=True)
class RoundTrace:
    """The records of one round by kind; None for what has not happened (yet)."""

    opened: RoundOpened
    keys: KeysPosted | None
    commitments: tuple[SolutionCommitted, ...]
    closed: SubmissionsClosed | None
    test: TestSetReleased | None
    test_seed: TestSeedDrawn | None
    reveals: tuple[SolutionRevealed, ...]
    drawn: CommitteeDrawn | None
    vote_commitments: tuple[VoteCommitted, ...]
    vote_reveals: tuple[VoteRevealed, ...]
    payouts: Payouts | None
    voided: RoundVoided | None

    @property
    def released(self) -> bool:
        """Return whether there was a test set."""
        return self.test is not None or self.test_seed is not None


def trace(records: Sequence[RecordData]) -> RoundTrace:
    """Return the trace; raises IntegrityError when phases are out of order or something happened twice."""
    places = [_ORDER.index(type(record)) for record in records]
    for earlier, later in pairwise(places):
        if later < earlier:
            raise IntegrityError(
                f"a {_ORDER[later].__name__} record comes after a {_ORDER[earlier].__name__} record"
            )
    opened = _only(records, RoundOpened)
    if opened is None:
        raise IntegrityError("there is no RoundOpened record")
    return RoundTrace(
        opened=opened,
        keys=_only(records, KeysPosted),
        commitments=_all(records, SolutionCommitted),
        closed=_only(records, SubmissionsClosed),
        test=_only(records, TestSetReleased),
        test_seed=_only(records, TestSeedDrawn),
        reveals=_all(records, SolutionRevealed),
        drawn=_only(records, CommitteeDrawn),
        vote_commitments=_all(records, VoteCommitted),
        vote_reveals=_all(records, VoteRevealed),
        payouts=_only(records, Payouts),
        voided=_only(records, RoundVoided),
    )


def _all(records: Sequence[RecordData], kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(record for record in records if isinstance(record, kind))


def _only(records: Sequence[RecordData], kind: type[Kind]) -> Kind | None:
    found = _all(records, kind)
    if len(found) > 1:
        raise IntegrityError(f"there are {len(found)} {kind.__name__} records")
    return found[0] if found else None


def solutions(traced: RoundTrace) -> tuple[Solution, ...]:
    """Return the round's solutions in the order of first commitment, `choice` as the ballot has it.

    Raises IntegrityError when a miner revealed without a commitment, twice, or another train count than it
    had committed to.
    """
    latest = {each.miner: (order, each) for order, each in enumerate(traced.commitments)}
    reveals = {each.miner: each for each in traced.reveals}
    if len(reveals) != len(traced.reveals):
        raise IntegrityError("a miner revealed twice")
    for miner, reveal in reveals.items():
        if miner not in latest:
            raise IntegrityError(f"miner {miner} revealed without a commitment")
        if latest[miner][1].claimed_train_correct != reveal.claimed_train_correct:
            raise IntegrityError(f"miner {miner} revealed another train count than it committed to")
    judged = traced.drawn.judged if traced.drawn else ()
    return tuple(
        _solution(commitment, order, reveals.get(miner), judged)
        for miner, (order, commitment) in latest.items()
    )


def _solution(
    commitment: SolutionCommitted, order: int, reveal: SolutionRevealed | None, judged: Sequence[str]
) -> Solution:
    return Solution(
        miner=commitment.miner,
        commitment=commitment.commitment,
        model_digest=reveal.model_digest if reveal else bytes(32),
        claimed_train_correct=commitment.claimed_train_correct,
        claimed_test_correct=reveal.claimed_test_correct if reveal else 0,
        order=order,
        choice=judged.index(commitment.miner) + 1 if commitment.miner in judged else 0,
        revealed=reveal is not None,
    )
