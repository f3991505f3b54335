"""A task's events as a node shows them, for tests: posted, trained for, voted on, won or void."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pole.adapters.ethereum.events.event_index import Event
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import (
    CommitteeDrawn,
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    SolutionCommitted,
    SolutionDisplaced,
    SolutionRevealed,
    SubmissionsClosed,
    TallyChallenged,
    TaskCancelled,
    TaskPosted,
    TestSetReleased,
    VoteCommitted,
    VoteRevealed,
    encode_record,
)
from pole.protocol.state import (
    Header,
    Payout,
    PayoutReason,
    PostedTask,
    TaskFiles,
    TaskTerms,
    Verdict,
    VoidReason,
    Vote,
)

OWNER, WINNER, OTHER, VERA, VICTOR = (f"0x{letter * 40}" for letter in "12345")
ZERO = bytes(32)
TERMS = TaskTerms(10**18, 10**17, 300, 0, 10**16, 1, 9500, 0, 120, 30, 0)
FILES = TaskFiles("bafyspec", ZERO, "bafytrain", ZERO, ZERO, ZERO)
TASK = PostedTask(4, OWNER, TERMS, FILES)
ROUND = 3
BALLOT = ballot_id(ROUND, 0)
VOTES = (Vote(Verdict.OK, 118, 29, ZERO), Vote(Verdict.UNAVAILABLE, 0, 0, ZERO))
HEADER = Header(2, ZERO, ROUND, 4, WINNER, bytes([7]) * 32, 118, 29, ZERO, ZERO, 1_800_000_000)

BEGUN: tuple[RecordData, ...] = (
    TaskPosted(4, OWNER, ZERO, ZERO),
    RoundOpened(ROUND, 4, ZERO, 12),
    KeysPosted(ROUND, "bafykeys", ZERO),
    SolutionCommitted(ROUND, WINNER, ZERO, 118),
    SolutionCommitted(ROUND, OTHER, ZERO, 116),
)
JUDGED: tuple[RecordData, ...] = (
    SolutionDisplaced(ROUND, OTHER),
    SubmissionsClosed(ROUND),
    TestSetReleased(ROUND, "bafytest", ZERO),
    SolutionRevealed(ROUND, WINNER, "bafymodel", ZERO, 118, 29),
    SolutionRevealed(ROUND, OTHER, "bafyother", bytes([1]) * 32, 116, 28),
    CommitteeDrawn(ROUND, ZERO, ZERO, (VERA, VICTOR)),
    VoteCommitted(BALLOT, VERA, ZERO),
    VoteRevealed(BALLOT, VERA, ZERO),
    TallyChallenged(ROUND, 0, OTHER, 5 * 10**16),
    Payouts(ROUND, (Payout(WINNER, PayoutReason.TASK_REWARD, 9 * 10**17),)),
)
VOID = RoundVoided(ROUND, VoidReason.THRESHOLD_MISSED)
CANCELLED = TaskCancelled(4)
OTHERS: tuple[RecordData, ...] = (
    TaskPosted(5, OWNER, ZERO, ZERO),
    RoundOpened(8, 5, ZERO, 12),
    SolutionCommitted(8, OTHER, ZERO, 1),
)


def snapshot(*records: RecordData, won: bool = False) -> dict[str, tuple[Event, ...]]:
    """Return the events of a node that shows these records, and the block of task 4 if it is `won`."""
    events = {
        "Recorded": tuple(_recorded(number, data) for number, data in enumerate(records)),
        "TaskPosted": (
            _event("TaskPosted", 0, taskId=4, owner=OWNER, terms=struct(TERMS), files=struct(FILES)),
        ),
        "VoteRevealed": (
            _event("VoteRevealed", 9, ballotId=BALLOT, verifier=VERA, votes=tuple(map(struct, VOTES))),
        ),
        "TaskTaken": tuple(
            _event("TaskTaken", 1, taskId=data.task_id, roundId=data.round_id)
            for data in records
            if isinstance(data, RoundOpened)
        ),
        "TaskCancelled": tuple(
            _event("TaskCancelled", 1, taskId=data.task_id)
            for data in records
            if isinstance(data, TaskCancelled)
        ),
    }
    genesis = Header(0, ZERO, 0, 0, OWNER, ZERO, 0, 0, ZERO, ZERO, 0)
    blocks = (genesis, *((HEADER,) if won else ()))
    events["BlockAppended"] = tuple(
        _event("BlockAppended", 20, header=struct(each), hash=ZERO, ommers=()) for each in blocks
    )
    return events


def struct(value: Any) -> Mapping[str, Any]:
    """Return a struct as web3 gives it."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _recorded(number: int, data: RecordData) -> Event:
    kind, encoded = encode_record(data)
    return _event("Recorded", number, height=2, index=number, kind=int(kind), data=encoded)


def _event(name: str, block: int, **arguments: Any) -> Event:
    return Event(name, arguments, block, f"0x{block:064x}")
