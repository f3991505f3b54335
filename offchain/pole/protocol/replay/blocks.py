"""Replaying records in order: each must follow from the state that those before it made."""

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
from pole.protocol.encoding.seeds import round_seed
from pole.protocol.encoding.tasks import files_hash, terms_hash
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.replay.round_audit import RoundResult, audit_round
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.surroundings import Surroundings
from pole.protocol.rounds.ommer_rewards import NOTHING, PoolDraw, best_ommer, fee_covers, pool_draw
from pole.protocol.rounds.payouts import pool_payouts
from pole.protocol.rounds.value_heap import WaitingTask, best, waiting_task
from pole.protocol.state import Finding, Header, Ommer, PayoutReason, PostedTask, Record, Solution


@dataclass(frozen=True, slots=True)
class Block:
    """A PoLe block as its event tells it; `ommers` are those it references."""

    header: Header
    hash: bytes
    ommers: tuple[Ommer, ...]


@dataclass(slots=True)
class Replay:
    """Where a replay of the records stands: the newest block, waiting tasks, the open round, known ommers."""

    around: Surroundings
    tasks: Mapping[int, PostedTask]
    seeds: Mapping[int, bytes]
    head: bytes
    timestamp: int
    height: int = 0
    body: Body = EMPTY_BODY
    waiting: dict[int, WaitingTask] = field(default_factory=dict)
    tasks_posted: int = 0
    rounds: int = 0
    void_rounds: int = 0
    open_round: list[RecordData] = field(default_factory=list)
    ommers: dict[int, Ommer] = field(default_factory=dict)


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
    if isinstance(data, TaskPosted):
        _post_task(replay, data)
    elif isinstance(data, TaskCancelled):
        if replay.waiting.pop(data.task_id, None) is None:
            raise IntegrityError(f"task {data.task_id} was cancelled, but does not wait")
    elif isinstance(data, RoundOpened):
        _open_round(replay, data)
    else:
        if not replay.open_round or round_of(data) != replay.rounds:
            raise IntegrityError(f"round {round_of(data)} is not open")
        replay.open_round.append(data)
        if isinstance(data, RoundVoided):
            _end_void_round(replay)


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
    if replay.open_round or data.round_id != replay.rounds + 1:
        raise IntegrityError(f"round {data.round_id} opened out of order")
    most_valuable = best(replay.waiting.values())
    if data.task_id != (IDLE_TASK_ID if most_valuable is None else most_valuable.task_id):
        raise IntegrityError(
            f"round {data.round_id} took task {data.task_id}, which is not the most valuable"
        )
    if data.task_id == IDLE_TASK_ID and replay.around.parameters.task_list.idle_time_limit == 0:
        raise IntegrityError(f"round {data.round_id} is idle, but this deployment has no idle rounds")
    if data.parent_hash != replay.head:
        raise IntegrityError(f"round {data.round_id} names another parent than the newest block")
    if replay.seeds.get(data.round_id) != round_seed(replay.head, root(replay.body)):
        raise IntegrityError(
            f"the seed of round {data.round_id} does not follow from parent hash and body root"
        )
    replay.waiting.pop(data.task_id, None)
    replay.rounds += 1
    replay.open_round = [data]


def audit_open_round(replay: Replay) -> tuple[RoundTrace, PostedTask, RoundResult]:
    """Return the open round's trace and task, and how it must end."""
    try:
        traced = trace(replay.open_round)
        task = _task(replay, traced.opened.task_id)
        return traced, task, audit_round(traced, task, replay.around)
    except IntegrityError as error:
        raise IntegrityError(f"in round {replay.rounds} {error}") from error


def _task(replay: Replay, task_id: int) -> PostedTask:
    return idle_task(replay.around.parameters) if task_id == IDLE_TASK_ID else replay.tasks[task_id]


def _end_void_round(replay: Replay) -> None:
    traced, _, result = audit_open_round(replay)
    if traced.voided is None or result.judgement.void_reason is not traced.voided.reason:
        raise IntegrityError(
            f"round {replay.rounds} is void for another reason than {result.judgement.void_reason.name}"
        )
    if traced.payouts is None or traced.payouts.payouts != result.settlement.payouts:
        raise IntegrityError(f"round {replay.rounds} paid out otherwise than its end demands")
    replay.void_rounds += 1
    replay.open_round = []


def replay_block(replay: Replay, block: Block) -> None:
    """End the open round with a block over the current body; raises IntegrityError unless it follows."""
    height = replay.height + 1
    try:
        _check_links(replay, block)
        _check_outcome(replay, block)
    except IntegrityError as error:
        raise IntegrityError(f"Height {height}: {error}.") from error
    replay.height = height
    replay.head = block.hash
    replay.timestamp = block.header.timestamp
    replay.open_round = []


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
    if not replay.open_round:
        raise IntegrityError("the block ends no round")
    header = block.header
    traced, task, result = audit_open_round(replay)
    if traced.payouts is None:
        raise IntegrityError(f"round {replay.rounds} has no payouts")
    if result.judgement.winner is None:
        raise IntegrityError(f"round {replay.rounds} must be void ({result.judgement.void_reason.name})")
    winner, finding = _choice(result, result.judgement.winner)
    if (header.round_id, header.task_id) != (traced.opened.round_id, task.task_id) or (
        header.winner,
        header.model_digest,
        header.train_correct,
        header.test_correct,
    ) != (winner.miner, winner.model_digest, finding.train_correct, finding.test_correct):
        raise IntegrityError(f"the header does not say how round {replay.rounds} ended")
    draw = _check_pool_draw(replay, block, task, traced.payouts)
    if traced.payouts.payouts != (*result.settlement.payouts, *pool_payouts(draw, winner.miner)):
        raise IntegrityError(f"round {replay.rounds} paid out otherwise than its end demands")
    if draw.ommer is not None:
        replay.ommers[draw.ommer.height] = replace(draw.ommer, referenced=True)
    if _is_covered(replay, task):
        _note_ommer(replay, result, header.height)


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
    ommer = best_ommer(replay.ommers.values(), height=height)
    if block.ommers != (() if ommer is None else (replace(ommer, referenced=True),)):
        raise IntegrityError("the block references another ommer than the most accurate recent one")
    return pool_draw(ommer, height=height, block_reward=parameters.block_reward)


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
    replay.ommers[height] = Ommer(
        height=height,
        miner=solution.miner,
        model_digest=solution.model_digest,
        correct=finding.test_correct if released else finding.train_correct,
        total=terms.test_count if released else terms.train_count,
        count=len(result.judgement.ommers),
        referenced=False,
    )
