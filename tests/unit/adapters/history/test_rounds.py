"""One ended round by its own records: equal to what the replay of the whole chain makes of it."""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.protocol.ledger import CHAIN, COMMITTEE, SEATS, VERIFIERS, Ledger
from tests.unit.protocol.replay.test_books import FIRST, SECOND, SETTLED

from pole.adapters.ethereum.events.event_index import Event
from pole.adapters.ethereum.history_source import books_of
from pole.adapters.history import rounds
from pole.adapters.history.rounds import read_round
from pole.errors import IntegrityError, UnreachableError
from pole.protocol.encoding.records import VoteLeaked, decode_record, round_of
from pole.protocol.replay.history import replayed_rounds
from pole.protocol.state import RecordKind


def recorded(ledger: Ledger) -> tuple[Event, ...]:
    """Return the events of a ledger's records, one a transaction and block."""
    return tuple(
        Event(
            "Recorded",
            {"height": each.height, "index": each.index, "kind": each.kind, "data": each.data},
            number,
            f"0x{number:x}",
        )
        for number, each in enumerate(ledger.records)
    )


def slashed(ballot: int, verifier: str, transaction: str) -> Event:
    return Event("Slashed", {"ballotId": ballot, "verifier": verifier, "amount": 500}, 1, transaction)


def events_of(ledger: Ledger) -> dict[str, tuple[Event, ...]]:
    told = recorded(ledger)
    leaking = {
        (data.ballot_id, data.verifier): event.transaction
        for event in told
        if isinstance(data := decode_record(ledger.records[event.block]), VoteLeaked)
    }
    penalties = [slashed(*member, "0xend") for member, taken in ledger.books.penalties.items() for _ in taken]
    return {
        "Recorded": told,
        "VoteRevealed": tuple(
            Event(
                "VoteRevealed",
                {"ballotId": ballot, "verifier": verifier, "votes": [asdict(each) for each in votes]},
                1,
                "0x1",
            )
            for (ballot, verifier), votes in ledger.votes.items()
        ),
        "Slashed": (*(slashed(*member, leaking[member]) for member in ledger.books.leaks), *penalties),
        "Rewarded": tuple(
            Event("Rewarded", {"ballotId": ballot, "verifier": verifier, "amount": amount}, 1, "0xend")
            for (ballot, verifier), amount in ledger.books.rewards.items()
        ),
        "Struck": tuple(
            Event("Struck", {"ballotId": ballot, "verifier": verifier, "strikes": strikes}, 1, "0xend")
            for (ballot, verifier), strikes in ledger.books.strikes.items()
        ),
    }


@pytest.fixture
def reader_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a reader of what a ledger holds."""

    def made(ledger: Ledger) -> Any:
        monkeypatch.setattr(
            rounds, "clocks_of", lambda _, ended: {each: ledger.clocks[each] for each in ended}
        )
        heights = {block.header.round_id: block.header.height for block in ledger.blocks}
        committee = SimpleNamespace(address=COMMITTEE)
        return SimpleNamespace(
            index=SimpleNamespace(snapshot=lambda: events_of(ledger)),
            deployment=SimpleNamespace(
                chain_id=1337,
                chain=SimpleNamespace(address=CHAIN),
                contracts={"VerifierCommittee": committee},
                parameters=ledger.parameters,
            ),
            task=ledger.tasks.__getitem__,
            round=lambda round_id: SimpleNamespace(height=heights.get(round_id, 0)),
        )

    return made


def test_a_round_that_goes_on_has_not_ended_yet(reader_of: Any) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run_to_reveal()
    for round_id in (1, 7):
        with pytest.raises(UnreachableError, match=f"does not show the end of round {round_id}"):
            read_round(reader_of(ledger), round_id)


def test_records_without_an_opening_are_refused(reader_of: Any) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run()
    opening = next(n for n, each in enumerate(ledger.records) if each.kind is RecordKind.ROUND_OPENED)
    del ledger.records[opening]
    with pytest.raises(IntegrityError, match="no RoundOpened record"):
        read_round(reader_of(ledger), 1)


def test_a_round_by_itself_is_what_the_whole_chain_says_of_it(reader_of: Any) -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.post()
    ledger.run(miners=2)
    ledger.run(miners=1, vote=None)
    ledger.run(miners=2)
    played = replayed_rounds(ledger.history())
    for each in played:
        ended = read_round(reader_of(ledger), each.round_id)
        assert (ended.played, ended.books) == (each, ledger.books)
    assert {round_of(decode_record(each)) for each in ledger.records} == {None, 1, 2, 3}


def test_a_leak_s_penalty_is_told_from_that_of_the_settlement_by_its_transaction(reader_of: Any) -> None:
    ended = read_round(reader_of(SETTLED), 1)
    assert (ended.played, ended.books) == (replayed_rounds(SETTLED.history())[0], SETTLED.books)


def test_a_leak_that_took_nothing_leaves_the_settlement_s_penalty_one() -> None:
    events = events_of(SETTLED)
    at_the_end = tuple(each for each in events["Slashed"] if each.transaction == "0xend")
    books = books_of({**events, "Slashed": at_the_end})
    assert (books.leaks, books.penalties) == ({}, SETTLED.books.penalties)
    assert books.penalties[FIRST, VERIFIERS[2]] == (500,)
    assert (SECOND, SEATS[6]) in books.penalties
