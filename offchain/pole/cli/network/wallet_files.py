"""`pole wallet import|export|connect`: keys that come from elsewhere, go elsewhere, or stay there."""

import math
from dataclasses import replace
from pathlib import Path

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    read_keystore_password,
    read_password,
)
from pole.cli.common.parameters import Duration
from pole.cli.network.wallet import light_option, print_wallet
from pole.errors import InputError

keystore_password_option = click.option(
    "--keystore-password-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="POLE_KEYSTORE_PASSWORD_FILE",
    help="File with the keystore's own password on its first line.  [env: POLE_KEYSTORE_PASSWORD_FILE]",
)


@command(name="import", epilog="Example: pole wallet import UTC--2026-01-01--alice.json alice")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("name")
@keystore_password_option
@light_option
@json_option
@common_options
def import_(
    settings: Settings,
    /,
    *,
    file: Path,
    name: str,
    keystore_password_file: Path | None,
    light: bool,
    as_json: bool,
) -> None:
    """Make a wallet NAME of the key in the keystore FILE, as geth, Foundry and MetaMask write them.

    The key is encrypted anew under the wallet's password. FILE stays as it is; what it asks its reader to
    compute is checked first.
    """
    from pole.adapters.wallet.keystore import LIGHT_ROUNDS, STANDARD_ROUNDS, import_wallet

    theirs = read_keystore_password(keystore_password_file)
    password = read_password(settings, confirm=True)
    rounds = LIGHT_ROUNDS if light else STANDARD_ROUNDS
    print_wallet(import_wallet(settings.home, name, file, theirs, password, rounds=rounds), as_json=as_json)


@command(epilog="Example: pole wallet export alice alice-for-geth.json")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@keystore_password_option
@json_option
@common_options
def export(
    settings: Settings, /, *, name: str, file: Path, keystore_password_file: Path | None, as_json: bool
) -> None:
    """Write the key of the wallet NAME into a new keystore FILE under a password of its own.

    FILE is what geth, Foundry and MetaMask read. It must not be there yet. The wallet stays as it is: two
    programs that send from it at once would sign with the same nonce.
    """
    from pole.adapters.wallet.keystore import export_wallet

    password = read_password(settings)
    theirs = read_keystore_password(keystore_password_file, confirm=True)
    print_wallet(export_wallet(settings.home, name, password, file, theirs), as_json=as_json)


@command(epilog="Example: pole wallet connect alice --signer http://127.0.0.1:8550 --kind clef")
@click.argument("name")
@click.option(
    "--signer",
    "place",
    required=True,
    metavar="URL",
    help="Where the signer listens: an HTTP URL, or the absolute path of its socket.",
)
@click.option(
    "--kind", type=click.Choice(["clef", "web3signer"]), default="clef", show_default=True, help="What it is."
)
@click.option("--address", metavar="ADDRESS", help="Which of the signer's accounts, where it has several.")
@click.option(
    "--patience",
    type=Duration(1.0),
    default="5m",
    show_default=True,
    help="How long a signature is waited for: somebody may have to agree to it.",
)
@json_option
@common_options
def connect(
    settings: Settings,
    /,
    *,
    name: str,
    place: str,
    kind: str,
    address: str | None,
    patience: float,
    as_json: bool,
) -> None:
    """Make a wallet NAME whose key is with another process or device: Clef, or web3signer.

    The signer is asked for its accounts, and later to sign each transaction; what it signs is checked to be
    what it was asked for. The wallet's password is for what stays here, such as master secrets.
    """
    from web3 import Web3

    from pole.adapters.signing.remote_account import choose_address, open_remote_account
    from pole.adapters.wallet.keystore import require_free, require_new
    from pole.adapters.wallet.remote_wallet import RemoteKey, SignerKind, connect_wallet

    if address is not None and not Web3.is_address(address):
        raise InputError(f"{address!r} is no address: give 0x and 40 hex digits.")
    require_free(settings.home, name)
    wanted = None if address is None else Web3.to_checksum_address(address)
    key = RemoteKey(wanted or "", SignerKind(kind), place, math.ceil(patience))
    signer = open_remote_account(key)
    chosen = choose_address(signer.accounts(), wanted, signer.place)
    require_new(settings.home, chosen)
    password = read_password(settings, confirm=True)
    made = connect_wallet(settings.home, name, replace(key, address=chosen), password)
    print_wallet(made, as_json=as_json)
