"""Replaying records in order: each must follow from the state that those before it made.

Rounds of several lanes are open side by side, and what they record stands in one body.
"""

from collections.abc import Sequence

from pole.errors import IntegrityError
from pole.protocol.encoding.commitments import files_hash, terms_hash
from pole.protocol.encoding.merkle_body import EMPTY_BODY, append, leaf, root
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
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.replay.standing import (
    OpenRound,
    Replay,
    audit_open_round,
    close_round,
)
from pole.protocol.rounds.value_heap import best, waiting_task
from pole.protocol.state import Record


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
    if replay.settling is not None and not (
        isinstance(data, RoundVoided) and data.round_id == replay.settling
    ):
        raise IntegrityError(f"round {replay.settling} was paid out, but did not end")
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
        _continue_round(replay, data)


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


def _continue_round(replay: Replay, data: RecordData) -> None:
    round_id = round_of(data)
    if round_id is None or round_id not in replay.open_rounds:
        raise IntegrityError(f"round {round_id} is not open")
    replay.open_rounds[round_id].records.append(data)
    if isinstance(data, Payouts):
        replay.settling = round_id
    elif isinstance(data, RoundVoided):
        _end_void_round(replay, round_id)


def _end_void_round(replay: Replay, round_id: int) -> None:
    ended = audit_open_round(replay, round_id)
    traced, result = ended.traced, ended.result
    if traced.voided is None or result.judgement.void_reason is not traced.voided.reason:
        raise IntegrityError(
            f"round {round_id} is void for another reason than {result.judgement.void_reason.name}"
        )
    if traced.payouts is None or traced.payouts.payouts != result.settlement.payouts:
        raise IntegrityError(f"round {round_id} paid out otherwise than its end demands")
    replay.void_rounds += 1
    close_round(replay, ended)
