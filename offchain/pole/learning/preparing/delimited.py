"""CSV and TSV files: every cell is a text, so that no column's type depends on which rows come first.

Whether a file is compressed its first bytes say, not its name.
"""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from pyarrow import csv as arrow_csv

from pole.errors import InputError
from pole.quoting import listed, quoted

DELIMITERS: Final = ",;\t|"
ENDINGS: Final = (".csv", ".tsv", ".tab", ".txt")
TAB_ENDINGS: Final = (".tsv", ".tab")
COMPRESSED: Final = ".gz"
GZIP: Final = b"\x1f\x8b"
HEADER_BYTES: Final = 2**20
BLOCK_BYTES: Final = 2**23
MAX_COLUMNS: Final = 2**16
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DECIMAL_COMMA: Final = r"^\s*([+-]?\d*),(\d+)\s*$"


def is_named_as_text(path: Path) -> bool:
    """Return whether a file has the name of a text table, compressed or not."""
    return _plain_name(path).endswith(ENDINGS)


def delimited(path: Path) -> Iterator[Any]:
    """Yield the parts of a text table, which may be compressed by gzip.

    The delimiter is the one that the first line has most of: comma, semicolon, tab or bar. Where it is a
    semicolon, numbers with a decimal comma are written with a point. Raises InputError where a quotation mark
    is never closed, after the parts.
    """
    delimiter, names = _header(path)
    last = None
    with (
        _told_of_long_cells(path),
        _opened(path) as stream,
        arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types={name: pa.string() for name in names}),
        ) as batches,
    ):
        for batch in batches:
            if batch.num_rows:
                last = batch.column(batch.num_columns - 1)[-1].as_py()
            table = pa.Table.from_batches([batch])
            yield _with_points(table) if delimiter == ";" else table
    _require_closed(path, last)


def _plain_name(path: Path) -> str:
    """Return the name of a file in small letters, as it is when it is not compressed."""
    return path.name.lower().removesuffix(COMPRESSED)


def _opened(path: Path) -> Any:
    """Return a stream of a file's text, unpacked where it is compressed."""
    with path.open("rb") as file:
        is_compressed = file.read(len(GZIP)) == GZIP
    return pa.input_stream(str(path), compression="gzip" if is_compressed else None)


@contextmanager
def _told_of_long_cells(path: Path) -> Iterator[None]:
    """Raise InputError where a cell goes on for longer than is read at once."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
        raise InputError(
            f"{path} has a cell of more than {BLOCK_BYTES:,} bytes, as after a quotation mark that is never "
            "closed; close it, or write it twice within quotation marks."
        ) from error


def _require_closed(path: Path, last: object) -> None:
    """Raise InputError where the last cell is all that comes after a quotation mark that is never closed.

    The reader takes the end of the file for what closes such a mark. The file ends with the mark and the cell
    as it is written then, and with nothing behind them.
    """
    if not isinstance(last, str) or "\n" not in last or not last.strip("\r\n"):
        return
    written = b'"' + last.replace('"', '""').encode()
    if _end(path, len(written)) == written:
        raise InputError(
            f"{path} has a quotation mark that is never closed before {quoted(last)}; close it, or write it "
            "twice within quotation marks."
        )


def _end(path: Path, length: int) -> bytes:
    """Return the last bytes of a text."""
    with _opened(path) as stream:
        end = b""
        while part := stream.read(BLOCK_BYTES):
            end = (end + part)[-length:]
    return end


def _header(path: Path) -> tuple[str, list[str]]:
    with _opened(path) as stream:
        beginning = stream.read(HEADER_BYTES)
    if b"\0" in beginning:
        raise InputError(f"{path} is no text table; save it as CSV in UTF-8.")
    # What is cut off in the middle of a character is no fault of the file's.
    text = beginning.decode("utf-8-sig", errors="ignore" if len(beginning) == HEADER_BYTES else "strict")
    line = next((each for each in text.splitlines() if each.strip()), "")
    outside = re.sub(r'"[^"]*"', "", line)
    has_tabs = _plain_name(path).endswith(TAB_ENDINGS)
    delimiter = "\t" if has_tabs else max(DELIMITERS, key=outside.count)
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
