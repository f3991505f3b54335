"""`pole verifier stake|unstake|reclaim|leak`; `run` is in verifier_run.py."""

from datetime import UTC, datetime
from pathlib import Path

import click

from pole.cli.common.context import (
    Settings,
    command,
    common_options,
    open_session,
    read_password,
    wallet_option,
)
from pole.cli.common.parameters import content_of


@command(epilog="Example: pole verifier stake --wallet vera")
@wallet_option
@common_options
def stake(settings: Settings, wallet: str) -> None:
    """Take a seat: the wallet pays the stake and can be drawn into committees from the next round on.

    One wallet holds one seat.
    """
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        session.chain.stake(intent=session.journal.next_intent("stake"))
        held = session.chain.stake_of(session.account.address)
        click.echo(f"{session.account.address} has a seat, with a stake of {ether(held.amount)}.")


@command(epilog="Example: pole verifier unstake --wallet vera")
@wallet_option
@common_options
def unstake(settings: Settings, wallet: str) -> None:
    """Give the seat up.

    The stake can be reclaimed after the unbonding time. A vote that is owed is still owed.
    """
    with open_session(settings, wallet, read_password(settings)) as session:
        session.chain.unstake(intent=session.journal.next_intent("unstake"))
        held = session.chain.stake_of(session.account.address)
        when = datetime.fromtimestamp(held.reclaimable_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        click.echo(f"The seat is given up; `pole verifier reclaim` gets the stake back from {when} on.")


@command(epilog="Example: pole verifier reclaim --wallet vera")
@wallet_option
@common_options
def reclaim(settings: Settings, wallet: str) -> None:
    """Get the stake of a seat that was given up credited; `pole withdraw` then pays it out."""
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        session.chain.reclaim(intent=session.journal.next_intent("reclaim"))
        credit = session.chain.credit_of(session.account.address)
        click.echo(f"The stake is reclaimed; {ether(credit)} can be withdrawn with `pole withdraw`.")


@command(epilog="Example: pole verifier leak 3 --wallet alice --file leaked.json")
@click.argument("round_id", metavar="ROUND", type=click.IntRange(1))
@wallet_option
@click.option(
    "--file",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON with verifier, votes and salt, as somebody leaked them (docs/formats.md).",
)
@common_options
def leak(settings: Settings, round_id: int, wallet: str, path: Path) -> None:
    """Show a vote of the ROUND's committee that its member did not keep to itself.

    Only while votes are still committed. The vote counts no more, its member loses a penalty, and half of it
    is credited to the wallet. Votes and salt are first checked against what the member committed.
    """
    from pole.protocol.ballots import ballot_id
    from pole.protocol.formats.leaked_vote import read_leaked_vote
    from pole.roles.judging.leaking import leak as show

    leaked = read_leaked_vote(content_of(path))
    with open_session(settings, wallet, read_password(settings)) as session:
        ballot = ballot_id(round_id, session.chain.round(round_id).attempt)
        show(session.chain, ballot, leaked, intent=session.journal.next_intent("leak"))
        click.echo(
            f"The vote of {leaked.verifier} in round {round_id} is void; `pole withdraw` pays you out."
        )
