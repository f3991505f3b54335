"""Excel workbooks: the first sheet that has rows, each cell as a CSV file would have it."""

import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]

from pole.errors import InputError
from pole.learning.data.reading import require_unpacked_size

ROWS: Final = 2**13
MAX_COLUMNS: Final = 2**14
MAX_EMPTY_ROWS: Final = 1000
ERRORS: Final = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}
)
"""What a cell holds whose formula has no value."""


def workbook(path: Path) -> Iterator[Any]:
    """Yield the parts of the first sheet with rows; a formula counts by the value that was saved with it."""
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    with zipfile.ZipFile(path) as archive:
        require_unpacked_size(path, archive)
        if any(name.endswith(".npy") for name in archive.namelist()):
            raise InputError(f"{path} is an .npz file under another name; call it {path.stem}.npz.")
        if not any(name.startswith("xl/") for name in archive.namelist()):
            raise InputError(f"{path} is a zip file and no workbook; name the table in it.")
    with warnings.catch_warnings():
        # openpyxl warns of what it leaves out of a workbook, such as drawings.
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                rows = _rows(path, sheet)
                header = next(rows, None)
                if header is not None:
                    yield from _parts(header, rows)
                    return
        finally:
            book.close()


def _rows(path: Path, sheet: Any) -> Iterator[list[str | None]]:
    """Yield the rows that are not empty, up to where a sheet goes on with empty ones alone."""
    # Some programs write a wrong size into a sheet, and rows beyond it would not be read.
    sheet.reset_dimensions()
    empty = 0
    for cells in sheet.iter_rows(values_only=True, min_row=1):
        if len(cells) > MAX_COLUMNS:
            raise InputError(f"{path} has a row of {len(cells):,} cells; PoLe reads {MAX_COLUMNS:,} at most.")
        row = [_text(cell) for cell in cells]
        if any(cell is not None for cell in row):
            empty = 0
            yield row
        elif (empty := empty + 1) > MAX_EMPTY_ROWS:
            return


def _parts(header: list[str | None], rows: Iterator[list[str | None]]) -> Iterator[Any]:
    names = [name or "" for name in header]
    while part := list(islice(rows, ROWS)):
        columns = [
            pa.array([row[number] if number < len(row) else None for row in part], pa.string())
            for number in range(len(names))
        ]
        yield pa.table(columns, names=names)


def _text(cell: Any) -> str | None:
    match cell:
        case None:
            return None
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return repr(cell)
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return repr(cell.total_seconds())
        case _:
            return None if cell in ERRORS else str(cell)
