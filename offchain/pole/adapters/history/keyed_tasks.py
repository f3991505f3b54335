"""Whose tasks have functional keys, by the chain alone: what a key ledger has to know of."""

from collections.abc import Collection
from dataclasses import dataclass

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import to_posted_task, to_record
from pole.adapters.ethereum.events.event_index import Event
from pole.protocol.encoding.records import KeysPosted, SeedDrawn, decode_record
from pole.protocol.state import PostedTask, RecordKind

_KINDS = frozenset({RecordKind.KEYS_POSTED, RecordKind.SEED_DRAWN})


@dataclass(frozen=True, slots=True)
class KeyedTask:
    """A task whose keys are out, or with holders who may give them; the round that took it, and its seed."""

    task: PostedTask
    round_id: int
    seed: bytes


def keyed_tasks(reader: ChainReader, owners: Collection[str]) -> tuple[KeyedTask, ...]:
    """Return the tasks of some addresses whose keys are out, oldest first.

    Keys are out once they are posted. Of a task whose secret is shared they count as out once a round has a
    seed: what holders announce is for everybody to combine.
    """
    events = reader.index.snapshot()
    seeds, posted = _drawn_and_posted(events.get("Recorded", ()))
    shared = {event.arguments["taskId"] for event in reader.delegations.events("KeysDelegated")}
    taken = {event.arguments["taskId"]: event.arguments["roundId"] for event in events.get("TaskTaken", ())}
    found = []
    for task in (to_posted_task(event.arguments) for event in events.get("TaskPosted", ())):
        round_id = taken.get(task.task_id)
        if task.owner in owners and round_id in seeds and (round_id in posted or task.task_id in shared):
            found.append(KeyedTask(task, round_id, seeds[round_id]))
    return tuple(found)


def _drawn_and_posted(recorded: tuple[Event, ...]) -> tuple[dict[int, bytes], set[int]]:
    seeds, posted = {}, set()
    for event in recorded:
        if event.arguments["kind"] not in _KINDS:
            continue
        match decode_record(to_record(event.arguments)):
            case SeedDrawn(round_id, _, seed):
                seeds[round_id] = seed
            case KeysPosted(round_id, _, _):
                posted.add(round_id)
    return seeds, posted
