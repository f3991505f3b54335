"""What every command needs: the common options, the password, and the ports of the chosen wallet.

A command is a function under `@command` and `@common_options` that takes `settings`; the ones that act for a
wallet are also under `@wallet_option` and call `open_session(settings, wallet, read_password(settings))`.
The adapters are imported when a session is opened, so that `--help` does not load web3.
"""

import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from pole.cli.common.output import print_line
from pole.cli.shell.connection import (
    Settings,
    command,
    common_options,
    default_home,
    json_option,
    wallet_option,
)
from pole.cli.shell.mistakes import NOTHING_SENT
from pole.errors import InputError, InterruptError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.adapters.sending.chain import EthereumChain
    from pole.adapters.storage.ipfs import IpfsStore
    from pole.adapters.storage.journal import SqliteJournal
    from pole.adapters.wallet.secret_store import SecretStore

__all__ = [
    "DEVELOPMENT_CHAINS",
    "Session",
    "Settings",
    "command",
    "common_options",
    "default_home",
    "json_option",
    "open_reader",
    "open_session",
    "open_store",
    "read_password",
    "require_strong_wallet",
    "wallet_option",
    "warn_of_light_wallet",
]

DEVELOPMENT_CHAINS = frozenset({1337, 31337})
"""Chain ids of ganache, anvil and hardhat."""


@dataclass(frozen=True, slots=True)
class Session:
    """One wallet at work: its ports, its unlocked account, its secrets at rest, and a folder of its own.

    `home` is this wallet's working folder, apart from those of other wallets and of other deployments:
    caches, shards and models go there. `secrets` keeps small secret files encrypted under the wallet's
    password.
    """

    chain: "EthereumChain"
    store: "IpfsStore"
    journal: "SqliteJournal"
    secrets: "SecretStore"
    home: Path
    account: "LocalAccount" = field(repr=False)

    def __enter__(self) -> Self:
        """Use the session as a context that closes its journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the journal; raises InterruptError, which says what was sent, where Ctrl-C ended the work."""
        try:
            if kind in (KeyboardInterrupt, click.Abort):
                raise InterruptError(f"Interrupted. {_what_was_sent(self.journal)}")
        finally:
            self.journal.close()


def _what_was_sent(journal: "SqliteJournal") -> str:
    from pole.adapters.storage.journal import SendState

    pending, made = journal.pending_sends(), journal.sends_made()
    mined = [send.hash for send in made if send.state is SendState.DONE]
    told = [f"Transaction {', '.join(mined)} was sent and mined."] if mined else []
    if pending:
        told.append(
            f"Transaction {pending[-1].hash} was signed and may be mined yet: call the same command again, "
            "which goes on with it."
        )
    return " ".join(told) or NOTHING_SENT


def read_password(settings: Settings, *, confirm: bool = False) -> str:
    """Return the password from the password file, or ask for it on the terminal.

    What it opens stays out of core dumps, and a data folder that others can enter is told.
    Raises InputError when the file cannot be read or is empty, and when there is neither file nor terminal.
    """
    from pole.adapters.machine.exposure import can_be_entered, forbid_core_dumps

    forbid_core_dumps()
    if can_be_entered(settings.home):
        print_line(f"warning: others can enter {settings.home}: chmod 700 {settings.home}", err=True)
    if settings.password_file is not None:
        return _password_in(settings.password_file)
    if not sys.stdin.isatty():
        raise InputError("There is no terminal to ask for the password on: give --password-file FILE.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    return password


def _password_in(path: Path) -> str:
    from pole.adapters.machine.exposure import can_be_read

    try:
        content = path.read_bytes()
        # Editors of some systems begin a file with the mark of its encoding, which is no part of a password.
        is_wide = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        lines = content.decode("utf-16" if is_wide else "utf-8-sig").splitlines()
        if can_be_read(path):
            print_line(f"warning: others can read {path}: chmod 600 {path}", err=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The password file {path} cannot be read ({error}): give another --password-file."
        ) from error
    if not lines or not lines[0]:
        raise InputError(f"The password file {path} is empty: write the wallet's password on its first line.")
    return lines[0]


def require_strong_wallet(settings: Settings, wallet_name: str, chain_id: int) -> None:
    """Raise InputError where a wallet is to keep secrets and its password is guessed cheaply by its keystore.

    Both are under one password, so what `--light` saves it saves whoever guesses, too. On a development chain
    it is a warning.
    """
    if _is_light(settings, wallet_name) and chain_id not in DEVELOPMENT_CHAINS:
        raise InputError(
            f"{_light(wallet_name)}. On chain {chain_id} such a wallet keeps no secrets: make another with "
            "`pole wallet new`, without --light."
        )
    warn_of_light_wallet(settings, wallet_name)


def warn_of_light_wallet(settings: Settings, wallet_name: str) -> None:
    """Say on standard error where the password of secrets is guessed cheaply by the wallet's keystore."""
    if _is_light(settings, wallet_name):
        print_line(f"warning: {_light(wallet_name)}. Use another wallet for data that matters.", err=True)


def _is_light(settings: Settings, wallet_name: str) -> bool:
    from pole.adapters.wallet.keystore import cost_of_a_guess

    return cost_of_a_guess(settings.home, wallet_name) < 1


def _light(wallet_name: str) -> str:
    return f"The keystore of {wallet_name} is light: by it, the password of its secrets is guessed cheaply"


def open_reader(settings: Settings) -> "ChainReader":
    """Connect to the chain for reading only: no wallet, no password.

    Raises InputError for an unusable deployment file or another chain, UnreachableError when the node does
    not answer.
    """
    from pole.adapters.ethereum.chain_reader import open_chain_reader

    return open_chain_reader(settings.rpc, settings.deployment)


def open_store(settings: Settings) -> "IpfsStore":
    """Return the IPFS store; the daemon is first asked when it is used.

    Raises InputError for a malformed multiaddr.
    """
    from pole.adapters.storage.ipfs import IpfsStore

    return IpfsStore(settings.ipfs)


def open_session(settings: Settings, wallet_name: str, password: str) -> Session:
    """Unlock a wallet and connect it to the chain, the store and its journal.

    Raises InputError for a missing wallet, a wrong password, an unusable deployment file, another chain, or a
    journal that another chain wrote; UnreachableError when the node does not answer.
    """
    from pole.adapters.sending.chain import open_ethereum_chain
    from pole.adapters.storage.journal import SqliteJournal
    from pole.adapters.wallet.keystore import unlock_wallet
    from pole.adapters.wallet.secret_store import SecretStore

    account = unlock_wallet(settings.home, wallet_name, password)
    reader = open_reader(settings)
    deployment = reader.deployment
    home = (
        settings.home
        / "work"
        / f"{deployment.chain_id}-{deployment.chain.address[2:10].lower()}-{account.address[2:10].lower()}"
    )
    journal = SqliteJournal(home / "journal.sqlite")
    chain = open_ethereum_chain(reader, account, journal, locks=settings.home / "locks")
    secrets = SecretStore(settings.home / "secrets", password)
    return Session(chain, open_store(settings), journal, secrets, home, account)
