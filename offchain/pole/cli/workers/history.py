"""`pole miner history` and `pole verifier history`."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from pole.cli.common.context import Settings, command, common_options, json_option, open_reader
from pole.cli.common.output import print_json, print_table
from pole.cli.common.parameters import Since
from pole.cli.shell.connection import ProfiledOption
from pole.cli.workers.telling import (
    miner_cells,
    miner_document,
    money_document,
    row_document,
    verifier_cells,
    verifier_document,
)
from pole.protocol.amounts import ether
from pole.protocol.replay.earnings.places import AnyRow, Day, RoundPlace, Row, by_day, sums

if TYPE_CHECKING:
    from pole.protocol.replay.history import History

OPEN: Final = "open"

account_option = click.option(
    "--wallet",
    cls=ProfiledOption,
    required=True,
    metavar="NAME",
    envvar="POLE_WALLET",
    help="Wallet whose books are shown, by name or address.  [env: POLE_WALLET]",
)
since_option = click.option(
    "--since",
    type=Since(time.time),
    help="Rounds that ended since then alone: a date in UTC, or 7d for the last week.  [default: all]",
)
last_option = click.option(
    "--last", type=click.IntRange(min=1), metavar="ROUNDS", help="So many of the newest rounds alone."
)


@command(name="history", epilog="Example: pole miner history --wallet miner-1 --since 7d")
@account_option
@since_option
@last_option
@json_option
@common_options
def miner_history(
    settings: Settings, /, *, wallet: str, since: float | None, last: int | None, as_json: bool
) -> None:
    """Show what each round paid a miner and cost it, and why, by day, with totals.

    Computed from the chain's records, which are checked as `pole chain verify` does. Claims and findings are
    correct predictions on training and test set. Paid are rewards, shares and ommer's parts; lost are bonds,
    those of challenges too; held are the bonds in rounds that are open. The gas of transactions is not in it.
    """
    from pole.protocol.replay.earnings.miner import miner_rows
    from pole.protocol.replay.history import replayed_rounds

    address, history = _account(settings, wallet), _history(settings)
    rows = miner_rows(replayed_rounds(history), address, history.around.parameters)
    columns = ("claim", "found", "rank")
    _show(address, _chosen(rows, since, last), columns, miner_cells, miner_document, as_json=as_json)


@command(name="history", epilog="Example: pole verifier history --wallet verifier-1 --last 20")
@account_option
@since_option
@last_option
@json_option
@common_options
def verifier_history(
    settings: Settings, /, *, wallet: str, since: float | None, last: int | None, as_json: bool
) -> None:
    """Show what each round paid a verifier and cost it, and why, by day, with totals.

    Computed from the chain's records, which are checked as `pole chain verify` does. A round is there if the
    wallet sat on a committee of it, or showed another member's vote. Paid are fees and shares for votes that
    were shown; lost is what was taken of the stake. The gas of transactions is not in it.
    """
    from pole.protocol.replay.earnings.verifier import verifier_rows
    from pole.protocol.replay.history import replayed_rounds

    address, history = _account(settings, wallet), _history(settings)
    rows = verifier_rows(replayed_rounds(history), address, history.around.parameters, history.around.books)
    columns = ("committees", "right")
    _show(address, _chosen(rows, since, last), columns, verifier_cells, verifier_document, as_json=as_json)


def _history(settings: Settings) -> "History":
    from pole.adapters.ethereum.history_source import read_history

    return read_history(open_reader(settings))


def _account(settings: Settings, wallet: str) -> str:
    from pole.adapters.wallet.keystore import find_wallet
    from pole.protocol.encoding.hashing import address, is_address

    return address(wallet if is_address(wallet) else find_wallet(settings.home, wallet).address)


def _chosen(rows: Sequence[AnyRow], since: float | None, last: int | None) -> list[AnyRow]:
    """Return the rows that were asked for; rounds that are open have not ended before anything."""
    recent = [
        row for row in rows if since is None or row.place.ended_at is None or row.place.ended_at >= since
    ]
    return recent if last is None else recent[-last:]


def _show(
    address: str,
    rows: Sequence[AnyRow],
    columns: Sequence[str],
    cells: Callable[[AnyRow], tuple[object, ...]],
    document: Callable[[AnyRow], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    days = by_day(rows)
    if as_json:
        print_json(
            {
                "address": address,
                "days": [
                    {**_day_document(day), "rows": [row_document(row, document(row)) for row in day.rows]}
                    for day in days
                ],
                "total": _sums_document(rows),
            }
        )
        return
    lines = [line for day in days for line in _day_lines(day, cells, subtotal=len(days) > 1)]
    if rows:
        lines.append(_sums_line("total", rows, blank=len(columns)))
    table = ("day", "round", "lane", "block", "task", *columns, "paid", "lost", "held", "why")
    print_table(table, lines, empty=f"{address} took part in no such round.")


def _day_lines(
    day: Day[AnyRow], cells: Callable[[AnyRow], tuple[object, ...]], *, subtotal: bool
) -> list[tuple[object, ...]]:
    lines = []
    for row in day.rows:
        *before, why = cells(row)
        money = (ether(row.paid), ether(row.lost), ether(row.held))
        lines.append((_day_name(day), *_place_cells(row.place), *before, *money, why))
    if subtotal:
        lines.append(_sums_line(f"{_day_name(day)} sum", day.rows, blank=len(before)))
    return lines


def _place_cells(place: RoundPlace) -> tuple[object, ...]:
    return place.round_id, place.lane, place.height or "-", place.task_id or "idle"


def _day_name(day: Day[AnyRow]) -> str:
    return OPEN if day.day is None else day.day.isoformat()


def _sums_line(name: str, rows: Sequence[Row], *, blank: int) -> tuple[object, ...]:
    found = sums(rows)
    count = f"{found.rounds} {'round' if found.rounds == 1 else 'rounds'}"
    money = (ether(found.paid), ether(found.lost), ether(found.held))
    return (name, count, *[""] * (3 + blank), *money, f"net {ether(found.paid - found.lost)}")


def _day_document(day: Day[AnyRow]) -> dict[str, Any]:
    return {"day": None if day.day is None else day.day.isoformat(), **_sums_document(day.rows)}


def _sums_document(rows: Sequence[Row]) -> dict[str, Any]:
    found = sums(rows)
    return {"rounds": found.rounds, **money_document(found.paid, found.lost, found.held)}
