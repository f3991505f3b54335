"""Workbooks are read by their cells, whatever a sheet says of its own size."""

import re
import zipfile
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

from pole.errors import InputError
from pole.learning.preparing import workbooks
from pole.learning.preparing.tables import read_table

ROWS = 60
SHEET = "xl/worksheets/sheet1.xml"


def workbook(folder: Path, size: str = "") -> Path:
    """Write a workbook of two columns, whose sheet says that it has another `size`."""
    book, plain, path = openpyxl.Workbook(), folder / "plain.xlsx", folder / "rows.xlsx"
    book.active.append(["age", "town"])
    for number in range(ROWS):
        book.active.append([number, "Ulm"])
    book.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == SHEET and size:
                content = re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{size}"'.encode(), content)
                assert size.encode() in content
            new.writestr(name, content)
    return path


@pytest.mark.parametrize("size", ["", "A1", "A1:B31", "A1:XFD1048576", "B2:B3"])
def test_a_sheet_that_is_wrong_about_its_size_loses_no_rows(tmp_path: Path, size: str) -> None:
    table = read_table(workbook(tmp_path, size))
    assert table.column_names == ["age", "town"]
    assert table.column("age").to_pylist() == [str(number) for number in range(ROWS)]


def test_a_row_has_no_more_cells_than_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    text = workbooks._text

    def noting(cell: object) -> str | None:
        read.append(cell)
        return text(cell)

    monkeypatch.setattr(workbooks, "_text", noting)
    read_table(workbook(tmp_path))
    assert len(read) == 2 * (ROWS + 1)


def test_a_sheet_of_too_many_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_COLUMNS", 1)
    with pytest.raises(InputError, match=r"rows.xlsx has a row of 2 cells; PoLe reads 1 at most\.$"):
        read_table(workbook(tmp_path))
