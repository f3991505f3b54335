"""What every view is asked with, and the values that views share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NewType, TypeVar

from sqlalchemy import BigInteger, Column, Connection, Select, String, cast, func, select, type_coerce

from pole.errors import PoleError
from pole.explore import schema
from pole.explore.database import DIGITS
from pole.explore.index.money import Account
from pole.explore.index.rounds import Where
from pole.protocol.parameters import Parameters
from pole.protocol.state import PostedTask

ROWS: Final = 50
"""Lines of a list on one page."""

LARGEST: Final = 2**63 - 1
"""The largest number that a table can be asked for."""

PART: Final = 10
"""Decimal digits of an amount that are added up at a time: 900 million of them fit 64 bits."""

Ether = NewType("Ether", int)
"""An amount in wei."""

Time = NewType("Time", int)
"""Seconds since the epoch, by the clock of an Ethereum block."""

FindSpecification = Callable[[PostedTask, int | None], bytes | None]
"""Returns the specification of a task that a round has taken, None where this machine does not have it."""

T = TypeVar("T")


class NotThereError(PoleError):
    """There is nothing of that name or number; the message says what there is instead."""

    exit_code = 2


def nothing_kept(_task: PostedTask, _round_id: int | None) -> None:
    """Return that this machine has the specification of no task."""


@dataclass(frozen=True, slots=True)
class Look:
    """The index at one moment: a connection whose transaction sees one state, and whose network it is.

    `find_specification` looks for files of this machine, and fetches none.
    """

    connection: Connection
    where: Where
    find_specification: FindSpecification = nothing_kept

    @property
    def parameters(self) -> Parameters:
        """Return the parameters of the network."""
        return self.where.parameters

    def rows(self, asked: Select[Any]) -> list[Any]:
        """Return the rows of a query."""
        return list(self.connection.execute(asked))

    def row(self, asked: Select[Any]) -> Any | None:
        """Return the first row of a query, None without one."""
        return self.connection.execute(asked.limit(1)).first()

    def value(self, asked: Select[Any]) -> Any:
        """Return the one value of a query, None without a row."""
        return self.connection.execute(asked.limit(1)).scalar()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest Ethereum block that was read, 0 and 0 before the first."""

    block: int
    time: Time


@dataclass(frozen=True, slots=True)
class Act:
    """A line of a timeline: who did what when; `who` is "" where the chain does not say."""

    time: Time
    block: int
    kind: str
    who: str
    round_id: int | None
    task_id: int | None
    detail: str


def head_of(look: Look) -> Head:
    """Return how far the index reaches."""
    row = look.row(select(schema.blocks).order_by(schema.blocks.c.number.desc()))
    return Head(0, Time(0)) if row is None else Head(row.number, Time(row.time))


def balance_of(look: Look, account: Account) -> Ether:
    """Return what an account of the reservoir holds."""
    table, (holder, name) = schema.balances, account
    return Ether(
        look.value(select(table.c.amount).where(table.c.holder == holder, table.c.account == name)) or 0
    )


def act_of(row: Any) -> Act:
    """Return the line of a row of `acts`."""
    return Act(Time(row.time), row.block, row.kind, row.who, row.round_id, row.task_id, row.detail)


def wei_sum(column: Column[Any], name: str) -> list[Any]:
    """Return columns that add up amounts in either database; `wei_of` makes the sum of them.

    Neither has an integer for wei in ether, so their digits are added in parts, exactly.
    """
    digits = type_coerce(column, String)
    return [
        func.sum(cast(func.substr(digits, 1 + start, PART), BigInteger)).label(f"{name}_{start}")
        for start in range(0, DIGITS, PART)
    ]


def wei_of(row: Any, name: str) -> Ether:
    """Return the sum that the columns of `wei_sum` have in a row."""
    total = 0
    for start in range(0, DIGITS, PART):
        total = total * 10**PART + int(row._mapping[f"{name}_{start}"] or 0)
    return Ether(total)


def paged(rows: Sequence[T]) -> tuple[tuple[T, ...], bool]:
    """Return the lines of a page out of ROWS + 1 that were asked for, and whether there are more."""
    return tuple(rows[:ROWS]), len(rows) > ROWS
