"""`pole withdraw`."""

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    json_option,
    open_session,
    read_password,
    send_once_more,
    wallet_option,
)
from pole.cli.common.output import print_json


@command(epilog="Example: pole withdraw --wallet alice")
@wallet_option
@json_option
@common_options
def withdraw(settings: Settings, /, *, wallet: str, as_json: bool) -> None:
    """Pay everything that the contracts owe a wallet out to it: rewards, returned bonds, reclaimed stakes.

    Credit never expires.
    """
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        chain, address, paid = session.chain, session.account.address, list[int]()
        send_once_more(
            session,
            "withdraw",
            lambda intent: paid.append(chain.withdraw(intent=intent)),
            is_done=lambda: not chain.credit_of(address),
        )
        amount, balance = sum(paid), chain.balance_of(address)
    if as_json:
        print_json({"address": address, "withdrawn": str(amount), "balance": str(balance)})
    elif amount:
        click.echo(f"{ether(amount)} paid out to {address}, which holds {ether(balance)} now.")
    else:
        click.echo(f"There is nothing to withdraw for {address}.")
