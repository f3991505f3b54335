"""Tuples and mappings, as contracts are decoded, into the values of `protocol.state`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Any, TypeVar

from pole.adapters.ethereum.events.event_index import Snapshot
from pole.errors import UnreachableError
from pole.protocol.state import (
    Ballot,
    BallotStage,
    Block,
    Finding,
    Header,
    Ommer,
    PostedTask,
    Record,
    RecordKind,
    Round,
    Solution,
    Step,
    TaskFiles,
    TaskTerms,
    Verdict,
    VoidReason,
    Vote,
)

Member = TypeVar("Member", bound=IntEnum)


def member(kind: type[Member], value: int) -> Member:
    """Return a member of an enum by its number. Raises UnreachableError where the contracts have no such."""
    try:
        return kind(value)
    except ValueError as error:
        raise UnreachableError(
            f"The Ethereum node gives {value} for a {kind.__name__}, which the contracts have not: it does "
            "not serve the contracts of the deployment file."
        ) from error


def to_terms(raw: Sequence[Any]) -> TaskTerms:
    """Return ITaskList.TaskTerms."""
    return TaskTerms(*raw)


def to_round(round_id: int, raw: Sequence[Any]) -> Round:
    """Return IPoLeChain.Round; its nested task is flattened."""
    task_id, (owner, judging_time, terms, test_digest), *rest = raw
    found = Round(round_id, task_id, owner, judging_time, to_terms(terms), test_digest, *rest)
    first, second = found.challengers
    return replace(
        found,
        step=member(Step, found.step),
        void_reason=member(VoidReason, found.void_reason),
        challengers=(first, second),
    )


def to_solution(raw: Sequence[Any]) -> Solution:
    """Return IPoLeChain.Solution."""
    return Solution(*raw)


def to_ballot(raw: Sequence[Any]) -> Ballot:
    """Return IVerifierCommittee.Ballot."""
    seats, choices, committed, revealed, stage, deadline, deadline_block = raw
    return Ballot(seats, choices, committed, revealed, member(BallotStage, stage), deadline, deadline_block)


def to_finding(raw: Sequence[Any]) -> Finding:
    """Return IVerifierCommittee.Finding."""
    verdict, train_correct, test_correct, fingerprint = raw
    return Finding(member(Verdict, verdict), train_correct, test_correct, fingerprint)


def to_vote(raw: Mapping[str, Any]) -> Vote:
    """Return IVerifierCommittee.Vote of an event."""
    verdict, train_correct, test_correct, predictions = _values(raw)
    return Vote(member(Verdict, verdict), train_correct, test_correct, predictions)


def to_header(raw: Mapping[str, Any]) -> Header:
    """Return ILedger.Header of an event."""
    return Header(*_values(raw))


def to_ommer(raw: Mapping[str, Any]) -> Ommer:
    """Return ILedger.Ommer of an event."""
    return Ommer(*_values(raw))


def to_posted_task(arguments: Mapping[str, Any]) -> PostedTask:
    """Return the task of a TaskPosted event."""
    return PostedTask(
        arguments["taskId"],
        arguments["owner"],
        to_terms(_values(arguments["terms"])),
        TaskFiles(*_values(arguments["files"])),
    )


def to_record(arguments: Mapping[str, Any]) -> Record:
    """Return the record of a Recorded event."""
    return Record(
        arguments["height"],
        arguments["index"],
        member(RecordKind, arguments["kind"]),
        bytes(arguments["data"]),
    )


def _values(raw: Mapping[str, Any]) -> list[Any]:
    # The structs of events are mappings in the order of the struct's fields.
    return list(raw.values())


def read_blocks(events: Snapshot) -> tuple[Block, ...]:
    """Return the PoLe blocks; the first is the genesis block, which the contract's construction appends."""
    return tuple(
        Block(
            to_header(event.arguments["header"]),
            bytes(event.arguments["hash"]),
            tuple(to_ommer(ommer) for ommer in event.arguments["ommers"]),
        )
        for event in events.get("BlockAppended", ())
    )
