"""Search: an address, a number, a hash, a digest or a CID, and the pages that have it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import is_address
from sqlalchemy import ColumnElement, select

from pole.explore.schema import events, pole_blocks, rounds, solutions, tasks
from pole.explore.views.looking import LARGEST, Look
from pole.protocol.encoding.hashing import address

MAX_QUERY: Final = 200
"""Characters of a question: the longest CID has 128."""

_PER_KIND: Final = 20
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_NUMBER: Final = re.compile(r"#?[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A page that has what was asked for: its path on this server, and what it is."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What was asked for, and the pages that have it."""

    question: str
    found: tuple[Found, ...]


def search_page(look: Look, question: str) -> SearchPage:
    """Return the pages that have what was asked for; of a question that is too long its beginning counts."""
    asked = question.strip()[:MAX_QUERY]
    if is_address(asked):
        found = [Found(f"/accounts/{address(asked)}", f"Account {address(asked)}")]
    elif _HASH.fullmatch(asked):
        found = _of_hash(look, bytes.fromhex(asked[2:]))
    elif _NUMBER.fullmatch(asked):
        found = _of_number(look, int(asked.lstrip("#")))
    else:
        found = _of_cid(look, asked) if asked else []
    return SearchPage(asked, tuple(found))


def _of_number(look: Look, number: int) -> list[Found]:
    if number > LARGEST:
        return []
    kinds = (
        (tasks, tasks.c.task_id, "tasks", "Task"),
        (rounds, rounds.c.round_id, "rounds", "Round"),
        (pole_blocks, pole_blocks.c.height, "blocks", "Block"),
    )
    return [
        Found(f"/{path}/{number}", f"{label} {number}")
        for table, column, path, label in kinds
        if look.row(select(table).where(column == number)) is not None
    ]


def _of_hash(look: Look, hash_: bytes) -> list[Found]:
    sent = look.row(select(events).where(events.c.transaction == hash_))
    found = [Found(f"/transactions/0x{hash_.hex()}", "Ethereum transaction")] if sent else []
    blocks = look.rows(select(pole_blocks).where(pole_blocks.c.hash == hash_).limit(_PER_KIND))
    found += [Found(f"/blocks/{row.height}", f"Block {row.height}") for row in blocks]
    return found + _rounds_with(look, solutions, solutions.c.model_digest == hash_, "a model of")


def _of_cid(look: Look, cid: str) -> list[Found]:
    named = select(tasks).where((tasks.c.spec_cid == cid) | (tasks.c.train_cid == cid)).limit(_PER_KIND)
    found = [Found(f"/tasks/{row.task_id}", f"a file of task {row.task_id}") for row in look.rows(named)]
    found += _rounds_with(look, solutions, solutions.c.model_cid == cid, "a model of")
    found += _rounds_with(look, rounds, rounds.c.keys_cid == cid, "the keys of")
    return found + _rounds_with(look, rounds, rounds.c.test_cid == cid, "the test set of")


def _rounds_with(look: Look, table: Any, condition: ColumnElement[bool], what: str) -> list[Found]:
    asked = select(table.c.round_id).where(condition).order_by(table.c.round_id.desc()).distinct()
    ids = look.connection.scalars(asked.limit(_PER_KIND))
    return [Found(f"/rounds/{round_id}", f"{what} round {round_id}") for round_id in ids]
