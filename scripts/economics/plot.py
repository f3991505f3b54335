"""docs/committee.svg: the chance that a committee is captured, by the dishonest share of the seats."""

from collections.abc import Sequence
from fractions import Fraction
from math import log10
from typing import Final

from scripts.economics.committee import one_draw

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 640, 20, 310
MINIMUM: Final = -9
"""Powers of ten on the logarithmic axis: from this one to 0."""
MAXIMUM_SHARE: Final = 50
"""Percent of the seats at the right end."""
COLOURS: Final = {5: "#cf222e", 15: "#9a6700", 31: "#0969da", 63: "#1a7f37"}


def plot(seats: int, sizes: Sequence[int]) -> str:
    """Return an SVG picture with a line for each committee size."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#24292f">',
        f"<title>Chance that a committee out of {seats} seats is captured</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_grid(),
    ]
    for n in sizes:
        parts += _line(seats, n)
    return "\n".join([*parts, "</svg>", ""])


def _grid() -> list[str]:
    lines = []
    for power in range(MINIMUM, 1):
        y = _y(power)
        lines.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#d8dee4"/>')
        label = "1" if power == 0 else f"10<tspan dy='-4' font-size='9'>{power}</tspan>"
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for percent in range(0, MAXIMUM_SHARE + 1, 10):
        x = _x(percent)
        lines.append(f'<path d="M{x:.1f} {TOP}V{BOTTOM}" stroke="#d8dee4"/>')
        lines.append(f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{percent} %</text>')
    middle = (LEFT + RIGHT) / 2
    lines.append(f'<text x="{middle:.1f}" y="{BOTTOM + 38}" text-anchor="middle">dishonest seats</text>')
    return lines


def _line(seats: int, n: int) -> list[str]:
    points = []
    for percent in range(1, MAXIMUM_SHARE + 1):
        chance = one_draw(seats=seats, dishonest=seats * percent // 100, n=n).capture
        if chance >= Fraction(10) ** MINIMUM:
            points.append(f"{_x(percent):.1f} {_y(log10(chance)):.1f}")
    end = points[-1].split()
    return [
        f'<path d="M{"L".join(points)}" fill="none" stroke="{COLOURS[n]}" stroke-width="2"/>',
        f'<text x="{float(end[0]) + 8:.1f}" y="{float(end[1]) + 4:.1f}" fill="{COLOURS[n]}">n = {n}</text>',
    ]


def _x(percent: float) -> float:
    return LEFT + (RIGHT - LEFT) * percent / MAXIMUM_SHARE


def _y(power: float) -> float:
    return TOP + (BOTTOM - TOP) * power / MINIMUM
