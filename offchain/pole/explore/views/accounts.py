"""An account: what it is, what it has to do, what it earned and holds, and how each of its rounds went."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from pole.explore.index.money import CREDIT, EARNED
from pole.explore.schema import (
    account_days,
    account_totals,
    acts,
    miner_days,
    seats,
    solutions,
    tasks,
    verifier_days,
)
from pole.explore.views.duties import STAKE, Duty, OpenPart, Risk, duties, open_parts, risks
from pole.explore.views.looking import ROWS, Act, Ether, Look, NotThereError, act_of, balance_of
from pole.explore.views.rounds.pages import SolutionLine, solution_line
from pole.explore.views.tasks.pages import TASKS, TaskLine, task_line
from pole.protocol.ballots import round_and_attempt

DAYS: Final = 90
"""Days of earnings on a page."""

MAX_DAY: Final = 2**31 - 1
"""A day after all that a column of either database holds."""


@dataclass(frozen=True, slots=True)
class KindSum:
    """What an account was paid or paid in all, by kind; `earned` tells earnings from stakes and bonds."""

    kind: str
    amount: Ether
    times: int
    earned: bool


@dataclass(frozen=True, slots=True)
class DayPart:
    """What an account earned on a day by one kind, and how often."""

    kind: str
    amount: Ether
    times: int


@dataclass(frozen=True, slots=True)
class DaySum:
    """What an account earned on a day since the epoch, UTC, in all and by kind."""

    day: int
    earned: Ether
    parts: tuple[DayPart, ...]

    @property
    def by_kind(self) -> Mapping[str, Ether]:
        """Return the amounts by their kinds."""
        return {part.kind: part.amount for part in self.parts}


@dataclass(frozen=True, slots=True)
class MinedLine:
    """A round that the account mined in."""

    round_id: int
    solution: SolutionLine


@dataclass(frozen=True, slots=True)
class SatLine:
    """A committee that the account sat on."""

    round_id: int
    attempt: int
    stage: str
    ending: str
    fee: Ether
    lost: Ether
    strike: int


@dataclass(frozen=True, slots=True)
class AccountPage:
    """An account; lists are of the newest, and have ROWS lines at most.

    `stake` is what was staked less what was taken or came back, `stake_at_risk` the part of it that
    committees of open rounds may cost, `held` is bonds in rounds that are open. `days` are the DAYS newest on
    which anything was earned, before `before_day` of the request; `before_day` continues them, as
    `before_round` does `solutions` and `seats`, None at their end.
    """

    address: str
    roles: tuple[str, ...]
    duties: tuple[Duty, ...]
    credit: Ether
    stake: Ether
    stake_at_risk: Ether
    held: Ether
    risks: tuple[Risk, ...]
    wins: int
    mined: int
    sat: int
    kinds: tuple[KindSum, ...]
    days: tuple[DaySum, ...]
    before_day: int | None
    solutions: tuple[MinedLine, ...]
    seats: tuple[SatLine, ...]
    before_round: int | None
    tasks: tuple[TaskLine, ...]
    acts: tuple[Act, ...]

    @property
    def earning_kinds(self) -> tuple[str, ...]:
        """Return the kinds of what was earned on `days`."""
        return tuple(sorted({part.kind for day in self.days for part in day.parts}))


@dataclass(frozen=True, slots=True)
class Rounds:
    """An account's newest rounds as a miner and as a verifier, those from `oldest` on together."""

    solutions: tuple[MinedLine, ...]
    seats: tuple[SatLine, ...]
    before: int | None


def account_page(
    look: Look, address: str, before_day: int | None = None, before_round: int | None = None
) -> AccountPage:
    """Return an account by its EIP-55 address, with its days and rounds before those that are named.

    Raises NotThereError where the chain never heard of it.
    """
    kinds = _kinds(look, address)
    posted = TASKS.where(tasks.c.owner == address).order_by(tasks.c.task_id.desc())
    acted = select(acts).where(acts.c.who == address)
    latest = look.rows(acted.order_by(acts.c.block.desc(), acts.c.log_index.desc()).limit(ROWS))
    owned = look.rows(posted.limit(ROWS))
    parts = open_parts(look, address)
    if not (kinds or latest or owned or parts):
        raise NotThereError(f"Nothing on this chain was done by, or paid to, {address}.")
    sums = {each.kind: each.amount for each in kinds}
    credit = balance_of(look, (address, CREDIT))
    counts = _counts(look, address, parts)
    stake = sums.get("STAKED", 0) - sums.get("PENALTY", 0) - sums.get("RECLAIMED", 0)
    days, older = _days(look, address, before_day)
    played, at_risk = _rounds(look, address, before_round), risks(look, address, parts)
    return AccountPage(
        address=address,
        roles=_roles(counts, sums, owned=bool(owned)),
        duties=duties(look, address, parts, credit=credit, stake=stake),
        credit=credit,
        stake=Ether(stake),
        stake_at_risk=Ether(min(stake, sum(each.amount for each in at_risk if each.what == STAKE))),
        held=Ether(sum(part.solution.held for part in parts if part.solution is not None)),
        risks=at_risk,
        wins=counts["won"],
        mined=counts["mined"],
        sat=counts["sat"],
        kinds=kinds,
        days=days,
        before_day=older,
        solutions=played.solutions,
        seats=played.seats,
        before_round=played.before,
        tasks=tuple(task_line(look, row) for row in owned),
        acts=tuple(act_of(row) for row in latest),
    )


