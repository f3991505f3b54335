"""Histories of any length in seconds: rounds that `Ledger` played once, each time by others and for others.

What a round records, votes and pays is what the rules make of it, and every record can be proven to be in its
block. Hashes that bind blocks to each other are not: who checks those needs a chain that was played.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

from tests.unit.explore.chains import FIRST, TASK_LIST, Happening, happenings_of, receipts_of
from tests.unit.explore.playing import played
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import CHAIN, COMMITTEE, SEATS, digest_of

from pole.adapters.ethereum.decoding import to_header, to_record
from pole.adapters.history.pages import BlockMark, ChainEvent, EventPage
from pole.explore.index import money
from pole.protocol.ballots import ballot_id, round_and_attempt
from pole.protocol.encoding.hashing import address, keccak256
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.records import (
    Payouts,
    RecordData,
    SolutionCommitted,
    TallyChallenged,
    VoteLeaked,
    decode_record,
)
from pole.protocol.formats.block_body import body_root
from pole.protocol.rounds.payouts import miner_bond
from pole.protocol.rounds.rent import rent
from pole.protocol.state import Payout, PayoutReason, Phase, Record, RecordKind
from pole.roles.ports import Moment

MOODS: Final = ("block",) * 6 + ("false", "silent", "nobody", "leaked", "challenged")
START: Final = 1_750_000_000
ROUND_SECONDS: Final = 600
POOL, TASKS, STAKES = (bytes.fromhex(name[2:]) for name in (money.POOL, money.TASKS, money.STAKES))
STAKE: Final = 10**18
_OF_BALLOT: Final = frozenset({RecordKind.VOTE_COMMITTED, RecordKind.VOTE_REVEALED, RecordKind.VOTE_LEAKED})
_OF_TASK: Final = frozenset({RecordKind.TASK_POSTED, RecordKind.TASK_CANCELLED})
_FROM_POOL: Final = frozenset(
    {PayoutReason.BLOCK_REWARD, PayoutReason.OMMER_INCLUSION, PayoutReason.OMMER_REWARD}
)

Told = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who stands in for whom in one round, by address; and its ids, height and time."""

    round_id: int
    height: int
    time: int
    index: int
    names: Mapping[str, str]
    bytes_: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Template:
    """A round that was played, money included, how many records it has, and whether it made a block."""

    happenings: tuple[Happening, ...]
    records: int
    has_block: bool


