import dataclasses
import re
from enum import IntEnum
from typing import Any

import pytest
from tests.unit.adapters.interfaces import fields, members

from pole.adapters.ethereum.decoding import to_round, to_terms
from pole.protocol import state


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


@pytest.mark.parametrize(
    "struct", ["TaskTerms", "TaskFiles", "Solution", "Vote", "Finding", "Ballot", "Header", "Ommer", "Payout"]
)
def test_a_struct_has_the_fields_of_its_dataclass_in_the_same_order(struct: str) -> None:
    ours: Any = getattr(state, struct)
    assert [camel(field.name) for field in dataclasses.fields(ours)] == fields(struct)


def test_a_round_is_its_struct_with_the_task_flattened() -> None:
    ours = [camel(field.name) for field in dataclasses.fields(state.Round)]
    (task, *rest) = fields("Round")[1:]
    assert task == "task"
    assert ours == ["roundId", "taskId", "dataNode", *fields("Task")[1:], *rest]


@pytest.mark.parametrize(
    "enum", ["Phase", "VoidReason", "Verdict", "BallotStage", "RecordKind", "PayoutReason"]
)
def test_an_enum_has_the_members_of_ours_in_the_same_order(enum: str) -> None:
    ours: type[IntEnum] = getattr(state, enum)
    assert [member.name.replace("_", "") for member in ours] == [name.upper() for name in members(enum)]


def test_a_round_is_decoded_field_by_field() -> None:
    terms = tuple(range(11))
    task = ("0xowner", terms, b"test")
    middle = tuple(range(100, 116))
    raw = (7, task, *middle, 5, 1, 0, True, "0xchallenger", 9)
    found = to_round(3, raw)
    assert (found.round_id, found.task_id, found.data_node) == (3, 7, "0xowner")
    assert (found.terms, found.test_digest) == (to_terms(terms), b"test")
    ends: tuple[object, object] = (found.parent_hash, found.settled)
    assert ends == (100, 115)
    assert (found.void_reason, found.height) == (state.VoidReason.NO_QUORUM, 9)
    assert (found.attempt, found.challenged, found.dropped, found.challenger) == (1, 0, True, "0xchallenger")
