"""Rounds side by side: their numbers, what they share, and what they don't."""

from typing import Any

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    ETHER,
    LANES,
    READY_BOND,
    TERMS,
    VERIFICATION_FEE,
    HistoryCheck,
    Model,
    Pole,
    ok,
    refused,
)

from pole.protocol.ballots import ballot_id
from pole.protocol.state import Header, Phase, RecordKind, VoidReason

ONE, OTHER = {2: Model(test=45)}, {3: Model(test=40)}
LONGEST = 2**64 - 1


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def end_without_keys(pole: Pole, round_id: int) -> None:
    stage.draw(pole, round_id)
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(pole, round_id)


@pytest.mark.parametrize("lanes", [1, 3, 16])
def test_the_number_of_a_round_tells_its_lane(lanes: int) -> None:
    pole = stage.deploy_all(committee={"lanes": lanes, "penalty": ETHER // 2})
    assert pole.chain.lanes() == lanes
    for lane in {0, lanes // 2, lanes - 1}:
        stage.post(pole)
        assert stage.open_round(pole, lane) == lanes + lane
        end_without_keys(pole, lanes + lane)
        stage.post(pole)
        assert stage.open_round(pole, lane) == 2 * lanes + lane
        end_without_keys(pole, 2 * lanes + lane)


def test_there_is_no_lane_beyond_the_last(pole: Pole) -> None:
    stage.post(pole)
    with refused("UnknownLane", LANES, LANES):
        pole.chain.openRound.call(LANES, anybody())


def test_every_lane_takes_the_best_task_that_waits(pole: Pole) -> None:
    for reward in (3, 9, 5):
        stage.post(pole, reward=reward * ETHER)
    first, second = stage.open_round(pole, 1), stage.open_round(pole, 0)
    assert [stage.field(pole.chain.round(each), "taskId") for each in (first, second)] == [2, 3]
    with refused("RoundOpen", first):
        pole.chain.openRound.call(1, anybody())


def test_a_block_s_parent_is_the_tip_when_it_is_appended_and_the_seed_is_of_the_tip_at_the_opening(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    first = stage.revealed(pole, ONE)
    second = stage.revealed(pole, OTHER, lane=1)
    stage.vote(pole, second, stage.as_claimed(OTHER))
    stage.vote(pole, first, stage.as_claimed(ONE))
    headers = [
        Header(*stage.finalise(pole, each).events["BlockAppended"]["header"]) for each in (second, first)
    ]
    assert [(header.height, header.round_id) for header in headers] == [(1, second), (2, first)]
    assert bytes(headers[0].parent_hash) == bytes(pole.ledger.blockHash(0))
    assert bytes(headers[1].parent_hash) == bytes(pole.ledger.blockHash(1))
    stage.post(pole)
    opened = pole.chain.openRound(0, anybody())
    assert opened.events["Recorded"]["kind"] == RecordKind.ROUND_OPENED
    assert bytes(opened.events["Recorded"]["data"])[64:96] == bytes(pole.ledger.blockHash(2))
    assert history_holds().height == 2


def test_rounds_of_two_lanes_keep_their_solutions_ballots_and_money_apart(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    rounds = [stage.training(pole, 0), stage.training(pole, 1)]
    for round_id, model in zip(rounds, (Model(test=45), Model(test=41)), strict=True):
        stage.commit(pole, round_id, 2, model)
    for round_id in rounds:
        stage.close(pole, round_id)
        stage.release(pole, round_id)
    stage.reveal(pole, rounds[1], 2, Model(test=41))
    assert [stage.phase(pole, each) for each in rounds] == [Phase.REVEAL, Phase.DRAW]
    stage.reveal(pole, rounds[0], 2, Model(test=45))
    held = TERMS["reward"] + TERMS["dataBond"] + READY_BOND
    for round_id in rounds:
        assert pole.reservoir.balanceOf(pole.chain, round_id.to_bytes(32, "big")) == held
    found = {rounds[0]: [ok(90, 45)], rounds[1]: [ok(90, 41)]}
    members = {each: stage.draw(pole, each) for each in rounds}
    for round_id, votes in found.items():
        stage.commit_votes(pole, round_id, dict.fromkeys(members[round_id], votes))
    for round_id, votes in found.items():
        stage.reveal_votes(pole, round_id, dict.fromkeys(members[round_id], votes))
    counts = [pole.committee.findings(ballot_id(each, 0))[0][2] for each in rounds]
    assert counts == [45, 41]
    for round_id in rounds:
        stage.finalise(pole, round_id)
    assert stage.credit(pole, 2) == 2 * (
        TERMS["reward"] - VERIFICATION_FEE + CHAIN["blockReward"] + READY_BOND
    )
    history_holds()


def test_a_verifier_that_sits_in_two_lanes_loses_a_penalty_in_each(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    for verifier in [*stage.VERIFIERS][4:]:
        pole.committee.unstake({"from": accounts[verifier]})
    stage.wait(stage.COMMITTEE["seatAge"])
    rounds = [stage.revealed(pole, ONE), stage.revealed(pole, OTHER, lane=1)]
    members = [stage.draw(pole, each) for each in rounds]
    absent = members[0][0]
    assert sorted(members[0]) == sorted(members[1])
    for round_id, found in zip(rounds, (ONE, OTHER), strict=True):
        votes = stage.ballot_of(pole, round_id, stage.as_claimed(found))
        stage.commit_votes(pole, round_id, {each: votes for each in members[0] if each != absent})
    for round_id, found in zip(rounds, (ONE, OTHER), strict=True):
        votes = stage.ballot_of(pole, round_id, stage.as_claimed(found))
        stage.end_votes(pole, round_id)
        stage.reveal_votes(pole, round_id, {each: votes for each in members[0] if each != absent})
        stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(absent)[:2] == (stage.SEAT - 2 * stage.PENALTY, False)
    history_holds()


def test_the_oldest_opening_is_of_all_lanes_and_none_when_all_are_settled(pole: Pole) -> None:
    assert pole.chain.oldestOpening() == LONGEST
    stage.post(pole)
    stage.post(pole)
    second = stage.open_round(pole, 1)
    opened = chain[-1].timestamp
    stage.wait(10)
    first = stage.open_round(pole, 0)
    assert pole.chain.oldestOpening() == opened
    end_without_keys(pole, second)
    assert pole.chain.oldestOpening() == stage.field(pole.chain.round(first), "openedAt") > opened
    end_without_keys(pole, first)
    assert pole.chain.oldestOpening() == LONGEST
    assert stage.void_reason(pole, first) is VoidReason.KEYS_MISSING


def test_a_round_that_stands_still_keeps_no_other_lane_from_its_blocks(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    stage.post(pole)
    standing = stage.open_round(pole, 1)
    for _ in range(2):
        stage.won(pole, ONE)
    assert pole.ledger.height() == 2
    assert stage.phase(pole, standing) is Phase.SEED
    history_holds()
