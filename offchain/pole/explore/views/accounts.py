"""An account: what it is, what it earned and holds, and how each of its rounds went."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from pole.explore.index.money import CREDIT, EARNED
from pole.explore.schema import account_days, acts, balances, seats, solutions, tasks
from pole.explore.views.looking import ROWS, Act, Ether, Look, NotThereError, act_of
from pole.explore.views.rounds.pages import SolutionLine, solution_line
from pole.explore.views.tasks.pages import TaskLine, task_line

DAYS: Final = 400
"""Days of earnings on a page: a year, and some."""


@dataclass(frozen=True, slots=True)
class KindSum:
    """What an account was paid or paid in all, by kind; `earned` tells earnings from stakes and bonds."""

    kind: str
    amount: Ether
    times: int
    earned: bool


@dataclass(frozen=True, slots=True)
class DaySum:
    """What an account earned on a day since the epoch, UTC."""

    day: int
    earned: Ether


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

    `stake` is what was staked less what was taken or came back. `held` is bonds in rounds that are open.
    """

    address: str
    roles: tuple[str, ...]
    credit: Ether
    stake: Ether
    held: Ether
    wins: int
    mined: int
    sat: int
    kinds: tuple[KindSum, ...]
    days: tuple[DaySum, ...]
    solutions: tuple[MinedLine, ...]
    seats: tuple[SatLine, ...]
    tasks: tuple[TaskLine, ...]
    acts: tuple[Act, ...]


def account_page(look: Look, address: str) -> AccountPage:
    """Return an account by its EIP-55 address; raises NotThereError where the chain never heard of it."""
    days = look.rows(
        select(account_days).where(account_days.c.address == address).order_by(account_days.c.day.desc())
    )
    kinds = _kinds(days)
    mined = select(solutions).where(solutions.c.miner == address).order_by(solutions.c.round_id.desc())
    sat = select(seats).where(seats.c.verifier == address).order_by(seats.c.ballot_id.desc())
    posted = select(tasks).where(tasks.c.owner == address).order_by(tasks.c.task_id.desc())
    acted = select(acts).where(acts.c.who == address)
    latest = look.rows(acted.order_by(acts.c.block.desc(), acts.c.log_index.desc()).limit(ROWS))
    owned = look.rows(posted.limit(ROWS))
    if not (days or latest or owned):
        raise NotThereError(f"Nothing on this chain was done by, or paid to, {address}.")
    sums = {each.kind: each.amount for each in kinds}
    counts = {name: _count(look, table) for name, table in (("mined", mined), ("sat", sat))}
    return AccountPage(
        address=address,
        roles=_roles(counts, sums, owned=bool(owned)),
        credit=_credit(look, address),
        stake=Ether(sums.get("STAKED", 0) - sums.get("PENALTY", 0) - sums.get("RECLAIMED", 0)),
        held=Ether(sum(look.connection.scalars(_held(address)))),
        wins=look.value(_wins(address)),
        mined=counts["mined"],
        sat=counts["sat"],
        kinds=kinds,
        days=_days(days),
        solutions=tuple(MinedLine(row.round_id, solution_line(row)) for row in look.rows(mined.limit(ROWS))),
        seats=tuple(_seat(row) for row in look.rows(sat.limit(ROWS))),
        tasks=tuple(task_line(look, row) for row in owned),
        acts=tuple(act_of(row) for row in latest),
    )


def _roles(counts: dict[str, int], sums: dict[str, Ether], *, owned: bool) -> tuple[str, ...]:
    found = {"data node": owned, "miner": counts["mined"] > 0, "verifier": "STAKED" in sums}
    return tuple(role for role, holds in found.items() if holds)


def _count(look: Look, asked: Any) -> int:
    counted = select(func.count()).select_from(asked.order_by(None).subquery())
    count: int = look.value(counted)
    return count


def _credit(look: Look, address: str) -> Ether:
    is_credit = (balances.c.holder == address) & (balances.c.account == CREDIT)
    return Ether(look.value(select(balances.c.amount).where(is_credit)) or 0)


def _held(address: str) -> Any:
    return select(solutions.c.held).where(solutions.c.miner == address, solutions.c.ending == "open")


def _wins(address: str) -> Any:
    won = select(func.count()).select_from(solutions)
    return won.where(solutions.c.miner == address, solutions.c.ending == "won")


def _kinds(days: Iterable[Any]) -> tuple[KindSum, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for row in days:
        amount, times = sums.get(row.kind, (0, 0))
        sums[row.kind] = (amount + row.amount, times + row.times)
    return tuple(
        KindSum(kind, Ether(amount), times, kind in EARNED) for kind, (amount, times) in sorted(sums.items())
    )


def _days(days: Iterable[Any]) -> tuple[DaySum, ...]:
    """Return what was earned on each of the newest days on which anything was, the newest first."""
    sums: dict[int, int] = {}
    for row in days:
        if row.kind in EARNED:
            sums[row.day] = sums.get(row.day, 0) + row.amount
    return tuple(DaySum(day, Ether(amount)) for day, amount in list(sums.items())[:DAYS])


def _seat(row: Any) -> SatLine:
    return SatLine(
        round_id=row.round_id,
        attempt=row.ballot_id - 4 * row.round_id,
        stage=row.stage,
        ending=row.ending,
        fee=Ether(row.fee),
        lost=Ether(row.lost),
        strike=row.strike,
    )
