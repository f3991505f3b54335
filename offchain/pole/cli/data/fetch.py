"""`pole data fetch`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final = ("iris", "mnist", "cifar10")
SECONDS_BETWEEN: Final = {True: 0.2, False: 5.0}
"""Between two lines of progress, on a terminal and elsewhere."""


@command(epilog="Example: pole data fetch mnist cifar10")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(NAMES))
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="POLE_DATA",
    help="Folder of the data sets' folders.  [env: POLE_DATA; default: where they are looked for anyway]",
)
@json_option
@common_options
def fetch(_settings: Settings, /, *, names: tuple[str, ...], target: Path | None, as_json: bool) -> None:
    """Fetch published data sets from their publishers: iris, mnist (12 MB), cifar10 (170 MB).

    Each file is kept only if its SHA-256 is the published one; what is there already is not fetched again.
    """
    import os

    from pole.adapters.storage import data_publishers
    from pole.learning.data.datasets import data_directory, fetched_directory

    folder = target or data_directory(os.environ, Path.cwd()) or fetched_directory()
    fetched = {
        name: data_publishers.fetch(data_publishers.PUBLISHED[name], folder / name, _reporter())
        for name in dict.fromkeys(names)
    }
    if as_json:
        print_json({"folder": str(folder), "fetched": fetched})
        return
    for name, files in fetched.items():
        told = f"fetched {', '.join(files)}" if files else "all files are there already"
        click.echo(f"{name}: {told}.")
    click.echo(f"The data sets are in {folder}.")


def _reporter() -> "Callable[[str, int, int], None]":
    """Return a function that tells on stderr how much of a file is here, not too often."""
    on_terminal = sys.stderr.isatty()
    told_at = time.monotonic()

    def report(name: str, here: int, size: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < SECONDS_BETWEEN[on_terminal] and here < size:
            return
        told_at = time.monotonic()
        line = f"{name}: {here / 1e6:.1f} of {size / 1e6:.1f} MB"
        click.echo(f"\r{line}" if on_terminal else line, err=True, nl=not on_terminal or here == size)

    return report
