"""docs/committee.svg: the chance that a committee is captured, by the dishonest share of the seats."""

from collections.abc import Sequence
from typing import Final

from scripts.economics.committee import one_draw
from scripts.pages.charts import Axes, lines

MINIMUM: Final = 1e-9
"""The chance at the bottom of the picture; lines begin above it."""
MAXIMUM_SHARE: Final = 50
"""Percent of the seats at the right end."""
SIZES: Final = (5, 15, 31, 63)


def chart(seats: int, sizes: Sequence[int]) -> str:
    """Return an SVG picture with a line for each committee size."""
    axes = Axes(
        f"Chance that a committee out of {seats} seats is captured",
        "dishonest seats, %",
        "chance",
        y_bottom=MINIMUM,
        y_top=1,
        y_scale="log",
    )
    return lines(axes, {f"n = {n}": _points(seats, n) for n in sizes})


def _points(seats: int, n: int) -> list[tuple[float, float]]:
    chances = (
        (percent, float(one_draw(seats=seats, dishonest=seats * percent // 100, n=n).capture))
        for percent in range(1, MAXIMUM_SHARE + 1)
    )
    return [(percent, chance) for percent, chance in chances if chance >= MINIMUM]
