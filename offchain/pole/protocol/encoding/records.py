"""The records of a body: what each kind's bytes say (ILedger.RecordKind names the fields).

`decode_record` and `encode_record` are inverse to each other; a decoder accepts the one canonical encoding
only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pole.errors import IntegrityError
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.abi import PAYOUT, decode, encode, payout_from_tuple, payout_tuple
from pole.protocol.encoding.hashing import address
from pole.protocol.state import Payout, Record, RecordKind, VoidReason


@dataclass(frozen=True, slots=True)
class TaskPosted:
    """A task entered the list; its terms and files by their hashes (pole.protocol.encoding.commitments)."""

    task_id: int
    owner: str
    terms_hash: bytes
    files_hash: bytes


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    """Its owner took a waiting task back."""

    task_id: int


@dataclass(frozen=True, slots=True)
class RoundOpened:
    """A round took a task; `draw_block` is the Ethereum block that will draw its seed."""

    round_id: int
    task_id: int
    parent_hash: bytes
    draw_block: int


@dataclass(frozen=True, slots=True)
class KeysPosted:
    """The data node posted the round's functional keys."""

    round_id: int
    keys_cid: str
    keys_digest: bytes


@dataclass(frozen=True, slots=True)
class SolutionCommitted:
    """A miner committed, for the first time or anew."""

    round_id: int
    miner: str
    commitment: bytes
    claimed_train_correct: int


@dataclass(frozen=True, slots=True)
class SubmissionsClosed:
    """Submissions were closed, by the data node before the time limit or by anybody after it."""

    round_id: int


@dataclass(frozen=True, slots=True)
class TestSetReleased:
    """The data node released the test set."""

    round_id: int
    test_cid: str
    test_digest: bytes


@dataclass(frozen=True, slots=True)
class SolutionRevealed:
    """A miner revealed its model."""

    round_id: int
    miner: str
    model_cid: str
    model_digest: bytes
    claimed_train_correct: int
    claimed_test_correct: int


@dataclass(frozen=True, slots=True)
class DrawArmed:
    """The Ethereum block was named whose mix draws what the round waits for; the opening names its own."""

    round_id: int
    draw_block: int


@dataclass(frozen=True, slots=True)
class CommitteeDrawn:
    """A committee was drawn, by the mix of the block named last.

    The n-th such record of a round is of attempt n - 1.
    """

    round_id: int
    mix: bytes
    entropy: bytes
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoteCommitted:
    """A member committed its votes (pole.protocol.ballots numbers ballots)."""

    ballot_id: int
    verifier: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class VoteRevealed:
    """A member revealed its votes; `votes_hash` is keccak256(abi.encode(Vote[]))."""

    ballot_id: int
    verifier: str
    votes_hash: bytes


@dataclass(frozen=True, slots=True)
class Payouts:
    """What was credited when the round ended."""

    round_id: int
    payouts: tuple[Payout, ...]


@dataclass(frozen=True, slots=True)
class RoundVoided:
    """The round ended without a block."""

    round_id: int
    reason: VoidReason


@dataclass(frozen=True, slots=True)
class TallyChallenged:
    """Somebody doubted the tally of an attempt, with a bond in wei; a larger committee follows."""

    round_id: int
    attempt: int
    challenger: str
    bond: int


@dataclass(frozen=True, slots=True)
class VoteLeaked:
    """Somebody showed a member's votes and salt before the reveals: that vote counts no more."""

    ballot_id: int
    verifier: str
    informer: str


@dataclass(frozen=True, slots=True)
class TestSeedDrawn:
    """The seed of an idle round's test set was drawn, by the mix of the block named last."""

    round_id: int
    mix: bytes
    test_seed: bytes


@dataclass(frozen=True, slots=True)
class SolutionDisplaced:
    """A miner lost its place to a higher claim, whose SolutionCommitted record follows."""

    round_id: int
    miner: str


@dataclass(frozen=True, slots=True)
class TaskReplaced:
    """A more valuable task took the place of a waiting one in a full list."""

    task_id: int
    by_task_id: int


@dataclass(frozen=True, slots=True)
class SeedDrawn:
    """The round's seed was drawn, by the mix of the block named last."""

    round_id: int
    mix: bytes
    seed: bytes


RecordData = (
    TaskPosted
    | TaskCancelled
    | RoundOpened
    | KeysPosted
    | SolutionCommitted
    | SubmissionsClosed
    | TestSetReleased
    | SolutionRevealed
    | DrawArmed
    | CommitteeDrawn
    | VoteCommitted
    | VoteRevealed
    | Payouts
    | RoundVoided
    | TallyChallenged
    | VoteLeaked
    | TestSeedDrawn
    | SolutionDisplaced
    | TaskReplaced
    | SeedDrawn
)


@dataclass(frozen=True, slots=True)
class _Column:
    """A field's ABI type and its way into Python and back."""

    abi: str
    load: Callable[[Any], Any]
    dump: Callable[[Any], Any]


def _same(value: object) -> object:
    return value


def _void_reason(value: int) -> VoidReason:
    try:
        return VoidReason(value)
    except ValueError as error:
        raise IntegrityError(f"A record gives the unknown void reason {value}.") from error


