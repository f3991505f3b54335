"""An Ethereum chain in memory with the events of a PoLe chain that `Ledger` made; it can be reorganised."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.protocol.ledger import CHAIN, COMMITTEE, Ledger

from pole.adapters.history.pages import BlockMark, ChainEvent, EventPage, Receipt
from pole.errors import UnreachableError
from pole.explore.index.rounds import Where
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.hashing import address, keccak256
from pole.protocol.encoding.records import (
    Payouts,
    RoundOpened,
    TaskCancelled,
    TaskPosted,
    TaskReplaced,
    VoteLeaked,
    VoteRevealed,
    decode_record,
)
from pole.protocol.parameters import Parameters
from pole.protocol.replay.history import Block, History
from pole.protocol.rounds.rent import payment
from pole.protocol.state import Header, Ommer, PostedTask, Record
from pole.roles.ports import Moment

FIRST = 10
TASK_LIST = address("0x" + "71" * 20)


@dataclass(frozen=True, slots=True)
class Happening:
    """What a transaction did: events as contract, name and arguments, and the time of its block."""

    time: int
    events: tuple[tuple[str, str, dict[str, Any]], ...]


@dataclass
class Chain:
    """Ethereum blocks, a happening each; `fork` makes the hashes of a side of a reorganisation its own.

    `asked` are the pages that were asked for; `hidden` blocks have no events yet, `unreceipted` no receipts.
    """

    happenings: list[Happening]
    first_block: int = FIRST
    fork: dict[int, bytes] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    unreceipted: set[int] = field(default_factory=set)
    lanes: tuple[Moment, ...] = ()
    dead: bool = False

    def head(self) -> BlockMark:
        found = self.mark(self.first_block + len(self.happenings) - 1)
        assert found is not None
        return found

    def mark(self, number: int) -> BlockMark | None:
        if self.dead:
            raise UnreachableError("The node is away.")
        place = number - self.first_block
        if not 0 <= place < len(self.happenings):
            return None
        return BlockMark(number, self._hash(b"block", number), self.happenings[place].time)

    def page(self, first: int, last: int) -> EventPage:
        self.asked.append((first, last))
        numbers = range(first, last + 1)
        events = tuple(each for number in numbers for each in self._events(number))
        wanted = sorted({event.block for event in events} | {last})
        marks = (self.mark(number) for number in wanted)
        receipts = receipts_of(event for event in events if event.block not in self.unreceipted)
        return EventPage(events, tuple(mark for mark in marks if mark is not None), receipts)

    def moments(self) -> Sequence[Moment]:
        return self.lanes

    def reorganise(self, start: int, happenings: Iterable[Happening], salt: bytes) -> None:
        """Let the blocks from number `start` on be others."""
        place = start - self.first_block
        self.fork = {at: each for at, each in self.fork.items() if at < start}
        self.fork[start] = salt
        self.happenings = [*self.happenings[:place], *happenings]

    def _hash(self, kind: bytes, number: int) -> bytes:
        side = b"".join(salt for start, salt in sorted(self.fork.items()) if start <= number)
        return keccak256(kind + number.to_bytes(8, "big") + side)

    def _events(self, number: int) -> Iterator[ChainEvent]:
        if number in self.hidden:
            return
        transaction = self._hash(b"transaction", number)
        for index, told in enumerate(self.happenings[number - self.first_block].events):
            yield ChainEvent(number, index, transaction, *told)


def receipts_of(events: Iterable[ChainEvent], people: Sequence[str] = ()) -> tuple[Receipt, ...]:
    """Return receipts of the transactions of events, sent by people, or each by a stranger of its own."""
    return tuple(receipt_of(each, people) for each in dict.fromkeys(event.transaction for event in events))


def receipt_of(transaction: bytes, people: Sequence[str] = ()) -> Receipt:
    """Return the receipt of a transaction: 21,000 to 1,069,560 gas at 1 to 17.8 gwei."""
    gas = 21_000 + 16 * int.from_bytes(transaction[:2], "big")
    price = 10**9 + 1_000 * int.from_bytes(transaction[2:5], "big")
    if people:
        return Receipt(transaction, people[int.from_bytes(transaction[5:9], "big") % len(people)], gas, price)
    return Receipt(transaction, address(f"0x{transaction[-20:].hex()}"), gas, price)


def where(parameters: Parameters) -> Where:
    return Where(1337, CHAIN, COMMITTEE, TASK_LIST, parameters)


def chain_of(ledger: Ledger) -> Chain:
    """Return an Ethereum chain with a record a block, at times that give each round the clock it has."""
    return Chain(happenings_of(ledger.history()))


def happenings_of(history: History) -> list[Happening]:
    genesis, *blocks = history.blocks
    found = [Happening(genesis.header.timestamp, (_appended(genesis),))]
    books = _Books(history)
    for place, record in enumerate(history.records):
        data = decode_record(record)
        told = [_recorded(record), *_beside(data, history)]
        time = 1_000 + record.height
        if isinstance(data, RoundOpened):
            clock = history.around.clocks.get(data.round_id)
            time = clock.opened_at if clock else time
        if isinstance(data, VoteLeaked):
            told += books.leak(data)
        if isinstance(data, Payouts):
            time = history.around.clocks[data.round_id].ended_at
            told += books.settle(data.round_id)
            if place + 1 == len(history.records) or history.records[place + 1].height > record.height:
                block = next((each for each in blocks if each.header.height == record.height), None)
                told += [_appended(block)] if block else []
        found.append(Happening(time, tuple(told)))
    return found


@dataclass
class _Books:
    """The committee's events of books, in the transactions in which the contracts emit them."""

    history: History

    def leak(self, data: VoteLeaked) -> list[tuple[str, str, dict[str, Any]]]:
        amount = self.history.around.books.leaks.get((data.ballot_id, data.verifier))
        return [] if amount is None else [_slashed((data.ballot_id, data.verifier), amount)]

    def settle(self, round_id: int) -> list[tuple[str, str, dict[str, Any]]]:
        books = self.history.around.books
        slashed = [_slashed(who, amount) for who, all_ in books.penalties.items() for amount in all_]
        struck = [_committee("Struck", who, strikes=strikes) for who, strikes in books.strikes.items()]
        paid = [_committee("Rewarded", who, amount=amount) for who, amount in books.rewards.items()]
        everything = [*slashed, *struck, *paid]
        return [each for each in everything if round_and_attempt(each[2]["ballotId"])[0] == round_id]


