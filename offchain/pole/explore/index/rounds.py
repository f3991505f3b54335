"""A round as the protocol has it: played again from what its events say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pole.adapters.ethereum.decoding import to_vote
from pole.adapters.history.pages import ChainEvent
from pole.explore.index.money import POOL, STAKES, TASKS, Shared
from pole.explore.index.stored import record_of
from pole.protocol.encoding.records import (
    KeysPosted,
    Payouts,
    RecordData,
    RoundOpened,
    SubmissionsClosed,
    VoteLeaked,
)
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.parameters import Parameters
from pole.protocol.replay.audits.rounds import result_of
from pole.protocol.replay.round_trace import RoundTrace, trace
from pole.protocol.replay.standing import ReplayedRound
from pole.protocol.replay.surroundings import Books, RoundClock, Surroundings
from pole.protocol.state import PostedTask, Vote


@dataclass(frozen=True, slots=True)
class Where:
    """Whose rounds these are: chain, contracts and their parameters."""

    chain_id: int
    chain_address: str
    committee_address: str
    task_list_address: str
    parameters: Parameters

    @property
    def shared(self) -> Shared:
        """Return the accounts that serve all rounds."""
        return Shared(
            (self.task_list_address, TASKS), (self.chain_address, POOL), (self.committee_address, STAKES)
        )


@dataclass(frozen=True, slots=True)
class Told:
    """The events of one round: records with their Ethereum blocks, votes, books, its block's height."""

    records: list[tuple[RecordData, int]] = field(default_factory=list)
    votes: dict[tuple[int, str], tuple[Vote, ...]] = field(default_factory=dict)
    books: Books = field(default_factory=lambda: Books({}, {}, {}, {}))
    heights: list[int] = field(default_factory=list)


def played_round(
    events: Sequence[ChainEvent], times: Mapping[int, int], task: PostedTask, where: Where
) -> tuple[ReplayedRound, Books]:
    """Return a round as the protocol has it, and what its members earned and lost.

    `times` are those of the Ethereum blocks of the events. Raises IntegrityError where they break a rule.
    """
    told = _told(events)
    traced = trace([record for record, _ in told.records])
    clock = _clock(traced, told, times, task, where.parameters)
    round_id = traced.opened.round_id
    around = Surroundings(
        chain_id=where.chain_id,
        chain_address=where.chain_address,
        committee_address=where.committee_address,
        parameters=where.parameters,
        votes=told.votes,
        solution_salts={},
        vote_salts={},
        leaks={},
        clocks={} if clock is None else {round_id: clock},
        books=told.books,
        mix=lambda _: None,
    )
    height = told.heights[0] if told.heights else 0
    return ReplayedRound(traced, task, result_of(traced, task, around), clock, height), told.books


def opening_of(events: Sequence[ChainEvent]) -> tuple[RoundOpened, int] | None:
    """Return a round's opening and its Ethereum block, None where the events do not have it."""
    for event in events:
        record = record_of(event)
        if isinstance(record, RoundOpened):
            return record, event.block
    return None


def _told(events: Sequence[ChainEvent]) -> Told:
    told = Told()
    leaking: set[tuple[int, str, bytes]] = set()
    for event in events:
        record = record_of(event)
        if record is not None:
            told.records.append((record, event.block))
            if isinstance(record, VoteLeaked):
                leaking.add((record.ballot_id, record.verifier, event.transaction))
        elif event.name == "BlockAppended":
            told.heights.append(event.arguments["header"]["height"])
        elif event.name == "VoteRevealed":
            member = (event.arguments["ballotId"], event.arguments["verifier"])
            told.votes[member] = tuple(map(to_vote, event.arguments["votes"]))
    return Told(told.records, told.votes, _books(events, leaking), told.heights)


def _books(events: Sequence[ChainEvent], leaking: set[tuple[int, str, bytes]]) -> Books:
    """Return what the committee's events say: a penalty in the transaction of a leak is the leak's."""
    rewards: dict[tuple[int, str], int] = {}
    penalties: dict[tuple[int, str], tuple[int, ...]] = {}
    strikes: dict[tuple[int, str], int] = {}
    leaks: dict[tuple[int, str], int] = {}
    for event in events:
        if event.name not in ("Rewarded", "Slashed", "Struck"):
            continue
        told = event.arguments
        member = (told["ballotId"], told["verifier"])
        if event.name == "Rewarded":
            rewards[member] = told["amount"]
        elif event.name == "Struck":
            strikes[member] = told["strikes"]
        elif (*member, event.transaction) in leaking:
            leaks[member] = told["amount"]
        else:
            penalties[member] = (*penalties.get(member, ()), told["amount"])
    return Books(rewards, penalties, strikes, leaks)


def _clock(
    traced: RoundTrace, told: Told, times: Mapping[int, int], task: PostedTask, parameters: Parameters
) -> RoundClock | None:
    """Return when a round that has ended opened and ended, and whether its data node closed it early."""
    if traced.payouts is None:
        return None
    found = {type(record): block for record, block in told.records}
    early = False
    if traced.closed is not None and task.task_id != IDLE_TASK_ID and KeysPosted in found:
        limit, chain = task.terms.time_limit, parameters.chain
        window = limit if traced.commitments else min(chain.grace_window, limit)
        keyed, closed = found[KeysPosted], found[SubmissionsClosed]
        # A window is over once its seconds are over and its Ethereum blocks have passed.
        is_over = times[closed] >= times[keyed] + window and closed >= keyed + chain.window_blocks
        early = not is_over
    return RoundClock(times[found[RoundOpened]], times[found[Payouts]], early)
