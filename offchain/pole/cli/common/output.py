"""What commands print: tables for people, JSON for scripts, sentences and failures, each line on its line.

Files, nodes and IPFS are strangers' and their text is in much of it: nothing here lets it move the cursor,
begin a line of its own or fill the terminal (`pole.quoting.one_line`).
"""

import json
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import click

from pole.quoting import one_line


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2))


def print_done(sentence: str, document: dict[str, Any], *, as_json: bool) -> None:
    """Print what a command did: a sentence for people, or an object for a script."""
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)


def print_line(text: str, *, err: bool = False) -> None:
    """Print a sentence that may have strangers' text in it."""
    click.echo(one_line(text), err=err)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what Python prints of an error, on standard error."""
    for part in traceback.format_exception(kind, error, trace):
        for line in part.rstrip("\n").split("\n"):
            print_line(line, err=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows under their columns, or the sentence `empty` when there are none.

    On a terminal it is a drawn table, elsewhere plain columns, so that no row is cut at the terminal's width.
    """
    shown = [[one_line(str(cell)) for cell in row] for row in rows]
    if not rows:
        click.echo(empty)
    elif sys.stdout.isatty():
        _draw(columns, shown)
    else:
        _align(columns, shown)


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _align(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [list(columns), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def percent(part: int, whole: int) -> str:
    """Return a share with one decimal; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
