"""Where a replay stands, and how the rounds that are open in it must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pole.errors import IntegrityError
from pole.protocol.encoding.merkle_body import EMPTY_BODY, Body
from pole.protocol.encoding.records import RecordData
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.replay.audits.books import audit_books
from pole.protocol.replay.audits.rounds import RoundResult, audit_round
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.surroundings import RoundClock, Surroundings
from pole.protocol.rounds.value_heap import WaitingTask
from pole.protocol.state import Ommer, PostedTask


@dataclass(frozen=True, slots=True)
class OpenRound:
    """A round that has not ended: what its seed is made of beside a mix, and its records so far."""

    origin: bytes
    records: list[RecordData]


@dataclass(frozen=True, slots=True)
class ReplayedRound:
    """A round as its records have it: on what task, what happened, and how it ended, or stands.

    `clock` is None while it is open; `height` is that of its block, 0 without one. What `result` says of an
    open round is how it would end if nothing more happened.
    """

    traced: RoundTrace
    task: PostedTask
    result: RoundResult
    clock: RoundClock | None
    height: int = 0

    @property
    def round_id(self) -> int:
        """Return its number."""
        return self.traced.opened.round_id


@dataclass(slots=True)
class Replay:
    """Where a replay of the records stands: the newest block, waiting tasks, open rounds, the ommer kept.

    `newest` is the newest round of each lane; `settling` the round whose payouts were recorded and whose end
    must follow at once; `strikes` what verifiers have in a row; `ended` the rounds that ended, in that order.
    """

    around: Surroundings
    tasks: Mapping[int, PostedTask]
    head: bytes
    timestamp: int
    height: int = 0
    body: Body = EMPTY_BODY
    waiting: dict[int, WaitingTask] = field(default_factory=dict)
    tasks_posted: int = 0
    rounds: int = 0
    void_rounds: int = 0
    newest: dict[int, int] = field(default_factory=dict)
    open_rounds: dict[int, OpenRound] = field(default_factory=dict)
    settling: int | None = None
    ommer: Ommer | None = None
    strikes: dict[str, int] = field(default_factory=dict)
    ended: list[ReplayedRound] = field(default_factory=list)


def audit_open_round(replay: Replay, round_id: int) -> ReplayedRound:
    """Return an open round, and how it must end."""
    standing = replay.open_rounds[round_id]
    try:
        traced = trace(standing.records)
        task = _task(replay, traced.opened.task_id)
        result = audit_round(traced, standing.origin, task, replay.around)
    except IntegrityError as error:
        raise IntegrityError(f"in round {round_id} {error}") from error
    return ReplayedRound(traced, task, result, replay.around.clocks.get(round_id))


def close_round(replay: Replay, ended: ReplayedRound) -> None:
    """Take a round that ended off the open ones, when its members earned and lost what they should."""
    round_id = ended.round_id
    if ended.result.committees:
        try:
            audit_books(ended.result, ended.traced, replay.strikes, replay.around)
        except IntegrityError as error:
            raise IntegrityError(f"in round {round_id} {error}") from error
    del replay.open_rounds[round_id]
    replay.settling = None
    replay.ended.append(ended)


def _task(replay: Replay, task_id: int) -> PostedTask:
    return idle_task(replay.around.parameters) if task_id == IDLE_TASK_ID else replay.tasks[task_id]
