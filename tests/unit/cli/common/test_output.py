import json
import sys

import pytest

from pole.cli.common.output import percent, print_json, print_table, short_address


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


def test_json_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}


def test_shares_and_addresses_are_short() -> None:
    assert percent(1, 3) == "33.3 %"
    assert percent(0, 0) == "-"
    assert short_address("0x1234567890123456789012345678901234567890") == "0x1234…7890"
