"""What commands print: tables for people, JSON for scripts."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows under their columns, or the sentence `empty` when there are none.

    On a terminal it is a drawn table, elsewhere plain columns, so that no row is cut at the terminal's width.
    """
    if not rows:
        click.echo(empty)
    elif sys.stdout.isatty():
        _draw(columns, rows)
    else:
        _align(columns, rows)


def _draw(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)


def _align(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def short_address(address: str) -> str:
    """Return an address so that it fits in a table."""
    return f"{address[:6]}…{address[-4:]}"


def percent(part: int, whole: int) -> str:
    """Return a share with one decimal; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
