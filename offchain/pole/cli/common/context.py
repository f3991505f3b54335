"""What every command needs: the common options, the password, and the ports of the chosen wallet.

A command is a function under `@command` and `@common_options` that takes `settings`; the ones that act for a
wallet are also under `@wallet_option` and call `open_session(settings, wallet, read_password(settings))`.
The adapters are imported when a session is opened, so that `--help` does not load web3.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from pole.api import session, wallets
from pole.api.passwords import password_in
from pole.api.session import Session, open_reader, open_store
from pole.api.settings import Settings, default_home
from pole.cli.common.output import print_line
from pole.cli.shell.connection import command, common_options, json_option, wallet_option
from pole.errors import InputError

__all__ = [
    "Session",
    "Settings",
    "command",
    "common_options",
    "default_home",
    "json_option",
    "open_reader",
    "open_session",
    "open_store",
    "read_keystore_password",
    "read_password",
    "require_strong_wallet",
    "send_once_more",
    "wallet_option",
    "warn_of_light_wallet",
]


def read_password(settings: Settings, *, confirm: bool = False) -> str:
    """Return the password from the password file, or ask for it on the terminal.

    What it opens stays out of core dumps, and a data folder that others can enter is told.
    Raises InputError when the file cannot be read or is empty, and when there is neither file nor terminal.
    """
    from pole.adapters.machine.exposure import can_be_entered, forbid_core_dumps

    forbid_core_dumps()
    if can_be_entered(settings.home):
        print_line(f"warning: others can enter {settings.home}: chmod 700 {settings.home}", err=True)
    return _password(settings.password_file, "Password", "--password-file", confirm=confirm)


def read_keystore_password(file: Path | None, *, confirm: bool = False) -> str:
    """Return the password of a keystore outside the data folder, from a file of its own or the terminal.

    Raises what `read_password` raises.
    """
    from pole.adapters.machine.exposure import forbid_core_dumps

    forbid_core_dumps()
    return _password(file, "Password of the keystore", "--keystore-password-file", confirm=confirm)


def _password(file: Path | None, prompt: str, option: str, *, confirm: bool) -> str:
    if file is not None:
        return password_in(file, _warn)
    if not sys.stdin.isatty():
        raise InputError(f"There is no terminal to ask for the password on: give {option} FILE.")
    password: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return password


def _warn(sentence: str) -> None:
    print_line(f"warning: {sentence}", err=True)


def require_strong_wallet(settings: Settings, wallet_name: str, chain_id: int) -> None:
    """Raise InputError for a light wallet that is to keep secrets (see pole.api.wallets)."""
    wallets.require_strong_wallet(settings, wallet_name, chain_id, _warn)


def warn_of_light_wallet(settings: Settings, wallet_name: str) -> None:
    """Say on standard error where the password of secrets is guessed cheaply by the wallet's keystore."""
    wallets.warn_of_light_wallet(settings, wallet_name, _warn)


def open_session(
    settings: Settings, wallet_name: str, password: str, fee_ceiling: int | None = None
) -> Session:
    """Open a session (see pole.api.session) which Ctrl-C ends with what was sent, at a prompt too."""
    interrupts = (KeyboardInterrupt, click.Abort)
    return session.open_session(settings, wallet_name, password, interrupts, fee_ceiling=fee_ceiling)


def send_once_more(
    session: Session, action: str, send: Callable[[str], object], *, is_done: Callable[[], bool]
) -> None:
    """Send, under the intent that it is given, what somebody asks a session for.

    What was interrupted before is gone on with. It was another time's where it is not so, afterwards, that
    this `is_done`: then it is sent anew.
    """
    intent = session.journal.next_intent(action)
    was_sent = session.chain.was_sent(intent)
    send(intent)
    if was_sent and not is_done():
        send(session.journal.next_intent(action))
