"""Which round a row of an account's history is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Generic, Protocol, TypeVar

from pole.protocol.replay.standing import ReplayedRound


@dataclass(frozen=True, slots=True)
class RoundPlace:
    """A round, its task (0 of an idle round), its lane, its block, and when it ended.

    `height` is 0 where it has no block, `ended_at` None while it is open, else in seconds since the epoch.
    """

    round_id: int
    task_id: int
    lane: int
    height: int
    ended_at: int | None

    @property
    def day(self) -> date | None:
        """Return the day on which the round ended, in UTC; None while it is open."""
        return None if self.ended_at is None else datetime.fromtimestamp(self.ended_at, UTC).date()


class Row(Protocol):
    """What a round paid an account, what it cost it, and what of the account's it holds, in wei."""

    @property
    def place(self) -> RoundPlace:
        """Return which round it is."""

    @property
    def paid(self) -> int:
        """Return what was earned."""

    @property
    def lost(self) -> int:
        """Return what was forfeited."""

    @property
    def held(self) -> int:
        """Return what may still come back or be forfeited."""


AnyRow = TypeVar("AnyRow", bound=Row)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over rows, in wei, and how many rows there are."""

    rounds: int
    paid: int
    lost: int
    held: int


@dataclass(frozen=True, slots=True)
class Day(Generic[AnyRow]):
    """The rows of the rounds that ended on a day, or, without one, that are open."""

    day: date | None
    rows: tuple[AnyRow, ...]


def place_of(played: ReplayedRound, lanes: int) -> RoundPlace:
    """Return which round it is, of a deployment with so many lanes."""
    return RoundPlace(
        round_id=played.round_id,
        task_id=played.task.task_id,
        lane=played.round_id % lanes,
        height=played.height,
        ended_at=None if played.clock is None else played.clock.ended_at,
    )


def by_day(rows: Sequence[AnyRow]) -> tuple[Day[AnyRow], ...]:
    """Return rows by the day on which their round ended, oldest first, those of open rounds last."""
    days = sorted({row.place.day for row in rows}, key=lambda day: day or date.max)
    return tuple(Day(day, tuple(row for row in rows if row.place.day == day)) for day in days)


def sums(rows: Sequence[Row]) -> Sums:
    """Return the sums over rows."""
    return Sums(
        rounds=len(rows),
        paid=sum(row.paid for row in rows),
        lost=sum(row.lost for row in rows),
        held=sum(row.held for row in rows),
    )
