"""An Ethereum transaction: every event of PoLe's contracts in it, decoded."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from pole.explore.index.stored import event_of, record_of, shown
from pole.explore.schema import blocks, events, transactions
from pole.explore.views.blocks import fields_of
from pole.explore.views.looking import Ether, Look, NotThereError, Time

MAX_EVENTS: Final = 500
"""Events of a page at most: a contract can have PoLe's emit more in one transaction."""


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
    """An Ethereum transaction, by what PoLe's contracts said in it, and what it cost its sender.

    `events` are the first; `has_more_events` says whether there are any after them. `gas` was used at a
    `price` of so many wei; `sender` and they are None where the node gave no receipt.
    """

    hash: bytes
    block: int
    time: Time
    sender: str | None
    gas: int | None
    price: Ether | None
    paid: Ether | None
    events: tuple[EventLine, ...]
    has_more_events: bool


def transaction_page(look: Look, hash_: bytes) -> TransactionPage:
    """Return a transaction; raises NotThereError where no contract of PoLe's said anything in it."""
    asked = select(events, blocks.c.time).join(blocks, blocks.c.number == events.c.block)
    asked = asked.where(events.c.transaction == hash_).order_by(events.c.log_index)
    rows = look.rows(asked.limit(MAX_EVENTS + 1))
    if not rows:
        raise NotThereError("PoLe's contracts have no event in that transaction, or it is not read yet.")
    is_it = (transactions.c.block == rows[0].block, transactions.c.transaction == hash_)
    cost = look.rows(select(transactions).where(*is_it))[0]
    return TransactionPage(
        hash=hash_,
        block=rows[0].block,
        time=Time(rows[0].time),
        sender=cost.sender,
        gas=cost.gas,
        price=cost.price,
        paid=cost.paid,
        events=tuple(map(_line, rows[:MAX_EVENTS])),
        has_more_events=len(rows) > MAX_EVENTS,
    )


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
