"""What happens now: lanes, the tasks that come next, the newest blocks, and money."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from pole.explore import schema
from pole.explore.index.money import DAY, FEE
from pole.explore.views.blocks import BlockLine, block_line
from pole.explore.views.looking import Ether, Head, Look, Time, balance_of, head_of
from pole.explore.views.tasks.pages import TaskLine, most_valuable

SHORT: Final = 10
"""Lines of a list on this page."""

HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A lane's newest round, 0 before the first; `deadline` is None where no clock ends its phase."""

    lane: int
    round_id: int
    task_id: int | None
    phase: str
    deadline: Time | None
    deadline_block: int
    places: int


@dataclass(frozen=True, slots=True)
class NowPage:
    """The network as it stands. `fees_today` are those of tasks posted since midnight, UTC."""

    head: Head
    lanes: tuple[LaneLine, ...]
    waiting: tuple[TaskLine, ...]
    waiting_count: int
    blocks: tuple[BlockLine, ...]
    pool: Ether
    stakes: Ether
    fees_today: Ether
    rounds_last_hour: int
    rounds_last_day: int
    rounds: int
    tasks: int


def now_page(look: Look) -> NowPage:
    """Return the network as it stands."""
    head = head_of(look)
    newest = select(schema.pole_blocks).order_by(schema.pole_blocks.c.height.desc()).limit(SHORT)
    waiting = schema.tasks.c.state == "waiting"
    return NowPage(
        head=head,
        lanes=_lanes(look),
        waiting=most_valuable(look, SHORT),
        waiting_count=look.value(select(func.count()).select_from(schema.tasks).where(waiting)),
        blocks=tuple(block_line(row) for row in look.rows(newest)),
        pool=balance_of(look, look.where.shared.pool),
        stakes=balance_of(look, look.where.shared.stakes),
        fees_today=_fees(look, head.time // DAY),
        rounds_last_hour=_ended_since(look, head.time - HOUR),
        rounds_last_day=_ended_since(look, head.time - DAY),
        rounds=look.value(select(func.count()).select_from(schema.rounds)),
        tasks=look.value(select(func.count()).select_from(schema.tasks)),
    )


def _lanes(look: Look) -> tuple[LaneLine, ...]:
    lanes, rounds = schema.lanes, schema.rounds
    asked = (
        select(lanes, rounds.c.task_id, rounds.c.places)
        .outerjoin(rounds, rounds.c.round_id == lanes.c.round_id)
        .order_by(lanes.c.lane)
    )
    return tuple(
        LaneLine(
            lane=row.lane,
            round_id=row.round_id,
            task_id=row.task_id,
            phase=row.phase,
            deadline=Time(row.deadline) if row.deadline else None,
            deadline_block=row.deadline_block,
            places=row.places or 0,
        )
        for row in look.rows(asked)
    )


def _fees(look: Look, day: int) -> Ether:
    table = schema.network_days
    return Ether(look.value(select(table.c.amount).where(table.c.day == day, table.c.kind == FEE)) or 0)


def _ended_since(look: Look, time: int) -> int:
    ended = select(func.count()).select_from(schema.rounds).where(schema.rounds.c.ended_at >= time)
    count: int = look.value(ended)
    return count
