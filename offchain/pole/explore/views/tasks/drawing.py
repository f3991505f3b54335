"""A specification drawn: a box a layer, one below the other, and beside them the links that skip some.

Lengths are units of the drawing, which is as wide as a telephone's screen has pixels. Of a deep network the
middle is left out, and of very many links those that find no room: the table of layers has them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pole.explore.views.tasks.specification import FEATURES, SpecificationView
from pole.quoting import one_line

WIDTH: Final = 340
BOX: Final = 44
GAP: Final = 18
LANE: Final = 10
MAX_LANES: Final = 8
MAX_NAME: Final = 17
FIRST_LAYERS: Final = 16
LAST_LAYERS: Final = 8
SAMPLE: Final = "sample"
RESULT: Final = "result"
_CUT: Final = 12
"""How far from its edge a link leaves or enters a box at its side."""


@dataclass(frozen=True, slots=True)
class Box:
    """A step: `title` and `kind` stand on its first line, `makes` and `cost` on its second."""

    title: str
    kind: str
    makes: str
    cost: str
    top: int
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class LayerDrawing:
    """What is drawn. `arrows` are the tops of boxes that the next one reads; `said` is it all in words.

    `paths` are links that skip layers, `tips` where they end; for `left_out` of them there is no room.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[int, ...]
    paths: tuple[str, ...]
    tips: tuple[str, ...]
    width: int
    box_width: int
    height: int
    left_out: int
    said: str


@dataclass
class _Links:
    """Links by the row that they start from, to the rows that read it."""

    readers: dict[int, list[int]] = field(default_factory=dict)

    def add(self, source: int, reader: int) -> None:
        rows = self.readers.setdefault(source, [])
        if reader not in rows:
            rows.append(reader)


def drawn_layers(view: SpecificationView) -> LayerDrawing:
    """Return the drawing of a specification."""
    boxes, rows = _boxes(view)
    straight, links = _links(view, rows)
    lanes, left_out = _lanes(links)
    box_width = WIDTH - 2 - (LANE * (max(lanes.values(), default=-1) + 1) + 6 if lanes else 0)
    paths, tips = _paths(links, lanes, boxes, box_width)
    return LayerDrawing(
        boxes=boxes,
        arrows=tuple(boxes[row].top for row in sorted(straight)),
        paths=tuple(paths),
        tips=tuple(tips),
        width=WIDTH,
        box_width=box_width,
        height=boxes[-1].top + BOX + 2,
        left_out=left_out,
        said=_said(view),
    )


def sizes(shape: Sequence[int]) -> str:
    """Return a shape as people write it: 28 × 28."""
    return " × ".join(f"{side:,}" for side in shape)


def _boxes(view: SpecificationView) -> tuple[tuple[Box, ...], dict[str, int]]:
    """Return the boxes from above, and at which of them each name stands; those left out share one."""
    layers, mapping = view.layers, view.mapping
    left_out = len(layers) - FIRST_LAYERS - LAST_LAYERS
    noise = f", noise {mapping.noise:,}" if mapping.noise else ""
    told = [
        (SAMPLE, "encrypted", sizes(view.shape), f"{view.bits} bits a value", False),
        ("mapping", mapping.kind, sizes(mapping.makes), f"{mapping.queries:,} queries{noise}", False),
    ]
    rows = {FEATURES: 1}
    for number, layer in enumerate(layers):
        if left_out > 1 and FIRST_LAYERS <= number < FIRST_LAYERS + left_out:
            if number == FIRST_LAYERS:
                told.append((f"{left_out} layers", "", "in the table below", "", True))
            rows[layer.name] = FIRST_LAYERS + 2
            continue
        rows[layer.name] = len(told)
        cost = f"{layer.parameters:,} parameters" if layer.parameters else ""
        told.append((one_line(layer.name, MAX_NAME), layer.op, sizes(layer.makes), cost, False))
    ends = "a number" if view.steps else f"{view.classes:,} classes"
    told.append((RESULT, view.metric, ends, "", False))
    places = enumerate(told)
    boxes = tuple(Box(*each[:4], top=1 + row * (BOX + GAP), skipped=each[4]) for row, each in places)
    return boxes, rows


def _links(view: SpecificationView, rows: dict[str, int]) -> tuple[set[int], _Links]:
    """Return the rows that are read from by the row below, and the links that skip rows."""
    straight, links = {0}, _Links()
    last = max(rows.values())
    for layer in view.layers:
        reader = rows[layer.name]
        for name in layer.reads:
            source = rows[name]
            if reader == source + 1:
                straight.add(source)
            elif reader != source:
                links.add(source, reader)
    straight.add(last)
    return straight, links


def _lanes(links: _Links) -> tuple[dict[int, int], int]:
    """Return the lane of each row's links, beside which none other runs, and how many links find none."""
    lanes: dict[int, int] = {}
    free_from = [0] * MAX_LANES
    left_out = 0
    for source, readers in sorted(links.readers.items()):
        lane = next((lane for lane, row in enumerate(free_from) if row <= source), None)
        if lane is None:
            left_out += len(readers)
            continue
        lanes[source], free_from[lane] = lane, max(readers)
    return lanes, left_out


def _paths(
    links: _Links, lanes: dict[int, int], boxes: Sequence[Box], box_width: int
) -> tuple[list[str], list[str]]:
    paths, tips = [], []
    edge = box_width + 1
    for source, lane in lanes.items():
        x = edge + 6 + lane * LANE
        start = boxes[source].top + BOX - _CUT
        for reader in links.readers[source]:
            end = boxes[reader].top + _CUT
            paths.append(f"M{edge} {start}H{x}V{end}H{edge + 4}")
            tips.append(f"M{edge} {end}l5 -3v6z")
    return paths, tips


def _said(view: SpecificationView) -> str:
    mapping = view.mapping
    first = (
        f"A sample of {sizes(view.shape)} values goes through the {mapping.kind} mapping layer, which makes "
        f"{sizes(mapping.makes)} features, and then through {len(view.layers)} "
        f"{'layer' if len(view.layers) == 1 else 'layers'} of {view.parameters:,} parameters"
    )
    named = [f"{each.name}, {each.op}, makes {sizes(each.makes)}" for each in view.layers[:FIRST_LAYERS]]
    rest = "; and so on" if len(view.layers) > FIRST_LAYERS else ""
    return f"{first}: {'; '.join(named)}{rest}."
