"""The time of a round drawn: a row a phase, a bar as wide as it took, marks for acts, lines for deadlines.

Lengths are units of the drawing, which is as wide as a telephone's screen has pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pole.explore.views.rounds.timeline import OF_COMMITTEE, Mark, Stretch, Timeline
from pole.quoting import utc

WIDTH: Final = 340
LABEL: Final = 88
ROW: Final = 30
HEAD: Final = 20
THINNEST: Final = 2
"""Width of the bar of a phase that took no time."""

SHAPES: Final = {
    "SolutionCommitted": "commit",
    "VoteCommitted": "commit",
    "SolutionRevealed": "reveal",
    "VoteRevealed": "reveal",
    "TallyChallenged": "doubt",
    "VoteLeaked": "doubt",
}
OTHER: Final = "other"

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Sign:
    """Acts of one kind that fall on one place of a row."""

    x: int
    shape: str
    kind: str
    count: int
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """A phase: its bar from `x` on, its deadline where that is within the drawing, and its acts.

    `committee` is the number of its committee where the round has had another before it, None else.
    """

    phase: str
    committee: int | None
    took: str
    top: int
    x: int
    width: int
    deadline: int | None
    exact: bool
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class TimelineDrawing:
    """What is drawn, between the times of its left and its right edge."""

    rows: tuple[Row, ...]
    height: int
    took: str
    open: bool


def drawn_timeline(timeline: Timeline, now: int) -> TimelineDrawing:
    """Return the drawing of a round's time; `now` is the time up to which one goes that is under way."""
    stretches = timeline.stretches
    begins, last = stretches[0].begins, stretches[-1]
    is_open = last.ends is None
    ends = max(now, last.deadline or now, last.begins) if last.ends is None else last.ends
    scale = _Scale(begins, max(ends, begins + 1))
    rows = tuple(_row(stretch, place, timeline.marks, scale, now) for place, stretch in enumerate(stretches))
    until = max(now, begins) if is_open else ends
    return TimelineDrawing(rows, HEAD + ROW * len(rows) + 2, lasting(until - begins), is_open)


def lasting(seconds: int) -> str:
    """Return how long something takes: its two largest units."""
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])


@dataclass(frozen=True, slots=True)
class _Scale:
    begins: int
    ends: int

    def x(self, time: int) -> int:
        """Return the place of a time, at an edge where it is beyond it."""
        within = min(max(time, self.begins), self.ends) - self.begins
        return LABEL + (WIDTH - LABEL - 4) * within // (self.ends - self.begins)


def _row(stretch: Stretch, place: int, marks: Sequence[Mark], scale: _Scale, now: int) -> Row:
    ends = max(now, stretch.begins) if stretch.ends is None else stretch.ends
    x = scale.x(stretch.begins)
    deadline = stretch.deadline
    own = [mark for mark in marks if (mark.phase, mark.attempt) == (stretch.phase, stretch.attempt)]
    return Row(
        phase=stretch.phase,
        committee=stretch.attempt + 1 if stretch.attempt and stretch.phase in OF_COMMITTEE else None,
        took=lasting(ends - stretch.begins),
        top=HEAD + ROW * place,
        x=x,
        width=max(scale.x(ends) - x, THINNEST),
        deadline=None if deadline is None or deadline > scale.ends else scale.x(deadline),
        exact=stretch.exact,
        signs=_signs(own, scale),
    )


def _signs(marks: Sequence[Mark], scale: _Scale) -> tuple[Sign, ...]:
    places: dict[tuple[int, str], list[Mark]] = {}
    for mark in marks:
        places.setdefault((scale.x(mark.time), mark.kind), []).append(mark)
    return tuple(
        Sign(x, SHAPES.get(kind, OTHER), kind, sum(each.count for each in found), utc(found[0].time))
        for (x, kind), found in places.items()
    )
