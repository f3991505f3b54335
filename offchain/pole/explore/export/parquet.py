"""Every table of the index, and every kind of record, as a Parquet file: one that any data tool reads.

Bytes are 0x and digits, amounts of wei are decimals of 38 digits, times are seconds since the epoch.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final, get_type_hints

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet
from sqlalchemy import Connection, Engine, LargeBinary, String, Table, Text, select

from pole.adapters.ethereum.decoding import to_record
from pole.errors import DiskError
from pole.explore import schema
from pole.explore.database import Signed, Wei, Words, storable
from pole.explore.index.stored import event_of
from pole.protocol.encoding.records import decode_record, kind_name, record_type
from pole.protocol.state import Payout, RecordKind
from pole.quoting import reason

BATCH: Final = 10_000
"""Rows in memory at a time."""

_WEI: Final = pa.decimal128(38, 0)
_PAYOUTS: Final = pa.list_(pa.struct([("payee", pa.string()), ("reason", pa.string()), ("amount", _WEI)]))
_PLACE: Final = (
    ("height", pa.int64()),
    ("index", pa.int64()),
    ("block", pa.int64()),
    ("time", pa.int64()),
    ("transaction", pa.string()),
)
_WEI_FIELDS: Final = frozenset({"bond"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and how many rows it has."""

    file: Path
    rows: int


def write_tables(engine: Engine, folder: Path) -> tuple[Written, ...]:
    """Write all tables and records into a folder, which is made, one file each; return what was written.

    Raises DiskError where it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            tables = [_write_table(connection, table, folder) for table in schema.METADATA.sorted_tables]
            return (*tables, *_write_records(connection, folder))
    except OSError as error:
        raise DiskError(f"The tables cannot be written to {folder}: {reason(error)}.") from error


def _write_table(connection: Connection, table: Table, folder: Path) -> Written:
    columns = [(column.name, _type(column.type)) for column in table.columns]
    rows = connection.execution_options(yield_per=BATCH).execute(select(table))
    return _write(folder / f"{table.name}.parquet", pa.schema(columns), (row._asdict() for row in rows))


def _type(of: Any) -> pa.DataType:
    if isinstance(of, Wei | Signed):
        return _WEI
    if isinstance(of, String | Text | Words | LargeBinary):
        return pa.string()
    return pa.bool_() if of.python_type is bool else pa.int64()


def _write_records(connection: Connection, folder: Path) -> Iterator[Written]:
    for kind in RecordKind:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind_name(kind)).lower()
        hints = get_type_hints(record_type(kind)).items()
        columns = [*_PLACE, *((field, _field(field, hint)) for field, hint in hints)]
        yield _write(folder / f"record_{name}.parquet", pa.schema(columns), _records(connection, kind))


def _field(name: str, hint: Any) -> pa.DataType:
    if name in _WEI_FIELDS:
        return _WEI
    if hint == tuple[Payout, ...]:
        return _PAYOUTS
    if hint == tuple[str, ...]:
        return pa.list_(pa.string())
    return pa.int64() if hint is int else pa.string()


def _records(connection: Connection, kind: RecordKind) -> Iterator[Row]:
    """Return the records of a kind, oldest first, as rows."""
    table, blocks = schema.events, schema.blocks
    found = (
        select(table, blocks.c.time)
        .join(blocks, blocks.c.number == table.c.block)
        .where(table.c.name == "Recorded", table.c.kind == int(kind))
        .order_by(table.c.block, table.c.log_index)
    )
    for row in connection.execution_options(yield_per=BATCH).execute(found):
        event = event_of(row)
        record = to_record(event.arguments)
        place = {"height": record.height, "index": record.index, "block": event.block, "time": row.time}
        yield {**place, "transaction": event.transaction, **asdict(decode_record(record))}


def _write(file: Path, columns: pa.Schema, rows: Iterable[Row]) -> Written:
    count, waiting = 0, iter(rows)
    with parquet.ParquetWriter(file, columns, compression="zstd") as writer:
        while batch := list(islice(waiting, BATCH)):
            plain = [{name: _plain(value) for name, value in row.items()} for row in batch]
            writer.write_table(pa.Table.from_pylist(plain, schema=columns))
            count += len(batch)
    return Written(file, count)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
