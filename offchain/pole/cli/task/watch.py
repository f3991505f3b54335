"""`pole task watch`."""

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from pole.api.watching import looks
from pole.cli.common.context import Settings, command, common_options, json_option, open_reader
from pole.cli.common.output import print_line
from pole.cli.common.parameters import Duration

if TYPE_CHECKING:
    from pole.adapters.ethereum.task_story import Outcome, Standing
    from pole.cli.task.screens import Screen

NOBODY_WON = 1


@command(epilog="Example: pole task watch 1")
@click.argument("task_id", type=click.IntRange(1))
@click.option(
    "--poll",
    type=Duration(0.05),
    default=1.0,
    show_default=True,
    help="Time between two looks at the chain.",
)
@json_option
@common_options
def watch(settings: Settings, /, *, task_id: int, poll: float, as_json: bool) -> None:
    """Watch task TASK_ID until its round has ended: phase and time left, claims, committee, votes, winner.

    With --json each event is an object on a line of its own: the records of the task and its round under
    their names (docs/formats.md), and beside them `phase` and `ended`. The exit code is 0 when a model won,
    and 1 when nobody did, or the task was cancelled or replaced.
    """
    from pole.adapters.ethereum.task_story import standing_of
    from pole.cli.task.screens import JsonScreen, PlainScreen, TerminalScreen

    reader = open_reader(settings)
    task = reader.task(task_id)
    screen = (
        JsonScreen(task) if as_json else TerminalScreen(task) if sys.stdout.isatty() else PlainScreen(task)
    )
    with screen if isinstance(screen, TerminalScreen) else nullcontext():
        outcome = follow(lambda: standing_of(reader, task), screen, lambda: time.sleep(poll))
    if outcome.header is None:
        click.get_current_context().exit(NOBODY_WON)


def follow(look: Callable[[], "Standing"], screen: "Screen", wait: Callable[[], None]) -> "Outcome":
    """Show a task until it has ended; return how. A node that does not answer for a while is asked again."""
    for news, standing in looks(look, wait, _warn):
        for each in news:
            screen.report(each)
        if standing.outcome is None:
            screen.stand(standing)
        else:
            screen.end(standing.outcome)
            return standing.outcome
    raise AssertionError("The last look has an outcome.")


def _warn(complaint: str) -> None:
    print_line(f"warning: {complaint} Trying again.", err=True)
