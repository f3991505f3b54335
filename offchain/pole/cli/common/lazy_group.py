"""A click group whose commands are imported when they are called, so that `pole --help` stays quick."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from pole.adapters.machine.exposure import make_files_private
from pole.api.session import NOTHING_SENT
from pole.cli.common.log import guard_log
from pole.cli.common.output import print_line, print_traceback
from pole.cli.shell.connection import HELP_OPTIONS, VERBOSE, options_before_a_command, write_options
from pole.cli.shell.mistakes import sentence_of
from pole.errors import DiskError, InterruptError, PoleError


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
        params = options_before_a_command()
        super().__init__(name, params=params, context_settings=HELP_OPTIONS, **attributes)
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names; an unknown one is told with those that are near."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self._entries, ctx=ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options that may also stand before their names."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from their summaries alone."""
        rows = [
            (name, entry.summary if isinstance(entry, LazyCommand) else entry.get_short_help_str(80))
            for name, entry in self._entries.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class RootGroup(LazyGroup):
    """The outermost group: whatever is wrong becomes one line on standard error and its exit code."""

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run the command line and exit; where `standalone_mode` is False, return or raise as click does."""
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*arguments, standalone_mode=False, **extra)
        extra.setdefault("prog_name", self.name)
        try:
            code = run(*arguments, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            print_line(f"error: {sentence_of(error)}", err=True)
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            print_line(f"error: Interrupted. {NOTHING_SENT}", err=True)
            code = InterruptError.exit_code
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        make_files_private()
        guard_log()
        sys.excepthook = print_traceback
        try:
            with _own_files():
                return super().invoke(ctx)
        except PoleError as error:
            if ctx.meta.get(VERBOSE):
                print_traceback(type(error), error, error.__traceback__)
            print_line(f"error: {error}", err=True)
            ctx.exit(error.exit_code)


@contextmanager
def _own_files() -> Iterator[None]:
    """Turn errors about files of this machine, which a command did not foresee, into DiskError."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise DiskError(
            f"{error.filename} cannot be written or read ({error.strerror}): make room on this machine's "
            "disk, check who owns it, or choose another folder with --home."
        ) from error
