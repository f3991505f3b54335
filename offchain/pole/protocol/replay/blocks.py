"""Replaying records in order: each must follow from the state that those before it made.

Rounds of several lanes are open side by side, and what they record stands in one body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pole.errors import IntegrityError
from pole.protocol.encoding.headers import header_hash, ommers_hash
from pole.protocol.encoding.merkle_body import EMPTY_BODY, Body, append, leaf, root
from pole.protocol.encoding.records import (
    Payouts,
    RecordData,
    RoundOpened,
    RoundVoided,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    decode_record,
    round_of,
)
from pole.protocol.encoding.seeds import round_origin
from pole.protocol.encoding.tasks import files_hash, terms_hash
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.replay.book_audit import audit_books
from pole.protocol.replay.round_audit import RoundResult, audit_round
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.rounds.ommer_rewards import (
    NOTHING,
    PoolDraw,
    best_ommer,
    fee_covers,
    leave,
    pool_draw,
    refer_to,
)
from pole.protocol.rounds.payouts import pool_payouts
from pole.protocol.rounds.value_heap import WaitingTask, best, waiting_task
from pole.protocol.state import Finding, Header, Ommer, PayoutReason, PostedTask, Record, Solution


@dataclass(frozen=True, slots=True)
class Block:
    """A PoLe block as its event tells it; `ommers` are those it references."""

    header: Header
    hash: bytes
    ommers: tuple[Ommer, ...]


@dataclass(frozen=True, slots=True)
class OpenRound:
    """A round that has not ended: what its seed is made of beside a mix, and its records so far."""

    origin: bytes
    records: list[RecordData]


@dataclass(slots=True)
class Replay:
    """Where a replay of the records stands: the newest block, waiting tasks, open rounds, ommers kept.

    `newest` is the newest round of each lane; `settling` the round whose payouts were recorded and whose end
    must follow at once; `strikes` what verifiers have in a row.
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
    ommers: tuple[Ommer, ...] = ()
    strikes: dict[str, int] = field(default_factory=dict)


def replay_body(replay: Replay, records: Sequence[Record]) -> None:
    """Apply the records of one body in order; raises IntegrityError naming the first that does not follow."""
    replay.body = EMPTY_BODY
    for record in records:
        data = decode_record(record)
        replay.body = append(replay.body, leaf(record.kind, record.data))
        try:
            _replay_record(replay, data)
        except IntegrityError as error:
            raise IntegrityError(f"Height {record.height}, record {record.index}: {error}.") from error


def _replay_record(replay: Replay, data: RecordData) -> None:
    if isinstance(data, TaskReplaced):
        _replace_task(replay, data)
        return
    _require_room(replay)
    if replay.settling is not None and not (
        isinstance(data, RoundVoided) and data.round_id == replay.settling
    ):
        raise IntegrityError(f"round {replay.settling} was paid out, but did not end")
    if isinstance(data, TaskPosted):
        _post_task(replay, data)
    elif isinstance(data, TaskCancelled):
        if replay.waiting.pop(data.task_id, None) is None:
            raise IntegrityError(f"task {data.task_id} was cancelled, but does not wait")
    elif isinstance(data, RoundOpened):
        _open_round(replay, data)
    else:
        _continue_round(replay, data)


def _continue_round(replay: Replay, data: RecordData) -> None:
    round_id = round_of(data)
    if round_id is None or round_id not in replay.open_rounds:
        raise IntegrityError(f"round {round_id} is not open")
    replay.open_rounds[round_id].records.append(data)
    if isinstance(data, Payouts):
        replay.settling = round_id
    elif isinstance(data, RoundVoided):
        _end_void_round(replay, round_id)


def _post_task(replay: Replay, data: TaskPosted) -> None:
    task = replay.tasks.get(data.task_id)
    replay.tasks_posted += 1
    if task is None or data.task_id != replay.tasks_posted:
        raise IntegrityError(f"task {data.task_id} is unknown or out of order")
    if (task.owner, terms_hash(task.terms), files_hash(task.files)) != (
        data.owner,
        data.terms_hash,
        data.files_hash,
    ):
        raise IntegrityError(f"task {data.task_id} was posted with other terms, files or owner")
    limits = replay.around.parameters.task_list
    replay.waiting[task.task_id] = waiting_task(task.task_id, task.terms, limits)


