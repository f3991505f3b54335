"""Line charts and bars as SVG documents, by hand: the pictures of docs/results.md."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 520, 40, 310
COLOURS: Final = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#57606a", "#bf3989", "#1b7c83")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axes:
    """The titles and ranges of a chart; `y_bottom` and `y_top` are those of the data where left out."""

    title: str
    x: str
    y: str
    y_bottom: float | None = None
    y_top: float | None = None


def lines(axes: Axes, curves: Mapping[str, Points]) -> str:
    """Return a chart with a line a name; every curve has a point at least."""
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    bottom = min(ys) if axes.y_bottom is None else axes.y_bottom
    top = max(ys) if axes.y_top is None else axes.y_top
    # Epochs and blocks have no halves.
    whole = 1.0 if all(float(x).is_integer() for x in xs) else 0.0
    x_ticks = ticks(min(xs), max(xs), minimum_step=whole)
    y_ticks = ticks(bottom, max(top, bottom + 1e-9))
    scale_x = _Scale(x_ticks[0], x_ticks[-1], LEFT, RIGHT)
    scale_y = _Scale(y_ticks[0], y_ticks[-1], BOTTOM, TOP)
    parts = _frame(axes, scale_x, x_ticks, scale_y, y_ticks)
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if number >= len(COLOURS) else ""
        path = "L".join(f"{scale_x(x):.1f} {scale_y(y):.1f}" for x, y in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if len(points) == 1:
            x, y = scale_x(points[0][0]), scale_y(points[0][1])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        y = TOP + 18 * number
        parts.append(f'<path d="M{RIGHT + 14} {y}h22" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{RIGHT + 42}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def ticks(low: float, high: float, *, minimum_step: float = 0.0) -> list[float]:
    """Return round numbers, 2 to 8 of them, from at most `low` to at least `high`."""
    span = high - low if high > low else max(abs(high), 1.0)
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    step = max(step, minimum_step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)


def _frame(
    axes: Axes, scale_x: _Scale, x_ticks: list[float], scale_y: _Scale, y_ticks: list[float]
) -> list[str]:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#24292f">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-weight="bold">{escape(axes.title)}</text>',
    ]
    for value in y_ticks:
        y = scale_y(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="#d8dee4"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in x_ticks:
        x = scale_x(value)
        parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{value:g}</text>')
    middle_x, middle_y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    parts.append(f'<text x="{middle_x:.0f}" y="{BOTTOM + 38}" text-anchor="middle">{escape(axes.x)}</text>')
    parts.append(
        f'<text x="18" y="{middle_y:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 18 {middle_y:.0f})">{escape(axes.y)}</text>'
    )
    return parts
