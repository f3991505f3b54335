"""What happened to a task, from its posting to the end of its round, out of the contracts' events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.decoding import read_blocks, to_record, to_vote
from pole.adapters.ethereum.events.event_index import Event, Snapshot
from pole.protocol.encoding.records import (
    RecordData,
    RoundOpened,
    RoundVoided,
    SolutionCommitted,
    SolutionDisplaced,
    SolutionRevealed,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    TestSetReleased,
    VoteRevealed,
    decode_record,
    round_of,
)
from pole.protocol.state import Header, Phase, PostedTask, RecordKind, Vote


@dataclass(frozen=True, slots=True)
class News:
    """A record of a task or its round, where it came on Ethereum, and what a revealed vote says."""

    data: RecordData
    block: int
    transaction: str
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended: with the block of a model that won, else for a reason; 0 is the round of none.

    `train_total` and `test_total` are the samples that the committee counted over.
    """

    round_id: int
    header: Header | None
    reason: str
    train_total: int
    test_total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A task at a moment: its news so far, its round's phase with the seconds left of it, and how it ended.

    `left` is None where no clock ends the phase.
    """

    news: tuple[News, ...]
    round_id: int
    phase: Phase
    left: int | None
    outcome: Outcome | None


def standing_of(reader: ChainReader, task: PostedTask) -> Standing:
    """Return where a task stands at the newest Ethereum block."""
    moments, news = reader.moments(), news_of(reader.index.snapshot(), task.task_id)
    round_id = next((each.data.round_id for each in reversed(news) if isinstance(each.data, RoundOpened)), 0)
    outcome = outcomes(reader.index.snapshot(), {task.task_id: task}).get(task.task_id)
    moment = moments[round_id % len(moments)]
    if not round_id or moment.round_id != round_id:
        return Standing(news, round_id, Phase.NONE, None, outcome)
    left = max(moment.deadline - moment.timestamp, 0) if moment.deadline else None
    return Standing(news, round_id, moment.phase, left, outcome)


def news_of(events: Snapshot, task_id: int) -> tuple[News, ...]:
    """Return what the records say of a task and of the round that took it, in order."""
    posted = [event.block for event in events.get("TaskPosted", ()) if event.arguments["taskId"] == task_id]
    votes = {
        (event.arguments["ballotId"], event.arguments["verifier"]): tuple(
            map(to_vote, event.arguments["votes"])
        )
        for event in events.get("VoteRevealed", ())
    }
    found: list[News] = []
    rounds: set[int] = set()
    for event in events.get("Recorded", ()):
        if not posted or event.block < posted[0]:
            continue
        data = decode_record(to_record(event.arguments))
        if isinstance(data, RoundOpened) and data.task_id == task_id:
            rounds.add(data.round_id)
        if _task_of(data) == task_id or round_of(data) in rounds:
            given = votes.get((data.ballot_id, data.verifier), ()) if isinstance(data, VoteRevealed) else ()
            found.append(News(data, event.block, event.transaction, given))
    return tuple(found)


def judged_miners(news: Sequence[News]) -> tuple[str, ...]:
    """Return whose models the committees of a task's round judge, in the order of choices.

    Equal models are one choice, under the name of whose place is first.
    """
    places: list[str] = []
    free: int | None = None
    revealed: dict[str, bytes] = {}
    for each in news:
        match each.data:
            case SolutionDisplaced(miner=miner):
                free = places.index(miner)
            case SolutionCommitted(miner=miner):
                if free is not None:
                    places[free], free = miner, None
                elif miner not in places:
                    places.append(miner)
            case SolutionRevealed(miner=miner, model_digest=digest):
                revealed[miner] = digest
    first: dict[bytes, str] = {}
    for miner in places:
        if miner in revealed:
            first.setdefault(revealed[miner], miner)
    return tuple(first.values())


def _task_of(data: RecordData) -> int | None:
    return data.task_id if isinstance(data, TaskPosted | TaskCancelled | TaskReplaced) else None


def outcomes(events: Snapshot, tasks: Mapping[int, PostedTask]) -> dict[int, Outcome]:
    """Return how each of these tasks ended, by id; those that have not are missing."""
    taken = {event.arguments["roundId"]: event.arguments["taskId"] for event in events.get("TaskTaken", ())}
    decoded = [decode_record(to_record(event.arguments)) for event in _ends(events)]
    released = {data.round_id for data in decoded if isinstance(data, TestSetReleased)}
    found = {
        event.arguments["taskId"]: Outcome(0, None, reason, 0, 0)
        for name, reason in (("TaskCancelled", "cancelled"), ("TaskReplaced", "replaced"))
        for event in events.get(name, ())
    }
    for data in decoded:
        if isinstance(data, RoundVoided) and data.round_id in taken:
            found[taken[data.round_id]] = Outcome(data.round_id, None, data.reason.name, 0, 0)
    for block in read_blocks(events)[1:]:
        header = block.header
        task = tasks.get(header.task_id)
        if task is not None:
            test = task.terms.test_count if header.round_id in released else 0
            found[task.task_id] = Outcome(header.round_id, header, "", task.terms.train_count, test)
    return {task_id: outcome for task_id, outcome in found.items() if task_id in tasks}


def _ends(events: Snapshot) -> list[Event]:
    """Return the events of the records that say how rounds went on to their end; only these are decoded."""
    kinds = {RecordKind.TEST_SET_RELEASED, RecordKind.ROUND_VOIDED}
    return [event for event in events.get("Recorded", ()) if event.arguments["kind"] in kinds]