class GeneratedChain:
    """A source of `rounds` rounds on as many tasks, one after the other; nothing of it is kept in memory."""

    def __init__(self, rounds: int, *, seed: int = 1, people: int = 200) -> None:
        self._moods = random.Random(seed).choices(MOODS, k=rounds)  # noqa: S311 - reproducible choices
        self._templates = {mood: _template(mood) for mood in MOODS}
        self._people = [address("0x" + keccak256(b"person %d" % n)[-20:].hex()) for n in range(people)]
        lengths = [len(self._templates[mood].happenings) for mood in self._moods]
        self._starts = [FIRST + 2, *accumulate(lengths, initial=FIRST + 2)][1:]
        blocks = (self._templates[mood].has_block for mood in self._moods)
        self._heights = [1, *accumulate(blocks, initial=1)][1:]
        self._seed = seed
        self.lanes: Sequence[Moment] = (
            Moment(0, 1, rounds, Phase.FINAL, 0, 0, 0, 0, 0, self.head().time, self.head().number),
        )

    @property
    def first_block(self) -> int:
        return FIRST

    def head(self) -> BlockMark:
        return self._mark(self._starts[-1] - 1)

    def mark(self, number: int) -> BlockMark | None:
        return self._mark(number) if FIRST <= number < self._starts[-1] else None

    def page(self, first: int, last: int) -> EventPage:
        events = tuple(each for number in range(first, last + 1) for each in self._events(number))
        wanted = sorted({event.block for event in events} | {last})
        return EventPage(events, tuple(map(self._mark, wanted)), receipts_of(events, self._people))

    def moments(self) -> Sequence[Moment]:
        return self.lanes

    def _mark(self, number: int) -> BlockMark:
        return BlockMark(number, keccak256(b"block %d" % number), self._time(number))

    def _time(self, number: int) -> int:
        place = bisect_right(self._starts, number) - 1
        if place < 0:
            return START
        template = self._templates[self._moods[place]]
        told = template.happenings[number - self._starts[place]].time
        return START + place * ROUND_SECONDS + told - template.happenings[0].time

    def _events(self, number: int) -> Iterator[ChainEvent]:
        transaction = keccak256(b"transaction %d" % number)
        for index, told in enumerate(self._told(number)):
            yield ChainEvent(number, index, transaction, *told)

    def _told(self, number: int) -> Iterator[Told]:
        if number == FIRST:
            yield from happenings_of(played(()).history())[0].events
        elif number == FIRST + 1:
            yield from self._stakes
        else:
            place = bisect_right(self._starts, number) - 1
            template = self._templates[self._moods[place]]
            happening = template.happenings[number - self._starts[place]]
            cast = self._cast(place, self._time(number))
            for contract, name, arguments in happening.events:
                told = _recast(name, arguments, cast)
                yield contract, name, self._bound(place, told) if name == "BlockAppended" else told

    @cached_property
    def _stakes(self) -> list[Told]:
        pool = ("RewardReservoir", "Deposited", _deposit(CHAIN, POOL, DATA_NODE, STAKE))
        paid = ("RewardReservoir", "Deposited", _deposit(COMMITTEE, STAKES, COMMITTEE, STAKE))
        seats = (
            (("VerifierCommittee", "Staked", {"verifier": who, "stake": STAKE}), paid) for who in self._people
        )
        return [pool, *(told for seat in seats for told in seat)]

    def _cast(self, place: int, time: int) -> Cast:
        chosen = random.Random(self._seed * 1_000_003 + place)  # noqa: S311 - reproducible choices
        old = (*MINERS, *SEATS, DATA_NODE)
        names = dict(zip(old, chosen.sample(self._people, len(old)), strict=True))
        digests = {digest_of(n): keccak256(b"model %d of round %d" % (n, place + 1)) for n in range(4)}
        raw = {bytes.fromhex(was[2:]): bytes.fromhex(now[2:]) for was, now in names.items()}
        height = self._heights[place]
        return Cast(place + 1, height, time, self._index(place), names, {**raw, **digests})

    def _index(self, place: int) -> int:
        """Return how many records the body has before a round: those of void rounds since the last block."""
        return sum(self._of(before).records for before in range(self._first(place), place))

    def _first(self, place: int) -> int:
        """Return the first of the rounds whose records are in the same body as a round's."""
        first = place
        while first and not self._of(first - 1).has_block:
            first -= 1
        return first

    def _of(self, place: int) -> Template:
        return self._templates[self._moods[place]]

    def _bound(self, place: int, told: dict[str, Any]) -> dict[str, Any]:
        """Return a block's event with the root of its body and the hash of its header."""
        parts = range(self._first(place), place + 1)
        records = tuple(each for part in parts for each in self._records(part))
        header = {**told["header"], "bodyRoot": body_root(records)}
        return {**told, "header": header, "hash": header_hash(to_header(header))}

    def _records(self, place: int) -> Iterator[Record]:
        cast = self._cast(place, 0)
        for happening in self._of(place).happenings:
            for _, name, arguments in happening.events:
                if name == "Recorded":
                    yield to_record(_recast(name, arguments, cast))


def _template(mood: str) -> Template:
    _, *happenings = happenings_of(played((mood,)).history())
    round_id = 1
    return Template(
        tuple(_spread(list(_paid(happenings, round_id)))),
        sum(name == "Recorded" for each in happenings for _, name, _ in each.events),
        any(name == "BlockAppended" for each in happenings for _, name, _ in each.events),
    )


