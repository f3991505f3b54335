"""An Ethereum transaction: every event of PoLe's contracts in it, decoded."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from pole.explore.index.stored import event_of, record_of, shown
from pole.explore.schema import blocks, events
from pole.explore.views.blocks import fields_of
from pole.explore.views.looking import Look, NotThereError, Time

MAX_EVENTS: Final = 500


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event: its arguments, and where it is a record, its kind and fields; those are empty elsewhere."""

    log_index: int
    contract: str
    name: str
    kind: str | None
    arguments: dict[str, Any]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """An Ethereum transaction, by what PoLe's contracts said in it."""

    hash: bytes
    block: int
    time: Time
    events: tuple[EventLine, ...]


def transaction_page(look: Look, hash_: bytes) -> TransactionPage:
    """Return a transaction; raises NotThereError where no contract of PoLe's said anything in it."""
    asked = select(events, blocks.c.time).join(blocks, blocks.c.number == events.c.block)
    asked = asked.where(events.c.transaction == hash_).order_by(events.c.log_index)
    rows = look.rows(asked.limit(MAX_EVENTS))
    if not rows:
        raise NotThereError("PoLe's contracts have no event in that transaction, or it is not read yet.")
    return TransactionPage(hash_, rows[0].block, Time(rows[0].time), tuple(map(_line, rows)))


def _line(row: Any) -> EventLine:
    event = event_of(row)
    record = record_of(event)
    return EventLine(
        event.log_index,
        event.contract,
        event.name,
        None if record is None else type(record).__name__,
        shown(event.arguments),
        fields_of(record),
    )