def _replace_task(replay: Replay, data: TaskReplaced) -> None:
    """Take a task off a list that the newest one has made too long."""
    replaced = replay.waiting.pop(data.task_id, None)
    by = replay.waiting.get(data.by_task_id)
    if replaced is None or by is None or data.by_task_id != replay.tasks_posted:
        raise IntegrityError(f"task {data.task_id} was replaced by {data.by_task_id}, but one does not wait")
    if len(replay.waiting) != replay.around.parameters.task_list.max_tasks:
        raise IntegrityError(f"task {data.task_id} was replaced, but the list was not full")
    if by.value <= replaced.value:
        raise IntegrityError(f"task {data.task_id} was replaced by task {by.task_id}, which is worth no more")


def _require_room(replay: Replay) -> None:
    maximum = replay.around.parameters.task_list.max_tasks
    if len(replay.waiting) > maximum:
        raise IntegrityError(f"task {replay.tasks_posted} waits in a list that holds {maximum} already")


def _open_round(replay: Replay, data: RoundOpened) -> None:
    lanes = replay.around.parameters.committee.lanes
    lane = data.round_id % lanes
    last = replay.newest.get(lane, lane)
    if last in replay.open_rounds or data.round_id != last + lanes:
        raise IntegrityError(f"round {data.round_id} opened out of order")
    most_valuable = best(replay.waiting.values())
    if data.task_id != (IDLE_TASK_ID if most_valuable is None else most_valuable.task_id):
        raise IntegrityError(
            f"round {data.round_id} took task {data.task_id}, which is not the most valuable"
        )
    if data.task_id == IDLE_TASK_ID:
        _check_idle(replay, data.round_id)
    if data.parent_hash != replay.head:
        raise IntegrityError(f"round {data.round_id} names another parent than the newest block")
    replay.waiting.pop(data.task_id, None)
    replay.rounds += 1
    replay.newest[lane] = data.round_id
    replay.open_rounds[data.round_id] = OpenRound(round_origin(replay.head, root(replay.body)), [data])


def _check_idle(replay: Replay, round_id: int) -> None:
    if replay.around.parameters.task_list.idle_time_limit == 0:
        raise IntegrityError(f"round {round_id} is idle, but this deployment has no idle rounds")
    for other, standing in replay.open_rounds.items():
        opened = standing.records[0]
        if isinstance(opened, RoundOpened) and opened.task_id == IDLE_TASK_ID:
            raise IntegrityError(f"round {round_id} is idle, but idle round {other} is open")


def audit_open_round(replay: Replay, round_id: int) -> tuple[RoundTrace, PostedTask, RoundResult]:
    """Return an open round's trace and task, and how it must end."""
    standing = replay.open_rounds[round_id]
    try:
        traced = trace(standing.records)
        task = _task(replay, traced.opened.task_id)
        return traced, task, audit_round(traced, standing.origin, task, replay.around)
    except IntegrityError as error:
        raise IntegrityError(f"in round {round_id} {error}") from error


def _task(replay: Replay, task_id: int) -> PostedTask:
    return idle_task(replay.around.parameters) if task_id == IDLE_TASK_ID else replay.tasks[task_id]


def _end_void_round(replay: Replay, round_id: int) -> None:
    traced, _, result = audit_open_round(replay, round_id)
    if traced.voided is None or result.judgement.void_reason is not traced.voided.reason:
        raise IntegrityError(
            f"round {round_id} is void for another reason than {result.judgement.void_reason.name}"
        )
    if traced.payouts is None or traced.payouts.payouts != result.settlement.payouts:
        raise IntegrityError(f"round {round_id} paid out otherwise than its end demands")
    replay.void_rounds += 1
    _close_round(replay, traced, result)


def _close_round(replay: Replay, traced: RoundTrace, result: RoundResult) -> None:
    round_id = traced.opened.round_id
    if result.committees:
        try:
            audit_books(result, traced, replay.strikes, replay.around)
        except IntegrityError as error:
            raise IntegrityError(f"in round {round_id} {error}") from error
    del replay.open_rounds[round_id]
    replay.settling = None


def replay_block(replay: Replay, block: Block) -> None:
    """End a round with a block over the current body; raises IntegrityError unless it follows."""
    height = replay.height + 1
    try:
        _check_links(replay, block)
        _check_outcome(replay, block)
    except IntegrityError as error:
        raise IntegrityError(f"Height {height}: {error}.") from error
    replay.height = height
    replay.head = block.hash
    replay.timestamp = block.header.timestamp


