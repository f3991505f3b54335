"""Tables from files and data frames, as pyarrow tables whose columns have a name each.

What a file is its first bytes say, not its name. Texts stay as they are: `cells` makes numbers of them.
"""

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]

from pole.errors import DiskError, InputError
from pole.learning.data.reading import MAX_UNPACKED_BYTES, read_as
from pole.learning.machine.disk_arrays import Allocate, OnDisk, in_memory
from pole.learning.machine.kept_parts import Parts
from pole.learning.preparing import arrow_files, cells, delimited, workbooks
from pole.quoting import listed, reason

Table = Any
"""A pyarrow.Table; pyarrow has no types."""
Report = Callable[[int], None]
"""Is told how many rows were read."""

SIGNATURES: Final[Mapping[bytes, Callable[[Path], Iterable[Table]]]] = {
    b"PAR1": arrow_files.parquet,
    b"ARROW1": arrow_files.arrow_file,
    b"\xff\xff\xff\xff": arrow_files.arrow_stream,
    b"PK\x03\x04": workbooks.workbook,
}
STRANGE: Final = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, or one with a password: save it as .xlsx, without one",
    b"FEA1": "a Feather file of version 1: write it with a newer pyarrow or pandas",
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
    b"SQLite format 3": "an SQLite database: export a table of it as CSV",
    b"\x89HDF": "an HDF5 file: save its table as Parquet",
    b"%PDF": "a PDF document: save its table as CSV",
}
MAX_NAME: Final = 1024
MAX_DISK_BYTES: Final = 2**42
"""Cells that are kept on disk: more than disks of these machines have, fewer than a bomb unpacks to."""
READABLE: Final = "CSV, TSV, Parquet, Arrow, Feather and Excel (.xlsx)"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where rows and samples are while a data set is made of them.

    `keep` makes one table of parts with the same columns, of `max_bytes` at most; `allocate` makes arrays.
    `report` is told how many rows of how many were made samples. `parts` keeps what takes long to make.
    """

    keep: Callable[[Iterator[Table]], Table]
    allocate: Allocate
    max_bytes: int
    report: Callable[[int, int], None] = lambda done, total: None
    parts: Parts = field(default_factory=Parts)


def _in_memory(parts: Iterator[Table]) -> Table:
    return pa.concat_tables(list(parts))


MEMORY: Final = Workspace(_in_memory, in_memory, MAX_UNPACKED_BYTES)


def on_disk(
    folder: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    parts: Parts | None = None,
) -> Workspace:
    """Return a workspace of files in `folder` without a name, of which nothing is left; see `OnDisk`.

    Its tables are mapped, so that memory holds the columns that are looked at, and not the table.
    """
    kept = parts or Parts()
    return Workspace(lambda tables: _mapped(folder, tables), OnDisk(folder), MAX_DISK_BYTES, report, kept)


def _mapped(folder: Path, parts: Iterator[Table]) -> Table:
    """Return parts as one table that is mapped from an Arrow file."""
    first = next(parts)
    with ExitStack() as opened:
        with _keeping(folder):
            file = opened.enter_context(tempfile.TemporaryFile(dir=folder))
        writer = pa.ipc.new_file(pa.PythonFile(file, "w"), first.schema)
        for part in chain([first], parts):
            with _keeping(folder):
                writer.write_table(part)
        with _keeping(folder):
            writer.close()
            file.flush()
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(content))).read_all()


@contextmanager
def _keeping(folder: Path) -> Iterator[None]:
    """Turn the system's errors about this machine's disk into DiskError."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"The rows cannot be kept in {folder} ({error.strerror or error}): make room on this machine's "
            "disk."
        ) from error


def read_table(path: Path, report: Report = lambda _: None, workspace: Workspace = MEMORY) -> Table:
    """Return the table in a file, or the test rows of a Hugging Face data set, all where it is not split.

    `report` is told of rows as they come, which are kept in the `workspace`.

    Raises InputError, one sentence with what to do, for a file that is damaged, too large or none of these,
    and DiskError where they cannot be kept.
    """
    if path.is_dir() and arrow_files.is_hugging_face(path):
        train, test = arrow_files.splits(path)
        return pa.concat_tables([read_table(each, report, workspace) for each in test or train])
    with read_as("table", path, "save it again, as UTF-8 if it is CSV"):
        with path.open("rb") as file:
            beginning = file.read(16)
        if not beginning:
            raise InputError(f"{path} is empty; name a file with rows.")
        return workspace.keep(_counted(path, _reader(path, beginning)(path), report, workspace.max_bytes))


def table_of(frame: object) -> Table:
    """Return a table of a data frame: pyarrow, pandas, polars, a mapping of columns, a list of mappings.

    Raises InputError where it is none, or its columns do not fit together.
    """
    try:
        if isinstance(frame, Mapping):
            table = pa.table({str(name): column for name, column in frame.items()})
        elif isinstance(frame, list):
            table = pa.Table.from_pylist(frame)
        else:
            table = pa.table(frame)
    except Exception as error:
        raise InputError(
            f"A {type(frame).__name__} is no table here ({reason(error)}); give a data frame, or a mapping "
            "of names to columns of one length."
        ) from error
    return named(table, "The data frame")


def named(table: Table, where: object) -> Table:
    """Return a table whose columns have names, each another, without spaces around them.

    Columns without a name, as an index leaves them, are left out. Raises InputError where a name stands
    twice, or no column is left.
    """
    names = [str(name).strip() for name in table.column_names]
    kept = [
        number
        for number, name in enumerate(names)
        if name and not (name.startswith("__index_level_") and name.endswith("__"))
    ]
    table = table.select(kept).rename_columns([names[number] for number in kept])
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise InputError(f"{where} has columns of the same name: {listed(twice)}; rename one of them.")
    if kept and max(map(len, table.column_names)) > MAX_NAME:
        raise InputError(f"{where} has a column whose name is longer than {MAX_NAME} characters; rename it.")
    if not kept:
        raise InputError(f"{where} has no columns with a name; write names on its first line.")
    return _plain(table)


def _plain(table: Table) -> Table:
    """Return a table of columns that can be cut: categories, and texts of whatever layout, are texts."""
    for number, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type) or pa.types.is_string_view(column.type):
            table = table.set_column(number, column.name, cells.as_texts(table.column(number)))
    return table


def _reader(path: Path, beginning: bytes) -> Callable[[Path], Iterable[Table]]:
    for signature, what in STRANGE.items():
        if beginning.startswith(signature):
            raise InputError(f"{path} is {what}.")
    for signature, reader in SIGNATURES.items():
        if beginning.startswith(signature):
            return reader
    if delimited.is_named_as_text(path):
        return delimited.delimited
    raise InputError(f"{path} is no table that PoLe reads; it reads {READABLE}.")


def _counted(path: Path, parts: Iterable[Table], report: Report, max_bytes: int) -> Iterator[Table]:
    """Yield the parts of a table; they are counted as they come, so that none is ever too large."""
    rows, size = 0, 0
    for part in parts:
        rows, size = rows + part.num_rows, size + part.nbytes
        if size > max_bytes:
            raise InputError(
                f"{path} has more than {max_bytes:,} bytes of cells, and PoLe reads no more; take fewer rows "
                "or columns."
            )
        if part.num_rows:
            yield named(part, path)
        report(rows)
    if not rows:
        raise InputError(f"{path} has no rows; name a file with rows below the names of its columns.")
