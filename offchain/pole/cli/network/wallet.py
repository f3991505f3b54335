"""`pole wallet`: encrypted keystores under the data folder."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader, read_password
from pole.cli.common.output import print_done, print_json, print_table
from pole.cli.common.parameters import ETHER
from pole.errors import InputError, InterruptError, PoleError

if TYPE_CHECKING:
    from pole.adapters.wallet.keystore import WalletFile


light_option = click.option(
    "--light",
    is_flag=True,
    help="Derive the file's key 64 times cheaper: quicker to open and to break, for play money alone. Such a "
    "wallet keeps no secrets of data but on development chains.",
)


@command(epilog="Example: pole wallet new alice --password-file alice.txt")
@click.argument("name")
@light_option
@json_option
@common_options
def new(settings: Settings, /, *, name: str, light: bool, as_json: bool) -> None:
    """Make a wallet NAME with a fresh key, kept in a keystore that the password encrypts.

    The file is an Ethereum keystore of version 3, which other wallets read. Whoever loses it or its password
    loses the wallet.
    """
    from pole.adapters.wallet.keystore import LIGHT_ROUNDS, STANDARD_ROUNDS, new_wallet

    password = read_password(settings, confirm=True)
    rounds = LIGHT_ROUNDS if light else STANDARD_ROUNDS
    print_wallet(new_wallet(settings.home, name, password, rounds=rounds), as_json=as_json)


@command(name="list", epilog="Example: pole wallet list --json")
@json_option
@common_options
def list_(settings: Settings, /, *, as_json: bool) -> None:
    """List the wallets, with what they hold and what they can withdraw where the chain answers."""
    from pole.adapters.wallet.keystore import list_wallets
    from pole.protocol.amounts import ether

    wallets = list_wallets(settings.home)
    money = list(zip(*_money(settings, [wallet.address for wallet in wallets]), strict=True))
    if as_json:
        print_json(
            [
                {
                    "name": wallet.name,
                    "address": wallet.address,
                    "balance": _json_wei(balance),
                    "credit": _json_wei(credit),
                    "signer": _signer_of(settings, wallet.name),
                }
                for wallet, (balance, credit) in zip(wallets, money, strict=True)
            ]
        )
        return
    rows = [
        (
            wallet.name,
            wallet.address,
            *("-" if amount is None else ether(amount) for amount in held),
            _signer_of(settings, wallet.name) or "here",
        )
        for wallet, held in zip(wallets, money, strict=True)
    ]
    print_table(
        ("wallet", "address", "holds", "can withdraw", "key"),
        rows,
        empty="There is no wallet yet: make one with `pole wallet new NAME`.",
    )


def print_wallet(made: "WalletFile", *, as_json: bool) -> None:
    """Print a wallet that was made, and where its file is."""
    if as_json:
        print_json({"name": made.name, "address": made.address, "file": str(made.path)})
    else:
        click.echo(f"{made.name}  {made.address}\nkept in {made.path}")


Amounts = list[int] | list[None]


def _money(settings: Settings, addresses: list[str]) -> tuple[Amounts, Amounts]:
    """Return what the addresses hold and can withdraw; nothing is known of what does not answer."""
    from pole.adapters.ethereum.connection import balance_of, open_node

    balances: Amounts = [None] * len(addresses)
    owed: Amounts = [None] * len(addresses)
    with suppress(PoleError):
        node = open_node(settings.rpc)
        balances = [balance_of(node, address) for address in addresses]
        reader = open_reader(settings)
        owed = [reader.credit_of(address) for address in addresses]
    return balances, owed


def _signer_of(settings: Settings, name: str) -> str | None:
    """Return what has the key of a wallet, None where it is in a keystore here."""
    from pole.adapters.wallet.remote_wallet import find_remote_key

    key = find_remote_key(settings.home, name)
    if key is None:
        return None
    from pole.adapters.signing.remote_account import open_remote_account

    return open_remote_account(key).place


def _json_wei(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


@command(epilog="Example: pole wallet fund alice --amount 10")
@click.argument("wallet")
@click.option("--amount", type=ETHER, default="10", show_default=True, help="What to send.")
@json_option
@common_options
def fund(settings: Settings, /, *, wallet: str, amount: int, as_json: bool) -> None:
    """Send ether to WALLET, a name or an address, from an account that a development node holds."""
    from pole.adapters.ethereum.connection import balance_of, connect, open_node
    from pole.adapters.sending.faucet import fund as send
    from pole.adapters.wallet.keystore import find_wallet
    from pole.protocol.amounts import ether
    from pole.protocol.encoding.hashing import address as checksummed
    from pole.protocol.encoding.hashing import is_address

    if not amount:
        raise InputError("The amount is 0: say how much with --amount.")
    named = wallet if is_address(wallet) else find_wallet(settings.home, wallet).address
    address = checksummed(named)
    try:
        transaction = send(connect(settings.rpc), address, amount)
    except KeyboardInterrupt as error:
        raise InterruptError(
            "Interrupted. The node may have sent it already: `pole wallet list` shows what wallets hold."
        ) from error
    balance = balance_of(open_node(settings.rpc), address)
    print_done(
        f"Sent {ether(amount)} to {address}; it holds {ether(balance)} now.",
        {"address": address, "sent": str(amount), "balance": str(balance), "transaction": transaction},
        as_json=as_json,
    )
