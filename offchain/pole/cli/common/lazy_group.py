"""A click group whose commands are imported when they are called, so that `pole --help` stays quick."""

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from pole.adapters.machine.exposure import make_files_private
from pole.cli.common.context import VERBOSE
from pole.cli.common.log import guard_log
from pole.cli.common.output import print_line, print_traceback
from pole.errors import PoleError


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is (`module:attribute`) and its line in the group's help."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports them on use."""

    def __init__(
        self, name: str, commands: dict[str, LazyCommand | click.Command], **attributes: Any
    ) -> None:
        super().__init__(name, **attributes)
        self._entries = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order they were given."""
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, imported now if it was not yet."""
        entry = self._entries.get(cmd_name)
        if not isinstance(entry, LazyCommand):
            return entry
        module, attribute = entry.target.split(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from their summaries alone."""
        rows = [
            (name, entry.summary if isinstance(entry, LazyCommand) else entry.get_short_help_str(80))
            for name, entry in self._entries.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class RootGroup(LazyGroup):
    """The outermost group: turns a PoleError into one line on standard error and its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        make_files_private()
        guard_log()
        sys.excepthook = print_traceback
        try:
            return super().invoke(ctx)
        except PoleError as error:
            if ctx.meta.get(VERBOSE):
                print_traceback(type(error), error, error.__traceback__)
            print_line(f"error: {error}", err=True)
            ctx.exit(error.exit_code)