def _spread(happenings: Sequence[Happening]) -> Iterator[Happening]:
    """Return what happened with as much time between one and the next, from the opening to the end."""
    opened = next(place for place, each in enumerate(happenings) if _opens(each))
    ended = next(place for place, each in enumerate(happenings) if _ends(each))
    begin, end = happenings[opened].time, happenings[ended].time
    for place, each in enumerate(happenings):
        passed = min(max(place - opened, 0), ended - opened)
        yield replace(each, time=begin + (end - begin) * passed // (ended - opened))


def _opens(happening: Happening) -> bool:
    return any(_is_of(RecordKind.ROUND_OPENED, name, told) for _, name, told in happening.events)


def _ends(happening: Happening) -> bool:
    return any(_is_of(RecordKind.PAYOUTS, name, told) for _, name, told in happening.events)


def _paid(happenings: Sequence[Happening], round_id: int) -> Iterator[Happening]:
    """Return what happened with the reservoir's events, in the order in which the contracts emit them."""
    account, held = round_id.to_bytes(32, "big"), 0
    due = 0
    for happening in happenings:
        told: list[Told] = []
        settled = [each for each in happening.events if each[0] == "VerifierCommittee"]
        for contract, name, arguments in happening.events:
            if _is_of(RecordKind.PAYOUTS, name, arguments):
                moved, left = _settled(settled, arguments, account, held)
                told += moved
                held -= left
            elif _is_of(RecordKind.VOTE_LEAKED, name, arguments):
                told += _leaked(settled, arguments)
                continue
            if (contract, name, arguments) in settled and name in ("Slashed", "Struck", "Rewarded"):
                continue
            told.append((contract, name, arguments))
            if name == "TaskPosted":
                terms = arguments["terms"]
                due = terms["reward"] + terms["dataBond"] + rent(terms["reward"], PARAMETERS.task_list)
                paid = due + terms["fee"]
                told.append(_reservoir("Deposited", _deposit(TASK_LIST, TASKS, TASK_LIST, paid)))
                told.append(_reservoir("Transferred", _transfer(TASK_LIST, TASKS, CHAIN, POOL, terms["fee"])))
            elif name == "TaskTaken":
                told.append(_reservoir("Transferred", _transfer(TASK_LIST, TASKS, CHAIN, account, due)))
                held += due
            elif name == "Recorded":
                bond = _bond(arguments)
                if bond:
                    told.append(_reservoir("Deposited", _deposit(CHAIN, account, CHAIN, bond)))
                held += bond
        yield replace(happening, events=tuple(told))


def _is_of(kind: RecordKind, name: str, arguments: Mapping[str, Any]) -> bool:
    return name == "Recorded" and arguments["kind"] == kind


def _bond(arguments: Mapping[str, Any]) -> int:
    """Return what is deposited after a record."""
    match _record_in(arguments):
        case SolutionCommitted() as record:
            return miner_bond(record.claimed_train_correct, TERMS, PARAMETERS.chain)
        case TallyChallenged() as record:
            return record.bond
    return 0


def _record_in(arguments: Mapping[str, Any]) -> RecordData:
    return decode_record(Record(1, 0, RecordKind(arguments["kind"]), arguments["data"]))


def _leaked(settled: Sequence[Told], arguments: Mapping[str, Any]) -> list[Told]:
    """Return what a leak does: half of the penalty is the informer's, the rest is the pool's."""
    record = _record_in(arguments)
    assert isinstance(record, VoteLeaked)
    (slashed,) = settled
    penalty, ballot = slashed[2]["amount"], {"ballotId": record.ballot_id, "verifier": record.verifier}
    reward = penalty // 2
    return [
        slashed,
        ("VerifierCommittee", "VoteLeaked", {**ballot, "informer": record.informer, "reward": reward}),
        ("Ledger", "Recorded", dict(arguments)),
        _reservoir("Credited", _credit(COMMITTEE, STAKES, record.informer, reward)),
        _reservoir("Transferred", _transfer(COMMITTEE, STAKES, CHAIN, POOL, penalty - reward)),
    ]


def _settled(
    settled: Sequence[Told], arguments: Mapping[str, Any], account: bytes, held: int
) -> tuple[list[Told], int]:
    """Return how a round's money goes before its payouts are recorded, and how much its account had."""
    rewards = sum(each["amount"] for _, name, each in settled if name == "Rewarded")
    lost = sum(each["amount"] for _, name, each in settled if name == "Slashed")
    fee, told = max(rewards - lost, 0), list[Told]()
    if fee:
        told.append(_reservoir("Transferred", _transfer(CHAIN, account, COMMITTEE, STAKES, fee)))
    for each in settled:
        told.append(each)
        if each[1] == "Rewarded":
            payee, amount = each[2]["verifier"], each[2]["amount"]
            told.append(_reservoir("Credited", _credit(COMMITTEE, STAKES, payee, amount)))
    if lost > rewards:
        told.append(_reservoir("Transferred", _transfer(COMMITTEE, STAKES, CHAIN, POOL, lost - rewards)))
    record = _record_in(arguments)
    assert isinstance(record, Payouts)
    own = [each for each in record.payouts if each.reason not in _FROM_POOL]
    drawn = [each for each in record.payouts if each.reason in _FROM_POOL]
    told += [_reservoir("Credited", _payout(each, account)) for each in own]
    rest = held - fee - sum(each.amount for each in own)
    if rest:
        told.append(_reservoir("Transferred", _transfer(CHAIN, account, CHAIN, POOL, rest)))
    return [*told, *(_reservoir("Credited", _payout(each, account)) for each in drawn)], held


def _payout(payout: Payout, account: bytes) -> dict[str, Any]:
    source = POOL if payout.reason in _FROM_POOL else account
    return _credit(CHAIN, source, payout.payee, payout.amount)


def _reservoir(name: str, arguments: dict[str, Any]) -> Told:
    return "RewardReservoir", name, arguments


def _deposit(holder: str, account: bytes, of: str, amount: int) -> dict[str, Any]:
    return {"holder": holder, "account": account, "from": of, "amount": amount}


def _credit(holder: str, account: bytes, payee: str, amount: int) -> dict[str, Any]:
    return {"payee": payee, "holder": holder, "account": account, "amount": amount}


def _transfer(holder: str, account: bytes, to: str, to_account: bytes, amount: int) -> dict[str, Any]:
    return {
        "fromHolder": holder,
        "fromAccount": account,
        "toHolder": to,
        "toAccount": to_account,
        "amount": amount,
    }


def _recast(name: str, arguments: Mapping[str, Any], cast: Cast) -> dict[str, Any]:
    if name == "Recorded":
        return {
            **arguments,
            "height": cast.height,
            "index": arguments["index"] + cast.index,
            "data": _data(RecordKind(arguments["kind"]), arguments["data"], cast),
        }
    return {key: _value(key, value, cast) for key, value in arguments.items()}


def _data(kind: RecordKind, data: bytes, cast: Cast) -> bytes:
    first = ballot_id(cast.round_id, round_and_attempt(int.from_bytes(data[:32], "big"))[1])
    word = first if kind in _OF_BALLOT else cast.round_id
    data = word.to_bytes(32, "big") + data[32:]
    if kind is RecordKind.ROUND_OPENED:
        data = data[:32] + cast.round_id.to_bytes(32, "big") + data[64:]
    for was, now in cast.bytes_.items():
        data = data.replace(was, now)
    return data


def _value(key: str, value: Any, cast: Cast) -> Any:
    if isinstance(value, dict):
        return {name: _value(name, each, cast) for name, each in value.items()}
    if isinstance(value, list):
        return [_value("", each, cast) for each in value]
    if isinstance(value, str):
        return cast.names.get(value, value)
    return _bytes(key, value, cast) if isinstance(value, bytes) else _number(key, value, cast)


def _number(key: str, value: int, cast: Cast) -> int:
    match key:
        case "height":
            return cast.height
        case "roundId" | "taskId":
            return cast.round_id
        case "timestamp":
            return cast.time
        case "ballotId":
            return ballot_id(cast.round_id, round_and_attempt(value)[1])
    return value


def _bytes(key: str, value: bytes, cast: Cast) -> bytes:
    match key:
        case "hash":
            return keccak256(b"PoLe block %d" % cast.height)
        case "parentHash":
            return keccak256(b"PoLe block %d" % (cast.height - 1))
        case "account" | "fromAccount" | "toAccount" if value not in (POOL, TASKS, STAKES):
            return cast.round_id.to_bytes(32, "big")
    return cast.bytes_.get(value, value)
