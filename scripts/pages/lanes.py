"""Draws docs/lanes.svg, four lanes over time: python -m scripts.pages.lanes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "lanes.svg"
WIDTH, HEIGHT, LEFT, TOP, LANE = 1260, 380, 110, 46, 58
CHAIN: Final = TOP + 4 * LANE + 40
PHASES: Final = ("seed", "keys", "training", "reveal", "votes")
PARTS: Final = (0.08, 0.1, 0.47, 0.15, 0.2)
COLOURS: Final = ("#24292f", "#1f6feb", "#bc4c00", "#8250df", "#1a7f37")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A round in the picture: its lane, number, where it begins and ends, and the block that ends it.

    Without a block the round is void, and `phases` tells how many of its phases it went through.
    """

    lane: int
    number: int
    start: int
    end: int
    block: int
    phases: int = len(PHASES)


ROUNDS: Final = (
    Drawn(0, 4, 0, 420, 2),
    Drawn(1, 5, 40, 300, 1),
    Drawn(2, 6, 90, 230, 0, phases=3),
    Drawn(3, 7, 130, 610, 3),
    Drawn(2, 10, 240, 760, 4),
    Drawn(1, 9, 310, 880, 5),
    Drawn(0, 8, 430, 1010, 6),
    Drawn(3, 11, 620, 1060, 7),
)


def picture() -> str:
    """Return the picture as an SVG document."""
    body = "\n".join([*_lanes(), *(line for each in ROUNDS for line in _round(each)), *_chain(), *_legend()])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" \
font-family="system-ui, sans-serif" font-size="11.5">
<title>Four lanes over time: rounds of all lanes feed one chain of blocks</title>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
{body}
</svg>
"""


def _lanes() -> list[str]:
    lines = []
    for lane in range(4):
        y = TOP + lane * LANE
        lines.append(
            f'<rect x="10" y="{y}" width="{WIDTH - 20}" height="{LANE - 10}" rx="8" fill="#24292f" '
            'fill-opacity="0.05"/>'
        )
        lines.append(_text(24, y + 28, f"Lane {lane}", "#24292f", bold=True, anchor="start"))
    return lines


def _round(each: Drawn) -> list[str]:
    y, x = TOP + each.lane * LANE + 14, float(LEFT + each.start)
    parts = PARTS[: each.phases]
    name = f"round {each.number}" if each.block else f"round {each.number}: void"
    lines = [_text(x, y - 3, name, "#24292f", anchor="start")]
    for part, colour in zip(parts, COLOURS, strict=False):
        width = (each.end - each.start) * part / sum(parts)
        lines.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="22" fill="{colour}" fill-opacity="0.75"/>'
        )
        x += width
    if each.block == 0:
        return lines
    lines.append(
        f'<path d="M{x:.1f} {y + 22}L{x:.1f} {CHAIN}" stroke="#57606a" stroke-width="1.4" fill="none" '
        'marker-end="url(#a)"/>'
    )
    return lines


def _chain() -> list[str]:
    lines = [_text(24, CHAIN + 20, "Blocks", "#24292f", bold=True, anchor="start")]
    places = {each.block: LEFT + each.end for each in ROUNDS if each.block}
    before = LEFT
    for _, x in sorted(places.items()):
        lines.append(
            f'<path d="M{x - 16} {CHAIN + 15}L{before + 16} {CHAIN + 15}" stroke="#24292f" '
            'stroke-width="1.6" fill="none" marker-end="url(#a)"/>'
        )
        before = x
    for block, x in {0: LEFT, **places}.items():
        lines.append(
            f'<rect x="{x - 15}" y="{CHAIN}" width="30" height="30" rx="6" fill="#fff" stroke="#24292f"/>'
        )
        lines.append(_text(x, CHAIN + 19, str(block), "#24292f", bold=True))
    return lines


def _legend() -> list[str]:
    lines = []
    for place, (phase, colour) in enumerate(zip(PHASES, COLOURS, strict=True)):
        x = LEFT + place * 100
        lines.append(f'<rect x="{x}" y="16" width="14" height="14" fill="{colour}" fill-opacity="0.75"/>')
        lines.append(_text(x + 20, 27, phase, "#24292f", anchor="start"))
    told = "each round takes the best task that waits; a block's parent is the newest block when it is made"
    lines.append(_text(LEFT, CHAIN + 58, told, "#24292f", anchor="start"))
    return lines


def _text(x: float, y: float, text: str, colour: str, *, bold: bool = False, anchor: str = "middle") -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{colour}"{weight}>{text}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"Wrote {PICTURE}.")
