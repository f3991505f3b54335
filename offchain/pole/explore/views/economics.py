"""Economics: what tasks offer, what rounds pay, what gas costs, the pool and the stakes, day by day."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from pole.explore.index import money
from pole.explore.schema import network_days
from pole.explore.views.looking import Ether, Look, balance_of, head_of
from pole.protocol.state import PayoutReason

DAYS: Final = ("7", "30", "90", "365")
"""The numbers of days, today among them, that can be asked for."""

USUAL: Final = "30"

_REWARDS: Final = (PayoutReason.TASK_REWARD.name, PayoutReason.TRAINING_REWARD.name)
_FROM_POOL: Final = (
    PayoutReason.BLOCK_REWARD.name,
    PayoutReason.OMMER_INCLUSION.name,
    PayoutReason.OMMER_REWARD.name,
)


@dataclass(frozen=True, slots=True)
class EconomicsDay:
    """A day since the epoch, UTC, in which anything happened.

    `offered` are the rewards of tasks that were posted, `fees` what their owners paid to the pool. `rewards`
    came from tasks, `from_pool` from the pool, `verification` are the fees of votes, `penalties` what stakes
    lost. `gas` is what `transactions` with events used, and `gas_paid` what it cost; both are None where that
    is not known of all of them. `pool` and `stakes` are what they held when the day ended, the last one's
    what they hold now.
    """

    day: int
    tasks: int
    offered: Ether
    fees: Ether
    blocks: int
    void: int
    rewards: Ether
    from_pool: Ether
    verification: Ether
    penalties: Ether
    transactions: int
    gas: int | None
    gas_paid: Ether | None
    pool: Ether
    stakes: Ether


@dataclass(frozen=True, slots=True)
class EconomicsPage:
    """The newest days, the newest first; `waiting` is what tasks that wait have paid in."""

    days: int
    pool: Ether
    stakes: Ether
    waiting: Ether
    lines: tuple[EconomicsDay, ...]


Sums = dict[str, tuple[int, int]]
"""Wei, and how often, by kind."""


def economics_page(look: Look, days: str) -> EconomicsPage:
    """Return the newest days."""
    shown = int(days or USUAL)
    table = network_days
    oldest = head_of(look).time // money.DAY - shown
    rows = look.rows(select(table).where(table.c.day > oldest).order_by(table.c.day.desc()))
    shared = look.where.shared
    pool, stakes = balance_of(look, shared.pool), balance_of(look, shared.stakes)
    return EconomicsPage(
        days=shown,
        pool=pool,
        stakes=stakes,
        waiting=balance_of(look, shared.tasks),
        lines=tuple(_lines(rows, pool, stakes)),
    )


def _lines(rows: Iterable[Any], pool: int, stakes: int) -> Iterable[EconomicsDay]:
    """Yield the days, the newest first, from what the pool and the stakes hold now back to what they held."""
    by_day: dict[int, Sums] = {}
    for row in rows:
        by_day.setdefault(row.day, {})[row.kind] = (row.amount, row.times)
    for day, sums in by_day.items():
        yield _line(day, sums, pool, stakes)
        pool -= _amount(sums, money.POOL_CHANGE)
        stakes -= _amount(sums, money.STAKES_CHANGE)


def _line(day: int, sums: Sums, pool: int, stakes: int) -> EconomicsDay:
    transactions = _times(sums, money.GAS)
    is_known = transactions == _times(sums, money.GAS_PAID)
    return EconomicsDay(
        day=day,
        tasks=_times(sums, money.OFFERED),
        offered=_amount(sums, money.OFFERED),
        fees=_amount(sums, money.FEE),
        blocks=_times(sums, money.BLOCK),
        void=_times(sums, money.VOID),
        rewards=_amount(sums, *_REWARDS),
        from_pool=_amount(sums, *_FROM_POOL),
        verification=_amount(sums, "VERIFICATION"),
        penalties=_amount(sums, "PENALTY"),
        transactions=transactions,
        gas=int(_amount(sums, money.GAS)) if is_known else None,
        gas_paid=_amount(sums, money.GAS_PAID) if is_known else None,
        pool=Ether(pool),
        stakes=Ether(stakes),
    )


def _amount(sums: Sums, *kinds: str) -> Ether:
    return Ether(sum(sums.get(kind, (0, 0))[0] for kind in kinds))


def _times(sums: Sums, kind: str) -> int:
    return sums.get(kind, (0, 0))[1]