def _roles(counts: Mapping[str, int], sums: Mapping[str, Ether], *, owned: bool) -> tuple[str, ...]:
    found = {"data node": owned, "miner": counts["mined"] > 0, "verifier": "STAKED" in sums}
    return tuple(role for role, holds in found.items() if holds)


def _counts(look: Look, address: str, parts: tuple[OpenPart, ...]) -> dict[str, int]:
    """Return how many rounds an account mined and won, and on how many committees it sat, open ones too."""
    table, sat = miner_days, verifier_days
    mined = select(func.sum(table.c.rounds).label("rounds"), func.sum(table.c.won).label("won"))
    (ended,) = look.rows(mined.where(table.c.miner == address))
    seated = look.value(select(func.sum(sat.c.seats)).where(sat.c.verifier == address))
    return {
        "mined": int(ended.rounds or 0) + sum(part.solution is not None for part in parts),
        "won": int(ended.won or 0),
        "sat": int(seated or 0) + sum(len(part.sat) for part in parts),
    }


def _kinds(look: Look, address: str) -> tuple[KindSum, ...]:
    table = account_totals
    rows = look.rows(select(table).where(table.c.address == address).order_by(table.c.kind))
    return tuple(KindSum(row.kind, Ether(row.amount), row.times, row.kind in EARNED) for row in rows)


def _days(look: Look, address: str, before: int | None) -> tuple[tuple[DaySum, ...], int | None]:
    """Return what was earned on each of the newest days on which anything was, and where older ones begin."""
    table = account_days
    earned = (table.c.address == address) & table.c.kind.in_(EARNED)
    if before is not None:
        earned &= table.c.day < min(before, MAX_DAY)
    asked = select(table.c.day).where(earned).distinct().order_by(table.c.day.desc()).limit(DAYS + 1)
    days = list(look.connection.scalars(asked))
    if not days:
        return (), None
    shown = days[:DAYS]
    within = select(table).where(earned, table.c.day >= shown[-1])
    by_day: dict[int, list[Any]] = {day: [] for day in shown}
    for row in look.rows(within.order_by(table.c.kind)):
        by_day[row.day].append(row)
    return tuple(_day(day, rows) for day, rows in by_day.items()), shown[-1] if len(days) > DAYS else None


def _day(day: int, rows: Iterable[Any]) -> DaySum:
    parts = tuple(DayPart(row.kind, Ether(row.amount), row.times) for row in rows)
    return DaySum(day, Ether(sum(part.amount for part in parts)), parts)


def _rounds(look: Look, address: str, before: int | None) -> Rounds:
    """Return an account's newest rounds, both lists down to the same one, so that a number continues both."""
    mined = select(solutions).where(solutions.c.miner == address)
    sat = select(seats).where(seats.c.verifier == address)
    if before is not None:
        mined, sat = mined.where(solutions.c.round_id < before), sat.where(seats.c.round_id < before)
    own = look.rows(mined.order_by(solutions.c.round_id.desc()).limit(ROWS + 1))
    newest_first = (seats.c.round_id.desc(), seats.c.ballot_id.desc())
    drawn = look.rows(sat.order_by(*newest_first).limit(ROWS + 1))
    # A round whose committees do not all fit is on the next page, whole.
    oldest = max((rows[ROWS].round_id + 1 for rows in (own, drawn) if len(rows) > ROWS), default=None)
    return Rounds(
        tuple(MinedLine(row.round_id, solution_line(row)) for row in own if row.round_id >= (oldest or 0)),
        tuple(_seat(row) for row in drawn if row.round_id >= (oldest or 0)),
        oldest,
    )


def _seat(row: Any) -> SatLine:
    return SatLine(
        round_id=row.round_id,
        attempt=round_and_attempt(row.ballot_id)[1],
        stage=row.stage,
        ending=row.ending,
        fee=Ether(row.fee),
        lost=Ether(row.lost),
        strike=row.strike,
    )
