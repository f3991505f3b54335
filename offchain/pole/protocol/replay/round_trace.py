"""What the records of one round say, put in order: the trace that a round leaves in the bodies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    DrawArmed,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SeedDrawn,
    SolutionCommitted,
    SolutionDisplaced,
    SolutionRevealed,
    SubmissionsClosed,
    TallyChallenged,
    TestSeedDrawn,
    TestSetReleased,
    VoteCommitted,
    VoteLeaked,
    VoteRevealed,
)
from pole.protocol.idle.task import IDLE_TASK_ID

RoundRecord = (
    RoundOpened
    | SeedDrawn
    | KeysPosted
    | SolutionCommitted
    | SolutionDisplaced
    | SubmissionsClosed
    | TestSetReleased
    | TestSeedDrawn
    | SolutionRevealed
    | DrawArmed
    | CommitteeDrawn
    | VoteCommitted
    | VoteLeaked
    | VoteRevealed
    | TallyChallenged
    | Payouts
    | RoundVoided
)

# A challenge comes where it leads to: back before the draw. Votes leak while others are still committed.
_ORDER: Final[tuple[tuple[type[RecordData], ...], ...]] = (
    (RoundOpened,),
    (DrawArmed,),
    (SeedDrawn,),
    (KeysPosted,),
    (SolutionCommitted, SolutionDisplaced),
    (SubmissionsClosed,),
    (DrawArmed,),
    (TestSetReleased, TestSeedDrawn),
    (SolutionRevealed,),
    (TallyChallenged,),
    (DrawArmed,),
    (CommitteeDrawn,),
    (VoteCommitted, VoteLeaked),
    (VoteRevealed,),
    (Payouts,),
    (RoundVoided,),
)
_NAMED_FOR_TEST_SEED: Final = 6
Kind = TypeVar("Kind", bound=RoundRecord)


Drawn = SeedDrawn | TestSeedDrawn | CommitteeDrawn


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw, and the Ethereum block that was named last before it; its mix is in the record."""

    record: Drawn
    draw_block: int


@dataclass(frozen=True, slots=True)
class BallotTrace:
    """The records of one ballot: its committee, and the votes that were committed, leaked and revealed."""

    ballot_id: int
    drawn: CommitteeDrawn
    commitments: tuple[VoteCommitted, ...]
    leaks: tuple[VoteLeaked, ...]
    reveals: tuple[VoteRevealed, ...]


@dataclass(frozen=True, slots=True)
class RoundTrace:
    """The records of one round by kind; None for what has not happened (yet).

    `ballots` are by attempt. `challenges[n]` challenged the tally of attempt n; where that drew no larger
    committee, there are as many challenges as ballots. `draws` are in the order made.
    """

    opened: RoundOpened
    seed: SeedDrawn | None
    keys: KeysPosted | None
    submissions: tuple[SolutionCommitted | SolutionDisplaced, ...]
    closed: SubmissionsClosed | None
    test: TestSetReleased | None
    test_seed: TestSeedDrawn | None
    reveals: tuple[SolutionRevealed, ...]
    ballots: tuple[BallotTrace, ...]
    challenges: tuple[TallyChallenged, ...]
    payouts: Payouts | None
    voided: RoundVoided | None
    draws: tuple[Draw, ...]

    @property
    def commitments(self) -> tuple[SolutionCommitted, ...]:
        """Return all commitments, replaced and displaced ones too."""
        return _all(self.submissions, SolutionCommitted)

    @property
    def released(self) -> bool:
        """Return whether there was a test set."""
        return self.test is not None or self.test_seed is not None


