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
    "enum", ["Phase", "Step", "VoidReason", "Verdict", "BallotStage", "RecordKind", "PayoutReason"]
)
def test_an_enum_has_the_members_of_ours_in_the_same_order(enum: str) -> None:
    ours: type[IntEnum] = getattr(state, enum)
    assert [member.name.replace("_", "") for member in ours] == [name.upper() for name in members(enum)]


def test_a_round_is_decoded_field_by_field() -> None:
    terms = tuple(range(11))
    task = ("0xowner", 60, terms, b"test")
    clocks = (101, 102, 103, 104, 9)
    raw = (
        7,
        task,
        b"seed",
        b"keys",
        b"entropy",
        *clocks,
        4,
        5,
        3,
        2,
        1,
        6,
        1,
        *(True,) * 5,
        ["0xfirst", "0x0"],
    )
    found = to_round(3, raw)
    assert (found.round_id, found.task_id, found.data_node) == (3, 7, "0xowner")
    assert (found.judging_time, found.terms, found.test_digest) == (60, to_terms(terms), b"test")
    assert (found.seed, found.opened_at, found.since_block, found.draw_block) == (b"seed", 101, 103, 104)
    assert (found.step, found.void_reason) == (state.Step.CLOSED, state.VoidReason.NO_QUORUM)
    assert (found.height, found.committed, found.commitments, found.attempt) == (9, 3, 6, 1)
    assert found.challengers == ("0xfirst", "0x0")
