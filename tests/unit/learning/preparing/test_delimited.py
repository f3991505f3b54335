"""Text tables: their delimiter, their endings, and quotation marks that swallow rows."""

import gzip
from pathlib import Path

import pytest

from pole.errors import InputError
from pole.learning.preparing import delimited
from pole.learning.preparing.tables import read_table

TABS = "a,b;c\tkind\n1,5\tx\n2,5\ty\n"


@pytest.mark.parametrize("name", ["rows.tsv", "rows.TAB", "rows.tsv.gz", "rows.tab.gz", "ROWS.TSV.GZ"])
def test_a_file_whose_name_says_tabs_has_tabs_compressed_or_not(tmp_path: Path, name: str) -> None:
    content = TABS.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    assert read_table(tmp_path / name).to_pydict() == {"a,b;c": ["1,5", "2,5"], "kind": ["x", "y"]}


@pytest.mark.parametrize("ending", [".csv", ".txt", ".CSV", ".csv.gz", ".txt.gz", ".CSV.GZ", ".Txt.Gz"])
@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_whether_a_text_table_is_compressed_its_first_bytes_say(
    tmp_path: Path, ending: str, compress: type[bytes]
) -> None:
    (tmp_path / f"rows{ending}").write_bytes(compress(b"a;b\n1,5;x\n"))
    assert read_table(tmp_path / f"rows{ending}").to_pydict() == {"a": ["1.5"], "b": ["x"]}


def test_a_compressed_file_of_another_ending_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "rows.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    with pytest.raises(InputError, match=r"rows.gz is no table that PoLe reads"):
        read_table(tmp_path / "rows.gz")


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    "swallowed",
    [
        'y\n3,z\n4,w\n',
        'y\n3,z\n4,w',
        'y\r\n3,z\r\n4,w\r\n\r\n',
        'y\n3,""z""\n4,""w""',
        'y\n3,""',
        '\n3,é',
    ],
)  # fmt: skip
def test_a_quotation_mark_that_is_never_closed_is_refused(
    tmp_path: Path, ending: str, swallowed: str
) -> None:
    content = f'a,b\n1,x\n2,"{swallowed}'.encode()
    path = tmp_path / f"rows{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    with pytest.raises(InputError, match=r"has a quotation mark that is never closed before '.*'; close it"):
        read_table(path)


@pytest.mark.parametrize(
    ("last", "cell"),
    [
        ('"y\n3,z"\n', "y\n3,z"),
        ('"y\n3,z"', "y\n3,z"),
        ('"y\n3,""z"""\r\n\n', 'y\n3,"z"'),
        ('"\n"', "\n"),
        ('"y\n"', "y\n"),
        ('"""\n"', '"\n'),
        ('"\n"""\n', '\n"'),
        ('"y\nz"w\n', "y\nzw"),
        ('5" pipe', '5" pipe'),
        ('"y', "y"),
    ],
)
def test_what_is_closed_may_have_lines_and_marks_in_it(tmp_path: Path, last: str, cell: str) -> None:
    (tmp_path / "rows.csv").write_bytes(f"a,b\n1,x\n2,{last}".encode())
    assert read_table(tmp_path / "rows.csv").to_pydict() == {"a": ["1", "2"], "b": ["x", cell]}


def test_a_mark_that_swallows_more_than_is_read_at_once_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 256)
    lines = "".join(f"{number},x\n" for number in range(200))
    for before in ("", lines):
        (tmp_path / "rows.csv").write_text(f'a,b\n{before}7,"y\n{lines}')
        with pytest.raises(InputError, match=r"has a cell of more than 256 bytes, .* never closed; close it"):
            read_table(tmp_path / "rows.csv")


def test_a_mark_is_found_beyond_the_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 256)
    lines = "".join(f"{number},x\n" for number in range(200))
    (tmp_path / "rows.csv").write_text(f'a,b\n{lines}7,"y\n8,z\n')
    with pytest.raises(InputError, match="never closed"):
        read_table(tmp_path / "rows.csv")
