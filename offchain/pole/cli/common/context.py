"""What every command needs: the common options, the password, and the ports of the chosen wallet.

A command is a function under `@command` and `@common_options` that takes `settings`; the ones that act for a
wallet are also under `@wallet_option` and call `open_session(settings, wallet, read_password(settings))`.
The adapters are imported when a session is opened, so that `--help` does not load web3.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from pole.cli.common.output import print_line
from pole.errors import InputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from pole.adapters.ethereum.chain_reader import ChainReader
    from pole.adapters.sending.chain import EthereumChain
    from pole.adapters.storage.ipfs import IpfsStore
    from pole.adapters.storage.journal import SqliteJournal
    from pole.adapters.wallet.secret_store import SecretStore

DEFAULT_RPC = "http://127.0.0.1:8546"
DEFAULT_IPFS = "/ip4/127.0.0.1/tcp/5001"
DEFAULT_DEPLOYMENT = Path("deployments/devnet.json")
DEVELOPMENT_CHAINS = frozenset({1337, 31337})
"""Chain ids of ganache, anvil and hardhat."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are: data folder, node's RPC URL, IPFS API's multiaddr, deployment file, password file."""

    home: Path
    rpc: str
    ipfs: str
    deployment: Path
    password_file: Path | None


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

    def __exit__(self, *_: object) -> None:
        """Close the journal."""
        self.journal.close()


def default_home() -> Path:
    """Return the platform's folder for PoLe's data: wallets, journals, caches."""
    from platformdirs import user_data_path

    return user_data_path("pole")


_OPTIONS = (
    click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="POLE_HOME",
        default=default_home,
        show_default="the platform's data folder",
        help="Folder of wallets, journals and caches.  [env: POLE_HOME]",
    ),
    click.option(
        "--rpc",
        envvar="POLE_RPC",
        default=DEFAULT_RPC,
        show_default=True,
        help="HTTP RPC URL of an Ethereum node.  [env: POLE_RPC]",
    ),
    click.option(
        "--ipfs",
        envvar="POLE_IPFS",
        default=DEFAULT_IPFS,
        show_default=True,
        help="Multiaddr of an IPFS daemon's API.  [env: POLE_IPFS]",
    ),
    click.option(
        "--deployment",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="POLE_DEPLOYMENT",
        default=DEFAULT_DEPLOYMENT,
        show_default=True,
        help="File that names the contracts.  [env: POLE_DEPLOYMENT]",
    ),
    click.option(
        "--password-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="POLE_PASSWORD_FILE",
        help="File with the wallet's password on its first line.  [env: POLE_PASSWORD_FILE]",
    ),
    click.option(
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=lambda context, _parameter, value: remember_verbose(context, value=value),
        help="Show the traceback of an error.",
    ),
)

VERBOSE = "pole.verbose"


def remember_verbose(context: click.Context, *, value: bool) -> None:
    """Note on the outermost context whether errors are to show their traceback."""
    root = context.find_root()
    root.meta[VERBOSE] = root.meta.get(VERBOSE, False) or value


class Command(click.Command):
    """A command whose help lists the options of `Settings` in a section of their own, below all others."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then where it connects to."""
        connection = {field.name for field in fields(Settings)}
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Connection": []}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                sections["Connection" if parameter.name in connection else "Options"].append(row)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def command(**attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return click's decorator for a `Command`, with attributes such as its `epilog`."""
    return click.command(cls=Command, **attributes)


def common_options(callback: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of `Settings` and pass them to it as its first argument."""

    @wraps(callback)
    def with_settings(*arguments: Any, **options: Any) -> R:
        values = {field.name: options.pop(field.name) for field in fields(Settings)}
        values["home"] = values["home"].expanduser().absolute()
        return callback(Settings(**values), *arguments, **options)

    decorated: Callable[..., R] = with_settings
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


wallet_option = click.option(
    "--wallet", required=True, metavar="NAME", help="Wallet that acts and pays, made by `pole wallet new`."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for a script to read; amounts are wei, as strings."
)


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
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
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
