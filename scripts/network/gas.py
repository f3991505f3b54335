"""What each role pays in gas for a task, by docs/gas.md, which `tools/brownie run gas` measures."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from typing import Final

from scripts.economics.gas import CALLS
from scripts.pages.gas import PAGE
from scripts.pages.tables import rows

Costs = Mapping[str, Sequence[tuple[int, int]]]
"""For each call its gas at some sizes, smallest first."""

BASE_SEATS: Final = 5
"""Seats of the round whose gas is told by solutions."""


@dataclass(frozen=True, slots=True)
class GasTable:
    """The gas of every call by solutions, by seats and by tasks that wait."""

    solutions: Costs
    seats: Costs
    tasks: Costs

    def call(self, name: str, *, solutions: int, seats: int) -> float:
        """Return the gas of a call in a round of so many solutions and seats.

        What more seats cost is added to what more solutions cost: no table has both. A call that no table has
        costs its limit.
        """
        if name not in self.solutions:
            return float(CALLS[name])
        base = interpolated(self.solutions[name], solutions)
        by_seats = self.seats.get(name)
        if by_seats is None:
            return base
        return base + interpolated(by_seats, seats) - interpolated(by_seats, BASE_SEATS)

    def with_waiting(self, name: str, waiting: float, *, scale: Callable[[float], float] = log2) -> float:
        """Return the gas of posting or opening while so many tasks wait, by the logarithm of their number."""
        return interpolated(self.tasks[name], max(waiting, 1), scale=scale)


@dataclass(frozen=True, slots=True)
class RoundGas:
    """The gas that one task takes, by who sends it; `verifier` is that of one seat."""

    data_node: float
    miners: float
    verifier: float
    seats: int
    keepers: float

    @property
    def total(self) -> float:
        """Return the gas of the whole task."""
        return self.data_node + self.miners + self.verifier * self.seats + self.keepers


def read_gas(page: str | None = None) -> GasTable:
    """Return the tables of docs/gas.md, or of a page like it."""
    text = PAGE.read_text(encoding="utf-8") if page is None else page
    return GasTable(*(_costs(rows(text, name)) for name in ("solutions", "seats", "tasks")))


def interpolated(
    points: Sequence[tuple[int, int]], at: float, *, scale: Callable[[float], float] = float
) -> float:
    """Return the value on the line through the two points next to `at`, and beyond the ends on the last."""
    sizes = [size for size, _ in points]
    place = min(max(bisect_left(sizes, at), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[place - 1 : place + 1]
    return y0 + (y1 - y0) * (scale(at) - scale(x0)) / (scale(x1) - scale(x0))


def commits(miners: float, places: int) -> float:
    """Return how many commitments a round takes on average: a higher claim takes the lowest place.

    Miners come one after the other with claims in random order. The n-th finds a place if it is among the
    best so far: always up to `places`, later with probability places / n.
    """
    if miners <= places:
        return miners
    return places + places * sum(1 / n for n in range(places + 1, round(miners) + 1))


def round_gas(table: GasTable, *, solutions: int, commitments: float, seats: int, waiting: float) -> RoundGas:
    """Return what a task costs from its posting to its block, while so many wait."""

    def of(name: str) -> float:
        return table.call(name, solutions=solutions, seats=seats)

    opening = of("open") + table.with_waiting("open", waiting) - table.with_waiting("open", 1)
    displaced = max(commitments - solutions, 0)
    return RoundGas(
        data_node=table.with_waiting("post, median", waiting) + of("keys") + of("close") + of("release"),
        miners=solutions * (of("commit") + of("reveal")) + displaced * of("displace"),
        verifier=of("commit vote") + of("reveal vote"),
        seats=seats,
        keepers=opening + of("draw seed") + of("draw") + of("finalise"),
    )


def _costs(table: Sequence[Sequence[str]]) -> Costs:
    head, *lines = table
    sizes = [_number(cell.split()[0]) for cell in head[1:] if cell[0].isdigit()]
    assert all(low < high for low, high in pairwise(sizes))
    return {
        name: [(n, _number(cell)) for n, cell in zip(sizes, cells, strict=False)] for name, *cells in lines
    }


def _number(text: str) -> int:
    return int(text.replace(",", ""))
