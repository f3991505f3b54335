"""CSV and TSV files: every cell is a text, so that no column's type depends on which rows come first."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from pyarrow import csv as arrow_csv

from pole.errors import InputError
from pole.quoting import listed

DELIMITERS: Final = ",;\t|"
HEADER_BYTES: Final = 2**20
BLOCK_BYTES: Final = 2**23
MAX_COLUMNS: Final = 2**16
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DECIMAL_COMMA: Final = r"^\s*([+-]?\d*),(\d+)\s*$"


def delimited(path: Path) -> Iterator[Any]:
    """Yield the parts of a text table, which may be compressed by gzip.

    The delimiter is the one that the first line has most of: comma, semicolon, tab or bar. Where it is a
    semicolon, numbers with a decimal comma are written with a point.
    """
    delimiter, names = _header(path)
    with (
        pa.input_stream(str(path), compression="detect") as stream,
        arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types={name: pa.string() for name in names}),
        ) as batches,
    ):
        for batch in batches:
            table = pa.Table.from_batches([batch])
            yield _with_points(table) if delimiter == ";" else table


def _header(path: Path) -> tuple[str, list[str]]:
    with pa.input_stream(str(path), compression="detect") as stream:
        beginning = stream.read(HEADER_BYTES)
    if b"\0" in beginning:
        raise InputError(f"{path} is no text table; save it as CSV in UTF-8.")
    # What is cut off in the middle of a character is no fault of the file's.
    text = beginning.decode("utf-8-sig", errors="ignore" if len(beginning) == HEADER_BYTES else "strict")
    line = next((each for each in text.splitlines() if each.strip()), "")
    outside = re.sub(r'"[^"]*"', "", line)
    delimiter = "\t" if path.name.lower().endswith((".tsv", ".tab")) else max(DELIMITERS, key=outside.count)
    names = next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=None), delimiter=delimiter), [])
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{path} has {len(names):,} columns; PoLe reads {MAX_COLUMNS:,} at most.")
    if names and all(NUMBER.fullmatch(name.strip()) for name in names):
        raise InputError(
            f"The first line of {path} holds numbers ({listed(names[:3])}) and no names; write the columns' "
            "names above it."
        )
    return delimiter, names


def _with_points(table: Any) -> Any:
    """Return a table whose decimal commas are points; texts with a comma among other letters stay."""
    columns = [
        pc.replace_substring_regex(column, DECIMAL_COMMA, r"\1.\2")
        if pa.types.is_string(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
