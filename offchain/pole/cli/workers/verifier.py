"""`pole verifier stake|unstake|reclaim|leak`; `run` is in verifier_run.py."""

from pathlib import Path

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
from pole.cli.common.output import print_done
from pole.cli.common.parameters import content_of
from pole.quoting import utc


@command(epilog="Example: pole verifier stake --wallet vera")
@wallet_option
@json_option
@common_options
def stake(settings: Settings, /, *, wallet: str, as_json: bool) -> None:
    """Take a seat: the wallet pays the stake, and can be drawn in rounds that open once the seat is of age.

    One wallet holds one seat.
    """
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        chain, address = session.chain, session.account.address
        send_once_more(
            session,
            "stake",
            lambda intent: chain.stake(intent=intent),
            is_done=lambda: chain.stake_of(address).seated,
        )
        held = chain.stake_of(address)
        print_done(
            f"{address} has a seat, with a stake of {ether(held.amount)}.",
            {"address": address, "stake": str(held.amount)},
            as_json=as_json,
        )


@command(epilog="Example: pole verifier unstake --wallet vera")
@wallet_option
@json_option
@common_options
def unstake(settings: Settings, /, *, wallet: str, as_json: bool) -> None:
    """Give the seat up.

    It can still be drawn in rounds that are open, and in those that open soon. Once no round can draw it any
    more, the stake can be reclaimed. A vote that is owed is still owed.
    """
    with open_session(settings, wallet, read_password(settings)) as session:
        chain, address = session.chain, session.account.address
        send_once_more(
            session,
            "unstake",
            lambda intent: chain.unstake(intent=intent),
            is_done=lambda: not chain.stake_of(address).seated,
        )
        drawn_until = chain.stake_of(address).left_at + chain.parameters.committee.seat_age
        print_done(
            f"The seat is given up, and can be drawn in rounds that open until {utc(drawn_until)}; once "
            "those have ended, `pole verifier reclaim` gets the stake back.",
            {"address": address, "drawnUntil": drawn_until},
            as_json=as_json,
        )


@command(epilog="Example: pole verifier reclaim --wallet vera")
@wallet_option
@json_option
@common_options
def reclaim(settings: Settings, /, *, wallet: str, as_json: bool) -> None:
    """Get the stake of a seat that was given up credited; `pole withdraw` then pays it out."""
    from pole.protocol.amounts import ether

    with open_session(settings, wallet, read_password(settings)) as session:
        chain, address = session.chain, session.account.address
        send_once_more(
            session,
            "reclaim",
            lambda intent: chain.reclaim(intent=intent),
            is_done=lambda: not chain.stake_of(address).amount,
        )
        credit = chain.credit_of(address)
        print_done(
            f"The stake is reclaimed; {ether(credit)} can be withdrawn with `pole withdraw`.",
            {"address": address, "credit": str(credit)},
            as_json=as_json,
        )


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
@json_option
@common_options
def leak(settings: Settings, /, *, round_id: int, wallet: str, path: Path, as_json: bool) -> None:
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
        intent = session.journal.next_intent(f"leak/{ballot}/{leaked.verifier}")
        show(session.chain, ballot, leaked, intent=intent)
        print_done(
            f"The vote of {leaked.verifier} in round {round_id} is void; `pole withdraw` pays you out.",
            {"round": round_id, "verifier": leaked.verifier},
            as_json=as_json,
        )
