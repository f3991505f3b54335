"""What the contracts record in a run of the stateful tests, as the replay takes it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.contracts.stateful.evm import Values, mix
from tests.contracts.stateful.interface import artifacts
from tests.contracts.stateful.model.system import Call, Clock
from tests.contracts.stateful.pair import Pair
from tests.contracts.stateful.people import PEOPLE
from tests.contracts.stateful.run import Course
from tests.parity.conftest import CHAIN_ID

from pole.protocol.encoding.hashing import address
from pole.protocol.encoding.headers import genesis_header, header_hash
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.parameters import parameters_from_json
from pole.protocol.replay.history import History, Surroundings
from pole.protocol.replay.surroundings import Books, Member, RoundClock
from pole.protocol.state import (
    Block,
    Header,
    Ommer,
    PostedTask,
    Record,
    RecordKind,
    TaskFiles,
    TaskTerms,
    Verdict,
    Vote,
)


@dataclass
class Told:
    """What events and calls told of a run."""

    blocks: list[Block] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    tasks: dict[int, PostedTask] = field(default_factory=dict)
    votes: dict[Member, tuple[Vote, ...]] = field(default_factory=dict)
    solution_salts: dict[Member, bytes] = field(default_factory=dict)
    vote_salts: dict[Member, bytes] = field(default_factory=dict)
    leaks: dict[Member, LeakedVote] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    rewards: dict[Member, int] = field(default_factory=dict)
    penalties: dict[Member, tuple[int, ...]] = field(default_factory=dict)
    strikes: dict[Member, int] = field(default_factory=dict)
    leaked: dict[Member, int] = field(default_factory=dict)

    def hear(self, events: Sequence[Values], now: int) -> None:
        """Take note of a call's events at the second `now`."""
        is_leak = any(name == "VoteLeaked" for _, name, _ in events)
        for _, name, arguments in events:
            self._hear_one(name, arguments, now, is_leak=is_leak)

    def _hear_one(self, name: str, arguments: Any, now: int, *, is_leak: bool) -> None:
        if name == "TaskPosted":
            task_id, owner, terms, files = arguments
            posted = PostedTask(task_id, address(owner), TaskTerms(*terms), TaskFiles(*files))
            self.tasks[task_id] = posted
        elif name == "BlockAppended":
            _, block_hash, header, ommers = arguments
            read = Header(*header)
            read = replace(read, winner=address(read.winner))
            named = tuple(Ommer(each[0], address(each[1]), *each[2:]) for each in ommers)
            self.blocks.append(Block(read, block_hash, named))
        elif name == "Recorded":
            height, index, kind, data = arguments
            self.records.append(Record(height, index, RecordKind(kind), data))
            if kind == RecordKind.PAYOUTS:
                self.ends[int.from_bytes(data[:32], "big")] = now
        elif name in ("VoteRevealed", "Rewarded", "Slashed", "Struck"):
            self._hear_of_member(name, (arguments[0], address(arguments[1])), arguments[2], is_leak=is_leak)

    def _hear_of_member(self, name: str, member: Member, told: Any, *, is_leak: bool) -> None:
        if name == "VoteRevealed":
            self.votes[member] = read_votes(told)
        elif name == "Rewarded":
            self.rewards[member] = told
        elif name == "Slashed" and is_leak:
            self.leaked[member] = told
        elif name == "Slashed":
            self.penalties[member] = (*self.penalties.get(member, ()), told)
        else:
            self.strikes[member] = told

    def overhear(self, call: Call, events: list[Any]) -> None:
        """Take note of what a call that succeeded opened."""
        if call.function == "PoLeChain.reveal":
            self.solution_salts[call.arguments[0], address(call.sender)] = call.arguments[4]
        elif call.function == "VerifierCommittee.revealVote":
            self.vote_salts[call.arguments[0], address(call.sender)] = call.arguments[3]
        elif call.function == "VerifierCommittee.leak":
            (leaked,) = [arguments for _, name, arguments in events if name == "VoteLeaked"]
            verifier, (_, _, votes, salt) = address(leaked[1]), call.arguments
            self.leaks[leaked[0], verifier] = LeakedVote(verifier, read_votes(votes), salt)


@dataclass
class Money:
    """What the reservoir credited, by payee and the contract that did, and what calls paid in, by sender."""

    credited: Counter[tuple[str, str]] = field(default_factory=Counter)
    paid_in: Counter[tuple[str, str]] = field(default_factory=Counter)

    def hear(self, pair: Pair) -> None:
        names = {at: name for name, at in pair.addresses.items()}
        for _, name, arguments in pair.events:
            if name == "Credited":
                payee, holder, _, amount = arguments
                self.credited[address(payee), names.get(holder, holder)] += amount


def read_votes(votes: Any) -> tuple[Vote, ...]:
    return tuple(Vote(Verdict(vote[0]), *vote[1:]) for vote in votes)


def history_of(course: Course) -> History:
    """Return what the contracts recorded when this course is taken."""
    return told_of(course)[0]


def told_of(course: Course) -> tuple[History, Money]:
    """Return what the contracts recorded when this course is taken, and the money that moved."""
    pair = Pair(artifacts(), course.parameters, PEOPLE, Clock(course.start.number, course.start.time))
    told, money, genesis = Told(), Money(), genesis_header(course.start.time)
    told.blocks.append(Block(genesis, header_hash(genesis), ()))
    for action in course.actions:
        if pair.act(action) == "ok" and isinstance(action, Call):
            told.overhear(action, pair.events)
            money.paid_in[address(action.sender), action.function] += action.value
        money.hear(pair)
        told.hear(pair.events, pair.model.clock.time)
    history = History(around(course, pair, told), tuple(told.blocks), tuple(told.records), told.tasks)
    return history, money


def around(course: Course, pair: Pair, told: Told) -> Surroundings:
    chosen = course.parameters
    groups = {"taskList": chosen.task_list, "committee": chosen.committee, "chain": chosen.chain}
    rounds = {round_id: pair.model.rounds[round_id] for round_id in told.ends}
    return Surroundings(
        chain_id=CHAIN_ID,
        chain_address=address(pair.addresses["PoLeChain"]),
        committee_address=address(pair.addresses["VerifierCommittee"]),
        parameters=parameters_from_json(groups),
        votes=told.votes,
        solution_salts=told.solution_salts,
        vote_salts=told.vote_salts,
        leaks=told.leaks,
        clocks={
            round_id: RoundClock(ended.opened_at, told.ends[round_id], ended.is_closed_early)
            for round_id, ended in rounds.items()
        },
        books=Books(told.rewards, told.penalties, told.strikes, told.leaked),
        mix=mix,
    )
