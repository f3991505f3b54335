"""A round that has ended, out of its own records, and how many seats could be drawn in rounds."""

from collections.abc import Sequence
from dataclasses import dataclass

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import to_record
from pole.adapters.ethereum.events.event_index import Snapshot
from pole.adapters.ethereum.history_source import (
    books_of,
    clocks_of,
    in_batches,
    votes_of,
)
from pole.errors import UnreachableError
from pole.protocol.encoding.records import Payouts, RecordData, RoundOpened, decode_record, round_of
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.replay.audits.rounds import result_of
from pole.protocol.replay.round_trace import trace
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import Books, Surroundings


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round that has ended, and the committee's books up to now."""

    played: ReplayedRound
    books: Books


def read_round(reader: ChainReader, round_id: int) -> EndedRound:
    """Return a round that has ended; its result is computed anew, its draws and openings are not checked.

    Raises UnreachableError while the node does not show its end, IntegrityError where its records break a
    rule.
    """
    events = reader.index.snapshot()
    recorded = _recorded(events, round_id)
    ended_in = next((block for data, block in recorded if isinstance(data, Payouts)), None)
    if ended_in is None:
        raise UnreachableError(f"The Ethereum node does not show the end of round {round_id}.")
    traced = trace([data for data, _ in recorded])
    task_id, around = traced.opened.task_id, _surroundings(reader, events, round_id, ended_in)
    task = idle_task(around.parameters) if task_id == IDLE_TASK_ID else reader.task(task_id)
    result = result_of(traced, task, around)
    height = reader.round(round_id).height
    return EndedRound(ReplayedRound(traced, task, result, around.clocks[round_id], height), around.books)


def seats_of(reader: ChainReader, rounds: Sequence[ReplayedRound]) -> dict[int, int]:
    """Return how many seats could be drawn in each of some rounds that have ended."""
    age = reader.deployment.parameters.committee.seat_age
    committee = reader.contracts["VerifierCommittee"]
    opened = {each.round_id: each.clock.opened_at for each in rounds if each.clock is not None}
    counts = in_batches(reader, [committee.call("seatsAt", time - age) for time in opened.values()])
    return dict(zip(opened, counts, strict=True))


def _recorded(events: Snapshot, round_id: int) -> list[tuple[RecordData, int]]:
    """Return the records of a round and their Ethereum blocks, oldest first; the first is its opening."""
    found: list[tuple[RecordData, int]] = []
    for event in reversed(events.get("Recorded", ())):
        data = decode_record(to_record(event.arguments))
        if round_of(data) == round_id:
            found.append((data, event.block))
            if isinstance(data, RoundOpened):
                break
    return found[::-1]


def _surroundings(reader: ChainReader, events: Snapshot, round_id: int, ended_in: int) -> Surroundings:
    deployment = reader.deployment
    return Surroundings(
        chain_id=deployment.chain_id,
        chain_address=deployment.chain.address,
        committee_address=deployment.contracts["VerifierCommittee"].address,
        parameters=deployment.parameters,
        votes=votes_of(events),
        solution_salts={},
        vote_salts={},
        leaks={},
        clocks=clocks_of(reader, {round_id: ended_in}),
        books=books_of(events),
        mix=lambda _: None,
    )
