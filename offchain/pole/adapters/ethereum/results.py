"""How rounds ended, out of the chain's events; the hash of a block is that of the contract's own state."""

from collections.abc import Iterator
from typing import Final

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import read_blocks, to_record
from pole.adapters.ethereum.events.event_index import Event, Snapshot
from pole.errors import InputError, UnreachableError
from pole.protocol.encoding.records import RecordData, RoundOpened, RoundVoided, SeedDrawn, decode_record
from pole.protocol.state import RecordKind, VoidReason
from pole.roles.models.result import RoundResult, WonBlock

GONE: Final = {
    "TaskCancelled": "was cancelled by its owner",
    "TaskReplaced": "was pushed out of the full list by a better one",
}


def result_of_round(reader: ChainReader, round_id: int) -> RoundResult | None:
    """Return how a round ended, None while it goes on, or the node does not show its end yet.

    Raises UnreachableError where the node does not show the opening of the round.
    """
    events = reader.index.snapshot()
    for event in reversed(events.get("TaskTaken", ())):
        if event.arguments["roundId"] == round_id:
            return _result(reader, events, event)
    raise UnreachableError(f"The Ethereum node does not show the opening of round {round_id}.")


def result_of_task(reader: ChainReader, task_id: int) -> RoundResult:
    """Return how the round on a task ended.

    Raises RefusedError where there is no such task, and InputError, which says why, where none has ended.
    """
    reader.task(task_id)
    events = reader.index.snapshot()
    for event in events.get("TaskTaken", ()):
        if event.arguments["taskId"] == task_id:
            found = _result(reader, events, event)
            if found is not None:
                return found
            round_id = event.arguments["roundId"]
            raise InputError(
                f"Round {round_id} on task {task_id} goes on, so it has no model yet: "
                f"`pole task show {task_id}` says where it stands."
            )
    for name, what in GONE.items():
        if any(event.arguments["taskId"] == task_id for event in events.get(name, ())):
            raise InputError(f"Task {task_id} {what}, so no round was held on it and there is no model.")
    raise InputError(
        f"Task {task_id} waits for its round, so it has no model yet: get it when that has ended."
    )


def _result(reader: ChainReader, events: Snapshot, opened: Event) -> RoundResult | None:
    round_id, deployment = opened.arguments["roundId"], reader.deployment
    blocks, reason = _blocks(reader, events, round_id), VoidReason.NONE
    if not blocks:
        reason = _void_reason(events, round_id)
        if reason is VoidReason.NONE:
            return None
    return RoundResult(
        chain_id=deployment.chain_id,
        contract=deployment.chain.address,
        round_id=round_id,
        task=reader.task(opened.arguments["taskId"]),
        seed=_seed(events, round_id),
        block=blocks[-1] if blocks else None,
        void_reason=reason,
        earlier=blocks[:-1],
    )


def _seed(events: Snapshot, round_id: int) -> bytes:
    """Return a round's seed, nothing where none was drawn."""
    for data in _decoded(events, RecordKind.SEED_DRAWN):
        if isinstance(data, SeedDrawn) and data.round_id == round_id:
            return data.seed
    return b""


def _decoded(events: Snapshot, kind: RecordKind) -> Iterator[RecordData]:
    """Yield what the records of a kind say, newest first."""
    for event in reversed(events.get("Recorded", ())):
        if event.arguments["kind"] == kind:
            yield decode_record(to_record(event.arguments))


def _blocks(reader: ChainReader, events: Snapshot, round_id: int) -> tuple[WonBlock, ...]:
    """Return the blocks from that in whose body a round's opening is to its own, none where it has none."""
    heights = [block.header.height for block in read_blocks(events)[1:] if block.header.round_id == round_id]
    if not heights:
        return ()
    headers = {block.header.height: block.header for block in read_blocks(events)}
    return tuple(
        WonBlock(
            headers[height],
            bytes(reader.view("Ledger", "blockHash", height)),
            tuple(
                to_record(event.arguments)
                for event in events.get("Recorded", ())
                if event.arguments["height"] == height
            ),
        )
        for height in range(_opened_in(events, round_id), heights[0] + 1)
    )


def _opened_in(events: Snapshot, round_id: int) -> int:
    """Return the height of the block in whose body the opening of a round is recorded."""
    for event in events.get("Recorded", ()):
        if event.arguments["kind"] == RecordKind.ROUND_OPENED:
            opened = decode_record(to_record(event.arguments))
            if isinstance(opened, RoundOpened) and opened.round_id == round_id:
                return int(event.arguments["height"])
    raise UnreachableError(f"The Ethereum node does not show the opening of round {round_id}.")


def _void_reason(events: Snapshot, round_id: int) -> VoidReason:
    for told in _decoded(events, RecordKind.ROUND_VOIDED):
        if isinstance(told, RoundVoided) and told.round_id == round_id:
            return told.reason
    return VoidReason.NONE
