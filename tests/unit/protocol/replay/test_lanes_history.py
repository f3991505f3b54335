"""Histories in which rounds of several lanes are open side by side."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import MINERS, PARAMETERS, TERMS
from tests.unit.protocol.ledger import HONEST, Ledger
from tests.unit.protocol.replay.test_history import index_of, rewritten

from pole.errors import IntegrityError
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import KeysPosted, Payouts, RecordData, RoundOpened, decode_record
from pole.protocol.parameters import Parameters
from pole.protocol.replay.history import verify_history
from pole.protocol.state import RecordKind


def lanes(count: int) -> Parameters:
    return replace(PARAMETERS, committee=replace(PARAMETERS.committee, lanes=count))


def interleaved(count: int = 2) -> tuple[Ledger, list[int]]:
    """Return rounds of all lanes that went hand in hand up to their votes."""
    ledger = Ledger(lanes(count))
    for n in range(count):
        ledger.post(replace(TERMS, reward=TERMS.reward - n))
    rounds = [ledger.run_to_training(lane) for lane in range(count)]
    for n in range(2):
        for round_id in rounds:
            ledger.commit(round_id, n)
    for round_id in rounds:
        ledger.reveal_all(round_id, 0, 1)
    choices = {round_id: ledger.draw(round_id) for round_id in rounds}
    for round_id in rounds:
        ledger.vote(ballot_id(round_id, 0), (HONEST,) * choices[round_id])
    return ledger, rounds


def ended() -> Ledger:
    ledger, rounds = interleaved()
    for round_id in reversed(rounds):
        ledger.finalise(round_id)
    return ledger


def require_breach(ledger: Ledger, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        verify_history(ledger.history())


def test_a_lane_does_not_open_a_round_while_its_last_is_open() -> None:
    ledger, _ = interleaved()
    ledger.post()
    ledger.run_to_training(lane=0)
    require_breach(ledger, "round 4 opened out of order")


def test_a_lane_leaves_out_no_number() -> None:
    ledger = Ledger(lanes(2))
    ledger.post()
    ledger.newest[1] = 3
    ledger.open(1)
    require_breach(ledger, "round 5 opened out of order")


def test_every_lane_takes_the_most_valuable_task_that_waits() -> None:
    ledger = Ledger(lanes(2))
    ledger.post()
    ledger.post(replace(TERMS, reward=1_400_000))
    first = ledger.waiting.pop(1)
    ledger.open(0)
    ledger.waiting = {1: first}
    ledger.open(1)
    assert verify_history(ledger.history()).rounds == 2
    swapped = Ledger(lanes(2))
    swapped.post()
    swapped.post(replace(TERMS, reward=1_400_000))
    del swapped.waiting[2]
    swapped.open(0)
    require_breach(swapped, "round 2 took task 1, which is not the most valuable")


def test_what_is_recorded_of_an_ended_round_is_refused() -> None:
    ledger = ended()
    ledger.add(KeysPosted(3, "bafykeys", b"\x21" * 32))
    require_breach(ledger, "round 3 is not open")


@pytest.mark.parametrize(
    ("kind", "nth", "change", "message"),
    [
        (RecordKind.ROUND_OPENED, 1, lambda r: replace(r, parent_hash=b"\x01" * 32), "another parent"),
        (RecordKind.ROUND_OPENED, 1, lambda r: replace(r, round_id=2), "round 2 opened out of order"),
        (RecordKind.SEED_DRAWN, 1, lambda r: replace(r, round_id=2), "in round 3|there are 2 SeedDrawn"),
        (RecordKind.SOLUTION_COMMITTED, 0, lambda r: replace(r, round_id=3), "without a commitment"),
        (
            RecordKind.VOTE_REVEALED,
            0,
            lambda r: replace(r, ballot_id=12),
            "comes after a VoteRevealed record",
        ),
        (RecordKind.PAYOUTS, 0, lambda r: Payouts(2, r.payouts), "ends no round, or another"),
    ],
)
def test_a_record_in_another_lane_s_round_is_named(
    kind: RecordKind, nth: int, change: Callable[[Any], RecordData], message: str
) -> None:
    history = ended().history()
    with pytest.raises(IntegrityError, match=message):
        verify_history(rewritten(history, index_of(history, kind, nth), change))


def test_a_block_closes_the_body_right_after_its_round_s_payouts() -> None:
    ledger, (first, second) = interleaved()
    ledger.finalise(first)
    body = [record for record in ledger.records if record.height == 1]
    late = KeysPosted(second, "bafykeys", b"\x21" * 32)
    ledger.records.remove(body[-1])
    payouts = decode_record(body[-1])
    ledger.blocks.pop()
    ledger.add(payouts)
    ledger.add(late)
    require_breach(ledger, f"round {first} was paid out, but did not end")


def test_payouts_without_an_end_are_refused() -> None:
    ledger, (first, _) = interleaved()
    ledger.finalise(first)
    ledger.blocks.pop()
    require_breach(ledger, f"Height 1: round {first} was paid out, but did not end")


def test_rounds_that_end_in_another_order_than_they_opened_make_a_chain() -> None:
    ledger = ended()
    assert [block.header.round_id for block in ledger.blocks[1:]] == [3, 2]
    report = verify_history(ledger.history())
    assert (report.height, report.rounds, report.void_rounds) == (2, 2, 0)


def test_a_round_s_parent_is_the_tip_when_it_opened_and_its_block_s_the_tip_when_it_ended() -> None:
    ledger = ended()
    opened = [decode_record(each) for each in ledger.records if each.kind is RecordKind.ROUND_OPENED]
    genesis = ledger.blocks[0].hash
    assert [each.parent_hash for each in opened if isinstance(each, RoundOpened)] == [genesis, genesis]
    assert [block.header.parent_hash for block in ledger.blocks[1:]] == [genesis, ledger.blocks[1].hash]


def test_an_ommer_of_another_lane_is_referenced() -> None:
    ledger = ended()
    assert [(ommer.height, ommer.miner) for ommer in ledger.blocks[2].ommers] == [(1, MINERS[1])]


@pytest.mark.parametrize("count", [3, 4, 8])
def test_as_many_rounds_as_there_are_lanes_go_side_by_side(count: int) -> None:
    ledger, rounds = interleaved(count)
    assert rounds == list(range(count, 2 * count))
    assert verify_history(ledger.history()).rounds == count
    for round_id in rounds[::2] + rounds[1::2]:
        ledger.finalise(round_id)
    assert verify_history(ledger.history()).height == count
