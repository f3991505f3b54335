"""The row of a task: its terms as posted, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from pole.adapters.ethereum.decoding import to_posted_task
from pole.adapters.history.pages import ChainEvent
from pole.explore.index.stored import shown
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.value_heap import waiting_task
from pole.protocol.state import PostedTask, TaskFiles, TaskTerms

_SCALE: Final = 10**24
"""Finer than two values can differ: durations are below 2**40 seconds."""

_STATES: Final = {"TaskTaken": "taken", "TaskCancelled": "cancelled", "TaskReplaced": "replaced"}


def posted_task(events: Sequence[ChainEvent]) -> PostedTask | None:
    """Return the task as it was posted, None where the events do not have that."""
    for event in events:
        if event.name == "TaskPosted":
            return to_posted_task(event.arguments)
    return None


def task_row(
    events: Sequence[ChainEvent], times: Mapping[int, int], parameters: Parameters
) -> dict[str, Any] | None:
    """Return the row of a task whose posting is among the events, else None."""
    posting = next((event for event in events if event.name == "TaskPosted"), None)
    if posting is None:
        return None
    task = to_posted_task(posting.arguments)
    ended = next((event for event in reversed(events) if event.name in _STATES), None)
    delegated = next((event for event in reversed(events) if event.name == "KeysDelegated"), None)
    order = waiting_task(task.task_id, task.terms, parameters.task_list).value * _SCALE
    return {
        "task_id": task.task_id,
        "owner": task.owner,
        "posted_at": times[posting.block],
        "posted_block": posting.block,
        "transaction": posting.transaction,
        "state": "waiting" if ended is None else _STATES[ended.name],
        "round_id": ended.arguments.get("roundId") if ended else None,
        "replaced_by": ended.arguments.get("byTaskId") if ended else None,
        "reward": task.terms.reward,
        "value_order": f"{int(order):056d}",
        "terms": json.dumps(asdict(task.terms)),
        "files": json.dumps(shown(asdict(task.files))),
        "spec_cid": task.files.spec_cid,
        "train_cid": task.files.train_cid,
        "delegate": delegated.arguments["delegate"] if delegated else None,
    }


def task_of(row: Any) -> PostedTask:
    """Return the task of a row of `tasks`."""
    files = json.loads(row.files)
    read = {name: _file(name, value) for name, value in files.items()}
    return PostedTask(row.task_id, row.owner, TaskTerms(**json.loads(row.terms)), TaskFiles(**read))


def _file(name: str, value: str) -> Any:
    return bytes.fromhex(value[2:]) if name.endswith("digest") else value