def trace(records: Sequence[RecordData]) -> RoundTrace:
    """Return the trace; raises IntegrityError when phases are out of order or something happened twice."""
    opened = _only(records, RoundOpened)
    if opened is None:
        raise IntegrityError("there is no RoundOpened record")
    attempts = _by_attempt(records)
    for attempt in attempts:
        _check_order(attempt, idle=opened.task_id == IDLE_TASK_ID)
    found = [_ballot(each, ballot_id(opened.round_id, n)) for n, each in enumerate(attempts)]
    ballots = tuple(ballot for ballot in found if ballot is not None)
    if None in found[:-1]:
        raise IntegrityError("a tally was challenged where no committee was drawn")
    return RoundTrace(
        opened=opened,
        seed=_only(records, SeedDrawn),
        keys=_only(records, KeysPosted),
        submissions=tuple(
            record for record in records if isinstance(record, SolutionCommitted | SolutionDisplaced)
        ),
        closed=_only(records, SubmissionsClosed),
        test=_only(records, TestSetReleased),
        test_seed=_only(records, TestSeedDrawn),
        reveals=_all(records, SolutionRevealed),
        ballots=ballots,
        challenges=_all(records, TallyChallenged),
        payouts=_only(records, Payouts),
        voided=_only(records, RoundVoided),
        draws=_draws(records),
    )


def _by_attempt(records: Sequence[RecordData]) -> list[list[RecordData]]:
    """Return the records cut before each challenge."""
    attempts: list[list[RecordData]] = [[]]
    for record in records:
        if isinstance(record, TallyChallenged):
            attempts.append([])
        attempts[-1].append(record)
    return attempts


def _check_order(records: Sequence[RecordData], *, idle: bool) -> None:
    place = 0
    for earlier, later in zip([None, *records], records, strict=False):
        possible = [n for n in range(place, len(_ORDER)) if isinstance(later, _ORDER[n])]
        if not possible:
            raise IntegrityError(
                f"a {type(later).__name__} record comes after a {type(earlier).__name__} record"
            )
        place = possible[0]
        if place == _NAMED_FOR_TEST_SEED and not idle:
            raise IntegrityError("a block was named although the round waited for no draw")


def _draws(records: Sequence[RecordData]) -> tuple[Draw, ...]:
    """Return every draw with the block named last before it; raises IntegrityError where none was named."""
    draws: list[Draw] = []
    named = 0
    for record in records:
        if isinstance(record, RoundOpened | DrawArmed):
            named = record.draw_block
        elif isinstance(record, Drawn):
            if named == 0:
                raise IntegrityError(
                    f"a {type(record).__name__} record comes before a block was named for it"
                )
            draws.append(Draw(record, named))
            named = 0
        elif isinstance(record, SolutionRevealed):
            # Who reveals can know the mix of a block named before, for a test seed that nobody drew.
            named = 0
    return tuple(draws)


def _ballot(records: Sequence[RecordData], number: int) -> BallotTrace | None:
    drawn = _only(records, CommitteeDrawn)
    votes = [each for each in records if isinstance(each, VoteCommitted | VoteLeaked | VoteRevealed)]
    if drawn is None:
        if votes:
            raise IntegrityError("there are votes, but no committee was drawn")
        return None
    if any(vote.ballot_id != number for vote in votes):
        raise IntegrityError(f"there are votes of another ballot than {number}, the open one")
    committed: set[str] = set()
    for vote in votes:
        if isinstance(vote, VoteCommitted):
            committed.add(vote.verifier)
        elif isinstance(vote, VoteLeaked) and vote.verifier not in committed:
            raise IntegrityError(f"a vote of {vote.verifier} was leaked before it was committed")
    return BallotTrace(
        number, drawn, _all(records, VoteCommitted), _all(records, VoteLeaked), _all(records, VoteRevealed)
    )


def _all(records: Sequence[RecordData], kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(record for record in records if isinstance(record, kind))


def _only(records: Sequence[RecordData], kind: type[Kind]) -> Kind | None:
    found = _all(records, kind)
    if len(found) > 1:
        raise IntegrityError(f"there are {len(found)} {kind.__name__} records")
    return found[0] if found else None
