"""Where things are: the options that every command has, before or after its name, and where they come from.

An option of the command line wins over the environment, that over the profile (`pole config`), and that over
the default.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from pole.api.settings import (
    DEFAULT_DEPLOYMENT,
    DEFAULT_IPFS,
    DEFAULT_RPC,
    Settings,
    default_deployment,
    default_home,
)

VERBOSE: Final = "pole.verbose"
HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}
_GIVEN: Final = "pole.given"
_PROFILE: Final = "pole.profile"
_PROFILE_HELP: Final = "Profile of `pole config` whose settings are used.  [env: POLE_PROFILE]"

R = TypeVar("R")


class ProfiledOption(click.Option):
    """An option that may stand before the command too, and whose default the profile in use may change."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from."""
        value, source = super().consume_value(ctx, opts)
        if source is ParameterSource.COMMANDLINE:
            return value, source
        before = ctx.meta.get(_GIVEN, {})
        if self.name in before:
            return before[self.name], ParameterSource.COMMANDLINE
        if source is ParameterSource.DEFAULT and not ctx.resilient_parsing:
            kept = profile_settings(ctx).get(str(self.name))
            if kept is not None:
                return kept, ParameterSource.DEFAULT_MAP
        return value, source


def profile_settings(context: click.Context) -> Mapping[str, str]:
    """Return the settings of the profile in use, by the name of their option's parameter.

    Raises InputError where the file of profiles is unusable, or has none of the name that was given.
    """
    from pole.adapters.storage.profiles import load_profiles, profiles_file

    if _PROFILE not in context.meta:
        profiles = load_profiles(profiles_file(os.environ))
        context.meta[_PROFILE] = profiles.settings(profile_name(context))
    found: Mapping[str, str] = context.meta[_PROFILE]
    return found


def profile_name(context: click.Context) -> str | None:
    """Return the name of the profile that was asked for, None where nobody said."""
    given: Mapping[str, str] = context.meta.get(_GIVEN, {})
    return given.get("profile") or os.environ.get("POLE_PROFILE")


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
        context.meta.setdefault(_GIVEN, {})[parameter.name] = value
    return value


def remember_verbose(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    """Note on the outermost context whether errors are to show their traceback."""
    context.meta[VERBOSE] = context.meta.get(VERBOSE, False) or value


def _options(kind: type[click.Option], **attributes: Any) -> Iterator[click.Option]:
    yield kind(
        ["--home"],
        type=click.Path(file_okay=False, path_type=Path),
        envvar="POLE_HOME",
        default=default_home,
        show_default="the platform's data folder",
        help="Folder of wallets, journals and caches.  [env: POLE_HOME]",
        **attributes,
    )
    yield kind(
        ["--rpc"],
        metavar="URL",
        envvar="POLE_RPC",
        default=DEFAULT_RPC,
        show_default=True,
        help="HTTP RPC URL of an Ethereum node.  [env: POLE_RPC]",
        **attributes,
    )
    yield kind(
        ["--ipfs"],
        metavar="MULTIADDR",
        envvar="POLE_IPFS",
        default=DEFAULT_IPFS,
        show_default=True,
        help="Multiaddr of an IPFS daemon's API.  [env: POLE_IPFS]",
        **attributes,
    )
    yield kind(
        ["--deployment"],
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="POLE_DEPLOYMENT",
        default=default_deployment,
        show_default=f"{DEFAULT_DEPLOYMENT} here or in a folder above",
        help="File that names the contracts.  [env: POLE_DEPLOYMENT]",
        **attributes,
    )
    yield kind(
        ["--password-file"],
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="POLE_PASSWORD_FILE",
        help="File with the wallet's password on its first line.  [env: POLE_PASSWORD_FILE]",
        **attributes,
    )


def _profile_option() -> click.Option:
    return click.Option(
        ["--profile"],
        metavar="NAME",
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help=_PROFILE_HELP,
    )


def _verbose_option() -> click.Option:
    return click.Option(
        ["--verbose"],
        is_flag=True,
        expose_value=False,
        callback=remember_verbose,
        help="Show the traceback of an error.",
    )


def options_before_a_command() -> list[click.Option]:
    """Return the connection options as a group takes them, for the command that follows."""
    remembered = {"expose_value": False, "callback": _remember}
    return [*_options(click.Option, **remembered), _profile_option(), _verbose_option()]


CONNECTION: Final = frozenset({*(field.name for field in fields(Settings)), "profile"})
"""The names of the options that stand in the section Connection of a help page."""


def write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a command's own options, then where it connects to."""
    sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Connection": []}
    for parameter in command.get_params(context):
        row = parameter.get_help_record(context)
        if row is not None and isinstance(parameter, click.Option):
            sections["Connection" if parameter.name in CONNECTION else "Options"].append(row)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


class Command(click.Command):
    """A command whose help lists the options of `Settings` in a section of their own, below all others."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then where it connects to."""
        write_options(self, ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; each mistake knows the command that it was made with."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


def command(**attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return click's decorator for a `Command`, with attributes such as its `epilog`."""
    return click.command(cls=Command, context_settings=HELP_OPTIONS, **attributes)


def profile_option(callback: Callable[..., R]) -> Callable[..., R]:
    """Give a command of `pole config` the option that names a profile."""
    return click.option(
        "--profile", expose_value=False, is_eager=True, callback=_remember, metavar="NAME", help=_PROFILE_HELP
    )(callback)


def common_options(callback: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of `Settings` and pass them to it as its first argument."""

    @wraps(callback)
    def with_settings(*arguments: Any, **options: Any) -> R:
        values = {field.name: options.pop(field.name) for field in fields(Settings)}
        values["home"] = values["home"].expanduser().absolute()
        return callback(Settings(**values), *arguments, **options)

    # click's decorator reads the parameters from this attribute, last first.
    parameters = [*_options(ProfiledOption), _profile_option(), _verbose_option()]
    before = getattr(callback, "__click_params__", [])
    with_settings.__click_params__ = [*before, *reversed(parameters)]  # type: ignore[attr-defined]
    return with_settings


wallet_option = click.option(
    "--wallet",
    cls=ProfiledOption,
    required=True,
    metavar="NAME",
    envvar="POLE_WALLET",
    help="Wallet that acts and pays, made by `pole wallet new`.  [env: POLE_WALLET]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for a script to read; amounts are wei, as strings."
)
