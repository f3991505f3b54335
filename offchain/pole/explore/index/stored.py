"""Events as the table `events` holds them, and back."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from pole.adapters.ethereum.decoding import to_record
from pole.adapters.history.pages import ChainEvent
from pole.explore.index.money import POOL, STAKES
from pole.explore.schema import events
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.records import RecordData, decode_record, round_of

RESERVOIR: Final = "RewardReservoir"

_BESIDE: Final = frozenset({"SeatLeft", "Deposited", "Credited", "Transferred"})
"""Events that may name no round in the midst of one's: a penalty unseats, and strangers move money too."""

_LARGEST: Final = 2**63 - 1
"""The largest number of a round or a task that a table has room for: none that exists is larger."""

BYTES: Final = "0x"
"""The only key of an object that stands for bytes: an argument of an event has no such name."""


def written(arguments: Mapping[str, Any]) -> str:
    """Return an event's arguments as JSON, bytes as an object whose one member has their digits."""
    return json.dumps(arguments, default=_plain, separators=(",", ":"))


def read(text: str) -> Any:
    """Return the arguments of an event that `written` wrote."""
    return json.loads(text, object_hook=_bytes)


def shown(value: Any) -> Any:
    """Return arguments as a program of others reads them: bytes as 0x and digits, large numbers as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: shown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [shown(each) for each in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def record_of(event: ChainEvent) -> RecordData | None:
    """Return what the record of an event says, None where it is no event of a record."""
    return _decoded(to_record(event.arguments)) if event.name == "Recorded" else None


# A record is read when it comes, and again with all others of its round each time that one of them comes.
_decoded: Final = lru_cache(maxsize=2**14)(decode_record)


def subjects(event: ChainEvent, record: RecordData | None) -> tuple[int | None, int | None, int | None]:
    """Return of which round, of which task, and of the body at which height an event is.

    A number that no table has room for is none: contracts take whatever a stranger names.
    """
    round_id, task_id, height = _named(event, record)
    return _kept(round_id), _kept(task_id), _kept(height)


def _named(event: ChainEvent, record: RecordData | None) -> tuple[int | None, int | None, int | None]:
    if record is not None:
        return round_of(record), getattr(record, "task_id", None), event.arguments["height"]
    told = event.arguments
    if event.name == "BlockAppended":
        # The genesis block ends no round.
        return told["header"]["roundId"] or None, None, None
    if "ballotId" in told:
        return round_and_attempt(told["ballotId"])[0], None, None
    if event.contract == "TaskList":
        return None, told.get("taskId"), None
    return told.get("roundId"), None, None


def _kept(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= _LARGEST else None


def rows_of(
    happened: Sequence[tuple[ChainEvent, RecordData | None]], chain_address: str, committee_address: str
) -> list[dict[str, Any]]:
    """Return the rows of events, in the order they happened and with those of whole transactions.

    All rounds share the pool and the stakes: for which of them these pay is told by the event before.
    """
    shared = {(chain_address, POOL), (committee_address, STAKES)}
    rows: list[dict[str, Any]] = []
    leading: tuple[bytes, int | None] = (b"", None)
    for event, record in happened:
        row = row_of(event, record)
        if event.contract == RESERVOIR:
            row["round_id"] = _own_round(event, chain_address)
        if event.transaction == leading[0] and row["round_id"] is None and _payer(event) in shared:
            row["round_id"] = leading[1]
        elif row["round_id"] is not None or event.name not in _BESIDE:
            leading = (event.transaction, row["round_id"])
        rows.append(row)
    return rows


def _own_round(event: ChainEvent, chain_address: str) -> int | None:
    """Return the round whose account of the chain a movement of money changes, None where it changes none."""
    told = event.arguments
    pairs = (("holder", "account"), ("fromHolder", "fromAccount"), ("toHolder", "toAccount"))
    for holder, account in pairs:
        if told.get(holder) == chain_address:
            # Accounts of other kinds are hashes.
            round_id = _kept(int.from_bytes(told[account], "big"))
            if round_id:
                return round_id
    return None


def _payer(event: ChainEvent) -> tuple[str, str] | None:
    """Return the holder and the account that money comes from, None where it comes from none."""
    told = event.arguments
    match event.contract, event.name:
        case "RewardReservoir", "Credited":
            return told["holder"], f"0x{told['account'].hex()}"
        case "RewardReservoir", "Transferred":
            return told["fromHolder"], f"0x{told['fromAccount'].hex()}"
    return None


def row_of(event: ChainEvent, record: RecordData | None) -> dict[str, Any]:
    """Return an event's row."""
    round_id, task_id, height = subjects(event, record)
    return {
        "block": event.block,
        "log_index": event.log_index,
        "transaction": event.transaction,
        "contract": event.contract,
        "name": event.name,
        "arguments": written(event.arguments),
        "round_id": round_id,
        "task_id": task_id,
        "height": height,
        "kind": event.arguments["kind"] if event.name == "Recorded" else None,
    }


def event_of(row: Row[Any]) -> ChainEvent:
    """Return the event of a row of `events`."""
    return ChainEvent(row.block, row.log_index, row.transaction, row.contract, row.name, read(row.arguments))


def events_where(connection: Connection, condition: Any) -> list[ChainEvent]:
    """Return the events that meet a condition, in the order they happened."""
    rows = connection.execute(select(events).where(condition).order_by(events.c.block, events.c.log_index))
    return [event_of(row) for row in rows]


def _plain(value: Any) -> Any:
    return {BYTES: value.hex()} if isinstance(value, bytes) else dict(value)


def _bytes(members: dict[str, Any]) -> Any:
    return bytes.fromhex(members[BYTES]) if BYTES in members else members
