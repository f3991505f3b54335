"""PoLe blocks: their headers, the ommers they reference, their records and the proofs of these."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from pole.adapters.ethereum.decoding import to_record
from pole.errors import IntegrityError
from pole.explore.index.stored import event_of, events_where, record_of, shown
from pole.explore.schema import blocks, events, ommers, pole_blocks
from pole.explore.views.looking import ROWS, Look, NotThereError, Time, paged
from pole.protocol.encoding.records import RecordData, kind_name
from pole.protocol.replay.proofs import proof_of, verify_proof, write_proof
from pole.protocol.state import Header, Record


@dataclass(frozen=True, slots=True)
class BlockLine:
    """A PoLe block in a list."""

    height: int
    hash: bytes
    time: Time
    round_id: int
    task_id: int
    winner: str
    train_correct: int
    test_correct: int


@dataclass(frozen=True, slots=True)
class BlockList:
    """PoLe blocks, the newest first; `before` continues the list, None at its end."""

    lines: tuple[BlockLine, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class OmmerLine:
    """An ommer that a block references."""

    height: int
    miner: str
    model_digest: bytes
    correct: int
    total: int


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record of a block's body, decoded: its fields by name, bytes as 0x and digits."""

    index: int
    kind: str
    fields: dict[str, Any]
    time: Time
    block: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class BlockPage:
    """A PoLe block; `records` from number `first` on, of `count`. `next_first` continues them."""

    header: Header
    hash: bytes
    ethereum_block: int
    ommers: tuple[OmmerLine, ...]
    records: tuple[RecordLine, ...]
    count: int
    first: int
    next_first: int | None


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A record with the proof that it is in its block, which was checked; `proof` is the file's text."""

    height: int
    hash: bytes
    record: RecordLine
    siblings: tuple[bytes, ...]
    proof: str


def block_list(look: Look, before: int | None) -> BlockList:
    """Return PoLe blocks, those below height `before`."""
    asked = select(pole_blocks).order_by(pole_blocks.c.height.desc()).limit(ROWS + 1)
    if before is not None:
        asked = asked.where(pole_blocks.c.height < before)
    lines, more = paged([block_line(row) for row in look.rows(asked)])
    return BlockList(lines, lines[-1].height if more else None)


def block_line(row: Any) -> BlockLine:
    """Return the line of a row of `pole_blocks`."""
    return BlockLine(
        height=row.height,
        hash=row.hash,
        time=Time(row.time),
        round_id=row.round_id,
        task_id=row.task_id,
        winner=row.winner,
        train_correct=row.train_correct,
        test_correct=row.test_correct,
    )


def block_page(look: Look, height: int, first: int) -> BlockPage:
    """Return a PoLe block with ROWS of its records; raises NotThereError without one."""
    row = _block(look, height)
    count = look.value(select(func.count()).select_from(events).where(events.c.height == height))
    named = look.rows(select(ommers).where(ommers.c.in_height == height).order_by(ommers.c.place))
    after = first + ROWS
    return BlockPage(
        header=_header(row),
        hash=row.hash,
        ethereum_block=row.block,
        ommers=tuple(
            OmmerLine(each.height, each.miner, each.model_digest, each.correct, each.total) for each in named
        ),
        records=_records(look, height, first),
        count=count,
        first=first,
        next_first=after if after < count else None,
    )


def record_page(look: Look, height: int, index: int) -> RecordPage:
    """Return a record of a block with its proof, checked against the block's hash.

    Raises NotThereError without such a record, IntegrityError where the proof does not hold.
    """
    row = _block(look, height)
    body = _body(look, height)
    if not 0 <= index < len(body):
        raise NotThereError(f"Block {height} has no record {index}: {_numbered(len(body))}.")
    proof = proof_of(_header(row), body, index)
    verify_proof(proof, row.hash)
    (line,) = _records(look, height, index)[:1]
    return RecordPage(height, row.hash, line, proof.inclusion.siblings, write_proof(proof).decode())


def _numbered(count: int) -> str:
    return (
        f"its records are 0 to {count - 1}"
        if count > 1
        else ("it has record 0 alone" if count else "it has none")
    )


def _block(look: Look, height: int) -> Any:
    row = look.row(select(pole_blocks).where(pole_blocks.c.height == height))
    if row is None:
        newest = look.value(select(func.max(pole_blocks.c.height)))
        raise NotThereError(f"There is no block at height {height}; the newest is at {newest}.")
    return row


def _header(row: Any) -> Header:
    return Header(
        height=row.height,
        parent_hash=row.parent_hash,
        round_id=row.round_id,
        task_id=row.task_id,
        winner=row.winner,
        model_digest=row.model_digest,
        train_correct=row.train_correct,
        test_correct=row.test_correct,
        ommers_hash=row.ommers_hash,
        body_root=row.body_root,
        timestamp=row.time,
    )


def _body(look: Look, height: int) -> list[Record]:
    found = events_where(look.connection, events.c.height == height)
    body = [to_record(event.arguments) for event in found]
    if [record.index for record in body] != list(range(len(body))):
        raise IntegrityError(f"The index lacks records of the block at height {height}.")
    return body


def _records(look: Look, height: int, first: int) -> tuple[RecordLine, ...]:
    asked = select(events, blocks.c.time).join(blocks, blocks.c.number == events.c.block)
    asked = asked.where(events.c.height == height).order_by(events.c.block, events.c.log_index)
    return tuple(_record(row) for row in look.rows(asked.offset(first).limit(ROWS)))


def _record(row: Any) -> RecordLine:
    event = event_of(row)
    record = to_record(event.arguments)
    return RecordLine(
        index=record.index,
        kind=kind_name(record.kind),
        fields=fields_of(record_of(event)),
        time=Time(row.time),
        block=event.block,
        transaction=event.transaction,
    )


def fields_of(data: RecordData | None) -> dict[str, Any]:
    """Return what a record says by name, bytes as 0x and digits; nothing of no record."""
    return {name: _plain(getattr(data, name)) for name in getattr(type(data), "__slots__", ())}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__slots__") and not isinstance(value, int | str | bytes):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return getattr(value, "name", None) or shown(value)