def _slashed(who: tuple[int, str], amount: int) -> tuple[str, str, dict[str, Any]]:
    return _committee("Slashed", who, amount=amount)


def _committee(name: str, who: tuple[int, str], **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "VerifierCommittee", name, {"ballotId": who[0], "verifier": who[1], **more}


def _recorded(record: Record) -> tuple[str, str, dict[str, Any]]:
    told = {"height": record.height, "index": record.index, "kind": int(record.kind), "data": record.data}
    return "Ledger", "Recorded", told


def _beside(data: Any, history: History) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the events that the contracts emit beside a record."""
    match data:
        case TaskPosted():
            return [("TaskList", "TaskPosted", _posted(history.tasks[data.task_id]))]
        case TaskCancelled():
            return [("TaskList", "TaskCancelled", _refunded(history, data.task_id))]
        case TaskReplaced():
            lost = _refunded(history, data.task_id)
            return [("TaskList", "TaskReplaced", {**lost, "byTaskId": data.by_task_id})]
        case RoundOpened() if data.task_id:
            return [("TaskList", "TaskTaken", {"taskId": data.task_id, "roundId": data.round_id})]
        case VoteRevealed():
            votes = history.around.votes[data.ballot_id, data.verifier]
            told = [_struct(vote, verdict=int(vote.verdict)) for vote in votes]
            return [_committee("VoteRevealed", (data.ballot_id, data.verifier), votes=told)]
    return []


def _posted(task: PostedTask) -> dict[str, Any]:
    return {
        "taskId": task.task_id,
        "owner": task.owner,
        "terms": _struct(task.terms),
        "files": _struct(task.files),
    }


def _refunded(history: History, task_id: int) -> dict[str, Any]:
    task, limits = history.tasks[task_id], history.around.parameters.task_list
    return {"taskId": task_id, "owner": task.owner, "refund": payment(task.terms, limits) - task.terms.fee}


def _appended(block: Block) -> tuple[str, str, dict[str, Any]]:
    header: Header = block.header
    told = {"height": header.height, "hash": block.hash, "header": _struct(header)}
    ommers: list[Ommer] = list(block.ommers)
    return "Ledger", "BlockAppended", {**told, "ommers": [_struct(each) for each in ommers]}


def _struct(value: Any, **changes: Any) -> dict[str, Any]:
    """Return a struct as web3 gives it: by the members' names in Solidity, in their order."""
    names = {name: name.split("_") for name in value.__slots__}
    told = {
        first + "".join(map(str.capitalize, rest)): getattr(value, name)
        for name, (first, *rest) in names.items()
    }
    return {**told, **changes}


def shifted(happening: Happening, seconds: int) -> Happening:
    return replace(happening, time=happening.time + seconds)
