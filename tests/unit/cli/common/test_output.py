import json
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.cli.common.output import percent, print_json, print_table, print_traceback
from pole.quoting import MAX_LINE, short_address


def test_an_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [], empty="There is nothing.")
    assert capsys.readouterr().out == "There is nothing.\n"


def test_a_table_for_a_file_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("height", "winner"), [(1, "x" * 200), (10, "y")], empty="")
    assert capsys.readouterr().out == f"height  winner\n1       {'x' * 200}\n10      y\n"


def test_a_table_for_a_terminal_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(("height", "note"), [(1, "[bold]as it is[/bold]")], empty="")
    shown = capsys.readouterr().out
    assert "height" in shown
    assert "┏" in shown
    assert "[bold]as it is[/bold]" in shown


@given(st.text())
def test_a_row_with_any_text_is_one_line(text: str) -> None:
    output = StringIO()
    with redirect_stdout(output):
        print_table(("note",), [(text,), ("end",)], empty="")
    assert output.getvalue().count("\n") == 3
    assert all(line.isprintable() for line in output.getvalue().split("\n"))


def test_a_long_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("note",), [("x" * 10_000,)], empty="")
    assert len(capsys.readouterr().out) < 2 * MAX_LINE + 10


def test_a_traceback_cannot_write_lines_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no") as caught:
        int("no\x1b[2K\r")
    print_traceback(caught.type, caught.value, caught.tb)
    shown = capsys.readouterr().err.split("\n")
    assert shown[0] == "Traceback (most recent call last):"
    assert shown[-2] == r"ValueError: invalid literal for int() with base 10: 'no\x1b[2K\r'"


def test_json_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}


def test_shares_and_addresses_are_short() -> None:
    assert percent(1, 3) == "33.3 %"
    assert percent(0, 0) == "-"
    assert short_address("0x1234567890123456789012345678901234567890") == "0x1234…7890"