_NUMBER = _Column("uint256", _same, _same)
_COUNT = _Column("uint32", _same, _same)
_ATTEMPT = _Column("uint8", _same, _same)
_BLOCK = _Column("uint64", _same, _same)
_TEXT = _Column("string", _same, _same)
_HASH = _Column("bytes32", bytes, _same)
_ADDRESS = _Column("address", address, _same)
_ADDRESSES = _Column("address[]", lambda given: tuple(address(each) for each in given), _same)
_REASON = _Column("uint8", _void_reason, int)
_PAYOUTS = _Column(
    f"{PAYOUT}[]",
    lambda given: tuple(payout_from_tuple(each) for each in given),
    lambda payouts: [payout_tuple(each) for each in payouts],
)

_LAYOUTS: Final[dict[RecordKind, tuple[type[Any], tuple[_Column, ...]]]] = {
    RecordKind.TASK_POSTED: (TaskPosted, (_NUMBER, _ADDRESS, _HASH, _HASH)),
    RecordKind.TASK_CANCELLED: (TaskCancelled, (_NUMBER,)),
    RecordKind.ROUND_OPENED: (RoundOpened, (_NUMBER, _NUMBER, _HASH, _BLOCK)),
    RecordKind.KEYS_POSTED: (KeysPosted, (_NUMBER, _TEXT, _HASH)),
    RecordKind.SOLUTION_COMMITTED: (SolutionCommitted, (_NUMBER, _ADDRESS, _HASH, _COUNT)),
    RecordKind.SUBMISSIONS_CLOSED: (SubmissionsClosed, (_NUMBER,)),
    RecordKind.TEST_SET_RELEASED: (TestSetReleased, (_NUMBER, _TEXT, _HASH)),
    RecordKind.SOLUTION_REVEALED: (
        SolutionRevealed,
        (_NUMBER, _ADDRESS, _TEXT, _HASH, _COUNT, _COUNT),
    ),
    RecordKind.DRAW_ARMED: (DrawArmed, (_NUMBER, _BLOCK)),
    RecordKind.COMMITTEE_DRAWN: (CommitteeDrawn, (_NUMBER, _HASH, _HASH, _ADDRESSES)),
    RecordKind.VOTE_COMMITTED: (VoteCommitted, (_NUMBER, _ADDRESS, _HASH)),
    RecordKind.VOTE_REVEALED: (VoteRevealed, (_NUMBER, _ADDRESS, _HASH)),
    RecordKind.PAYOUTS: (Payouts, (_NUMBER, _PAYOUTS)),
    RecordKind.ROUND_VOIDED: (RoundVoided, (_NUMBER, _REASON)),
    RecordKind.TALLY_CHALLENGED: (TallyChallenged, (_NUMBER, _ATTEMPT, _ADDRESS, _NUMBER)),
    RecordKind.VOTE_LEAKED: (VoteLeaked, (_NUMBER, _ADDRESS, _ADDRESS)),
    RecordKind.TEST_SEED_DRAWN: (TestSeedDrawn, (_NUMBER, _HASH, _HASH)),
    RecordKind.SOLUTION_DISPLACED: (SolutionDisplaced, (_NUMBER, _ADDRESS)),
    RecordKind.TASK_REPLACED: (TaskReplaced, (_NUMBER, _NUMBER)),
    RecordKind.SEED_DRAWN: (SeedDrawn, (_NUMBER, _HASH, _HASH)),
}
_KINDS: Final = {layout[0]: kind for kind, layout in _LAYOUTS.items()}


def decode_record(record: Record) -> RecordData:
    """Return what a record says; raises IntegrityError when its bytes are not the encoding of its kind."""
    kind, columns = _LAYOUTS[record.kind]
    try:
        values = decode([column.abi for column in columns], record.data)
        data: RecordData = kind(*(column.load(value) for column, value in zip(columns, values, strict=True)))
    except IntegrityError as error:
        raise IntegrityError(
            f"Record {record.index} at height {record.height} is no {kind.__name__}: {error}"
        ) from error
    return data


def encode_record(data: RecordData) -> tuple[RecordKind, bytes]:
    """Return the kind and bytes that the contract records; raises InputError when a value does not fit."""
    kind = _KINDS[type(data)]
    columns = _LAYOUTS[kind][1]
    values = [getattr(data, name) for name in data.__slots__]
    return kind, encode(
        [column.abi for column in columns],
        [column.dump(value) for column, value in zip(columns, values, strict=True)],
    )


def round_of(data: RecordData) -> int | None:
    """Return the id of the round that a record speaks of, None for those of tasks."""
    if isinstance(data, TaskPosted | TaskCancelled | TaskReplaced):
        return None
    if isinstance(data, VoteCommitted | VoteRevealed | VoteLeaked):
        return round_and_attempt(data.ballot_id)[0]
    return data.round_id


def kind_name(kind: RecordKind) -> str:
    """Return the kind's Solidity name, as block bodies and tables show it."""
    name: str = _LAYOUTS[kind][0].__name__
    return name


def record_type(kind: RecordKind) -> type[RecordData]:
    """Return the class of the records of a kind."""
    found: type[RecordData] = _LAYOUTS[kind][0]
    return found


KIND_OF_NAME: Final = {kind_name(kind): kind for kind in RecordKind}
