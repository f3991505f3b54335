"""Leaderboards: what miners and verifiers earned in the newest days, and how often they were right."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Float, Table, cast, func, literal, select

from pole.explore.index.money import DAY
from pole.explore.schema import miner_days, verifier_days
from pole.explore.views.looking import PART, ROWS, Ether, Look, NotThereError, head_of, paged, wei_of, wei_sum

DAYS: Final = ("1", "7", "30", "90")
"""The numbers of days, today among them, that a leaderboard can be asked for."""

USUAL: Final = "30"

MAX_FIRST: Final = 10_000
"""Lines down which a leaderboard can be read."""


@dataclass(frozen=True, slots=True)
class MinerStanding:
    """A miner's rounds that ended within the days.

    `confirmed` are claims that a committee found true, `refuted` those it found false, of models that were
    missing or malformed; `unrevealed` are commitments that were never opened.
    """

    rank: int
    miner: str
    rounds: int
    won: int
    confirmed: int
    refuted: int
    unrevealed: int
    paid: Ether
    lost: Ether


@dataclass(frozen=True, slots=True)
class VerifierStanding:
    """A verifier's seats in rounds that ended within the days.

    `agreed` are those whose votes had all that was found, `differed` those with another vote or none on a
    model, `absent` those without a vote that was revealed, `leaked` those whose vote somebody showed early.
    """

    rank: int
    verifier: str
    seats: int
    agreed: int
    differed: int
    absent: int
    leaked: int
    paid: Ether
    lost: Ether


@dataclass(frozen=True, slots=True)
class MinerBoard:
    """Miners by what they were paid; `first` is that of the next page, None on the last."""

    days: int
    lines: tuple[MinerStanding, ...]
    first: int | None


@dataclass(frozen=True, slots=True)
class VerifierBoard:
    """Verifiers by the fees of their votes; `first` is that of the next page, None on the last."""

    days: int
    lines: tuple[VerifierStanding, ...]
    first: int | None


def miner_board(look: Look, days: str, first: int) -> MinerBoard:
    """Return the miners of the newest days, from the `first` on; raises NotThereError far down."""
    shown = int(days or USUAL)
    counts = ("rounds", "won", "confirmed", "refuted", "unrevealed")
    rows, following = _board(look, miner_days, miner_days.c.miner, counts, shown, first)
    lines = tuple(_mined(rank, row) for rank, row in enumerate(rows, first + 1))
    return MinerBoard(shown, lines, following)


def verifier_board(look: Look, days: str, first: int) -> VerifierBoard:
    """Return the verifiers of the newest days, from the `first` on; raises NotThereError far down."""
    shown = int(days or USUAL)
    counts = ("seats", "agreed", "differed", "absent", "leaked")
    rows, following = _board(look, verifier_days, verifier_days.c.verifier, counts, shown, first)
    lines = tuple(_sat(rank, row) for rank, row in enumerate(rows, first + 1))
    return VerifierBoard(shown, lines, following)


def _mined(rank: int, row: Any) -> MinerStanding:
    return MinerStanding(
        rank=rank,
        miner=row.miner,
        rounds=int(row.rounds),
        won=int(row.won),
        confirmed=int(row.confirmed),
        refuted=int(row.refuted),
        unrevealed=int(row.unrevealed),
        paid=wei_of(row, "paid"),
        lost=wei_of(row, "lost"),
    )


def _sat(rank: int, row: Any) -> VerifierStanding:
    return VerifierStanding(
        rank=rank,
        verifier=row.verifier,
        seats=int(row.seats),
        agreed=int(row.agreed),
        differed=int(row.differed),
        absent=int(row.absent),
        leaked=int(row.leaked),
        paid=wei_of(row, "paid"),
        lost=wei_of(row, "lost"),
    )


def _board(
    look: Look, table: Table, who: Column[Any], counts: Sequence[str], days: int, first: int
) -> tuple[tuple[Any, ...], int | None]:
    """Return the lines of a page, by pay and then address, and where the next one begins."""
    if first > MAX_FIRST:
        raise NotThereError(f"A leaderboard is read to line {MAX_FIRST} here; its tables have all of it.")
    oldest = head_of(look).time // DAY - days
    paid = wei_sum(table.c.paid, "paid")
    # Only the order comes from floats, and equals go by address; what is shown is exact.
    order: ColumnElement[Any] = reduce(
        lambda before, part: before * 10.0**PART + cast(part, Float), paid, literal(0.0)
    )
    sums = [func.sum(table.c[name]).label(name) for name in counts]
    asked = (
        select(who, *sums, *paid, *wei_sum(table.c.lost, "lost"))
        .where(table.c.day > oldest)
        .group_by(who)
        .order_by(order.desc(), who)
        .offset(first)
        .limit(ROWS + 1)
    )
    lines, more = paged(look.rows(asked))
    return lines, first + ROWS if more else None
