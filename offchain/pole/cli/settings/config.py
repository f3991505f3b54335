"""`pole config set|unset|use|list|show`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from pole.api.settings import Settings
from pole.cli.common.output import print_done, print_json, print_table
from pole.cli.shell.connection import (
    ProfiledOption,
    command,
    common_options,
    json_option,
    profile_name,
    profile_option,
)
from pole.quoting import one_line

if TYPE_CHECKING:
    from pole.adapters.storage.profiles import Profiles

NAMES = ("home", "rpc", "ipfs", "deployment", "password-file", "wallet")
_FROM = {
    ParameterSource.COMMANDLINE: "option",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "profile",
    ParameterSource.DEFAULT: "default",
}

setting_argument = click.argument("name", metavar="SETTING", type=click.Choice(NAMES))


@command(name="set", epilog="Example: pole config set rpc http://127.0.0.1:8546 --profile lab")
@setting_argument
@click.argument("value")
@json_option
@profile_option
def set_(*, name: str, value: str, as_json: bool) -> None:
    """Keep VALUE for SETTING in the profile in use, or in the one that --profile names, which may be new.

    An option of the command line and an environment variable win over a profile. Settings: home, rpc, ipfs,
    deployment, password-file, wallet.
    """
    from pole.adapters.storage.profiles import PATHS

    setting = name.replace("-", "_")
    kept = str(Path(value).expanduser().absolute()) if setting in PATHS else value
    profiles, chosen = _changed(setting, kept)
    use_it = f" Use it with `pole config use {chosen}`, or once with --profile {chosen}."
    told = f"{chosen}: {name} is {_shown(setting, kept)} from now on."
    print_done(
        one_line(told + ("" if chosen == profiles.in_use else use_it)),
        {"profile": chosen, "setting": name, "value": _shown(setting, kept)},
        as_json=as_json,
    )


@command(epilog="Example: pole config unset wallet")
@setting_argument
@json_option
@profile_option
def unset(*, name: str, as_json: bool) -> None:
    """Take SETTING out of the profile in use, or of the one that --profile names."""
    _, chosen = _changed(name.replace("-", "_"), None)
    print_done(
        one_line(f"{chosen}: {name} is what the environment or the default says from now on."),
        {"profile": chosen, "setting": name, "value": None},
        as_json=as_json,
    )


@command(epilog="Example: pole config use lab")
@click.argument("name", metavar="PROFILE")
@json_option
@profile_option
def use(*, name: str, as_json: bool) -> None:
    """Use PROFILE from now on, where neither --profile nor POLE_PROFILE names another."""
    from pole.adapters.storage.profiles import load_profiles, profiles_file, save_profiles

    path = profiles_file(os.environ)
    save_profiles(path, load_profiles(path).using(name))
    print_done(one_line(f"{name} is in use from now on."), {"use": name}, as_json=as_json)


@command(name="list", epilog="Example: pole config list --json")
@json_option
@profile_option
def list_(*, as_json: bool) -> None:
    """List the profiles with their settings; a star marks the one in use."""
    from pole.adapters.storage.profiles import load_profiles, profiles_file

    profiles = load_profiles(profiles_file(os.environ))
    if as_json:
        shown = {name: _all_shown(found) for name, found in profiles.by_name.items()}
        print_json({"use": profiles.in_use, "profiles": shown})
        return
    rows = [
        ("*" if name == profiles.in_use else "", name, setting.replace("_", "-"), value)
        for name, found in sorted(profiles.by_name.items())
        for setting, value in _all_shown(found).items()
    ]
    empty = "There is no profile yet: make one with `pole config set SETTING VALUE`."
    print_table(("", "profile", "setting", "value"), rows, empty=empty)


@command(epilog="Example: pole config show --json")
@click.option(
    "--wallet", cls=ProfiledOption, envvar="POLE_WALLET", metavar="NAME", help="As commands take it."
)
@json_option
@common_options
@click.pass_context
def show(context: click.Context, settings: Settings, /, *, wallet: str | None, as_json: bool) -> None:
    """Show each setting as commands have it here, and whether an option, the profile or what else says so."""
    values = {name: getattr(settings, name.replace("-", "_"), wallet) for name in NAMES}
    found = {
        name: (None if value is None else _shown(name, str(value)), _source(context, name))
        for name, value in values.items()
    }
    if as_json:
        print_json({name: {"value": value, "from": source} for name, (value, source) in found.items()})
        return
    rows = [(name, "-" if value is None else value, source) for name, (value, source) in found.items()]
    print_table(("setting", "value", "from"), rows, empty="")


def _source(context: click.Context, name: str) -> str:
    return _FROM[context.get_parameter_source(name.replace("-", "_")) or ParameterSource.DEFAULT]


def _changed(setting: str, value: str | None) -> "tuple[Profiles, str]":
    """Keep a value in the chosen profile; return the profiles and the name of the chosen one."""
    from pole.adapters.storage.profiles import load_profiles, profiles_file, save_profiles

    path = profiles_file(os.environ)
    profiles = load_profiles(path)
    chosen = profile_name(click.get_current_context()) or profiles.in_use
    changed = profiles.with_setting(chosen, setting, value)
    save_profiles(path, changed)
    return changed, chosen


def _all_shown(found: Mapping[str, str]) -> dict[str, str]:
    return {setting: _shown(setting, value) for setting, value in found.items()}


def _shown(setting: str, value: str) -> str:
    """Return a setting as it may be printed: providers put API keys into their URLs."""
    parts = urlsplit(value)
    if setting != "rpc" or not parts.hostname:
        return value
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