def _check_links(replay: Replay, block: Block) -> None:
    header = block.header
    if header_hash(header) != block.hash:
        raise IntegrityError("the header does not have the block's hash")
    if header.height != replay.height + 1 or header.parent_hash != replay.head:
        raise IntegrityError("the header does not follow the block before")
    if header.timestamp < replay.timestamp:
        raise IntegrityError("the block is older than the block before")
    if header.body_root != root(replay.body):
        raise IntegrityError("the header's body root is not that of the records")
    if header.ommers_hash != ommers_hash(block.ommers):
        raise IntegrityError("the header's ommers hash is not that of the ommers")


def _check_outcome(replay: Replay, block: Block) -> None:
    header, round_id = block.header, block.header.round_id
    if replay.settling is None or round_id != replay.settling:
        raise IntegrityError("the block ends no round, or another than the one whose payouts come last")
    traced, task, result = audit_open_round(replay, round_id)
    if traced.payouts is None or result.judgement.winner is None:
        raise IntegrityError(f"round {round_id} must be void ({result.judgement.void_reason.name})")
    winner, finding = _choice(result, result.judgement.winner)
    if (header.task_id, header.winner, header.model_digest) != (
        task.task_id,
        winner.miner,
        winner.model_digest,
    ) or (header.train_correct, header.test_correct) != (finding.train_correct, finding.test_correct):
        raise IntegrityError(f"the header does not say how round {round_id} ended")
    if replay.around.clocks[round_id].ended_at != header.timestamp:
        raise IntegrityError(f"the header has another time than the end of round {round_id}")
    draw = _check_pool_draw(replay, block, task, traced.payouts)
    if traced.payouts.payouts != (*result.settlement.payouts, *pool_payouts(draw, winner.miner)):
        raise IntegrityError(f"round {round_id} paid out otherwise than its end demands")
    if draw.ommer is not None:
        replay.ommers = refer_to(replay.ommers, draw.ommer)
    if _is_covered(replay, task):
        _note_ommer(replay, result, header.height)
    _close_round(replay, traced, result)


def _choice(result: RoundResult, choice: int) -> tuple[Solution, Finding]:
    judged, found = result.ended.judged, result.ended.findings
    if judged is None or found is None:
        raise IntegrityError("a choice was made without a committee")
    return judged[choice], found[choice]


def _check_pool_draw(replay: Replay, block: Block, task: PostedTask, paid: Payouts) -> PoolDraw:
    """Return what the block draws: all that it may, or nothing, as it must when the pool holds too little."""
    parameters = replay.around.parameters.chain
    height = block.header.height
    rewarded = any(payout.reason is PayoutReason.BLOCK_REWARD for payout in paid.payouts)
    if not rewarded and not block.ommers:
        return NOTHING
    if not _is_covered(replay, task):
        raise IntegrityError("the block draws from the pool, but its task's fee does not cover that")
    lanes = replay.around.parameters.committee.lanes
    ommer = best_ommer(replay.ommers, height=height, lanes=lanes)
    if block.ommers != (() if ommer is None else (replace(ommer, referenced=True),)):
        raise IntegrityError("the block references another ommer than the most accurate recent one")
    return pool_draw(ommer, height=height, lanes=lanes, block_reward=parameters.block_reward)


def _is_covered(replay: Replay, task: PostedTask) -> bool:
    """Return whether the task's fee pays for what a block draws, and so whether its block leaves an ommer."""
    parameters = replay.around.parameters.chain
    return fee_covers(
        task.terms.fee, block_reward=parameters.block_reward, margin_bps=parameters.fee_margin_bps
    )


def _note_ommer(replay: Replay, result: RoundResult, height: int) -> None:
    if not result.judgement.ommers:
        return
    solution, finding = _choice(result, result.judgement.ommers[0])
    terms, released = result.ended.terms, result.ended.released
    ommer = Ommer(
        height=height,
        miner=solution.miner,
        model_digest=solution.model_digest,
        correct=finding.test_correct if released else finding.train_correct,
        total=terms.test_count if released else terms.train_count,
        count=len(result.judgement.ommers),
        referenced=False,
    )
    replay.ommers = leave(replay.ommers, ommer)
