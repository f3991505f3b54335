"""Drawing the committee: by which mix, among which seats, how many, and who is barred."""

from typing import Any

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    COMMITTEE,
    DATA_NODE,
    ETHER,
    READY_BOND,
    SEAT,
    STRANGER,
    TERMS,
    VERIFIERS,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.encoding.ethereum_headers import mix_of
from pole.protocol.encoding.seeds import draw_entropy
from pole.protocol.rounds.committee_draw import draw
from pole.protocol.state import Phase, VoidReason

MODELS = {2: Model()}


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def leave(pole: Pole, verifiers: list[int]) -> None:
    """Let verifiers leave so long ago that no round draws them any more."""
    for verifier in verifiers:
        pole.committee.unstake({"from": accounts[verifier]})
    stage.wait(COMMITTEE["seatAge"])


def test_a_draw_missed_for_257_blocks_is_armed_again(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.revealed(pole, MODELS)
    missed = pole.chain.round(round_id).dict()["drawBlock"]
    chain.mine(missed - chain.height + 257)
    with refused("HashLost", missed):
        pole.chain.draw.call(round_id, stage.header_of(missed), anybody())
    stage.arm(pole, round_id)
    assert stage.field(pole.chain.round(round_id), "drawBlock") == chain.height + CHAIN["drawDelay"]
    stage.vote(pole, round_id, stage.as_claimed(MODELS))
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    history_holds()


def test_the_committee_is_the_one_that_python_draws(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    as_of = pole.chain.round(round_id).dict()["openedAt"] - COMMITTEE["seatAge"]
    seats = [pole.committee.seatAt(as_of, index) for index in range(pole.committee.seatsAt(as_of))]
    assert len(seats) == len(VERIFIERS)
    mix = mix_of(stage.mine_named(pole, round_id))
    members = stage.draw(pole, round_id)
    entropy = draw_entropy(round_id, 0, mix)
    assert bytes(pole.chain.round(round_id).dict()["entropy"]) == entropy
    barred = [accounts[2].address, accounts[DATA_NODE].address]
    assert members == list(draw(seats, entropy, size=4, places=3, minimum=3, barred=barred))


def test_miners_and_the_data_node_have_no_seat_in_the_committee(pole: Pole) -> None:
    for account in (DATA_NODE, 2, 3):
        stage.take_seat(pole, account)
    leave(pole, [*VERIFIERS][:5])
    round_id = stage.revealed(pole, {2: Model(), 3: Model()})
    members = stage.draw(pole, round_id)
    assert sorted(members) == sorted(accounts[verifier].address for verifier in [*VERIFIERS][5:])


def test_a_seat_is_drawn_once_it_was_old_enough_when_the_round_opened(pole: Pole) -> None:
    leave(pole, [*VERIFIERS][:5])
    stage.take_seat(pole, STRANGER)
    staked = chain[-1].timestamp
    stage.post(pole)
    stage.post(pole)
    young = stage.open_round_at(pole, staked + COMMITTEE["seatAge"] - 1)
    old = stage.open_round_at(pole, staked + COMMITTEE["seatAge"], 1)
    seats = [
        pole.committee.seatsAt(stage.field(pole.chain.round(each), "openedAt") - COMMITTEE["seatAge"])
        for each in (young, old)
    ]
    assert seats == [3, 4]


def test_a_seat_left_before_the_opening_can_be_drawn_while_it_is_young_enough_and_owes_its_vote(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    leave(pole, [*VERIFIERS][:4])
    gone = [*VERIFIERS][4]
    pole.committee.unstake({"from": accounts[gone]})
    round_id = stage.revealed(pole, MODELS)
    members = stage.draw(pole, round_id)
    assert accounts[gone] in members
    votes = {member: [stage.ok(90, 45)] for member in members if member != accounts[gone]}
    stage.commit_votes(pole, round_id, votes)
    stage.end_votes(pole, round_id)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert pole.committee.stakeOf(accounts[gone])[:2] == (SEAT - stage.PENALTY, False)
    history_holds()


def test_too_few_seats_end_the_round_without_loss(pole: Pole, history_holds: HistoryCheck) -> None:
    leave(pole, [*VERIFIERS][:6])
    round_id = stage.revealed(pole, {2: Model(), 3: Model()})
    assert stage.draw(pole, round_id) == []
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0, 0)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.COMMITTEE_TOO_SMALL
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.credit(pole, 2) == stage.credit(pole, 3) == READY_BOND
    assert stage.pool(pole) == before
    history_holds()


def test_a_committee_is_drawn_once(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    header = stage.mine_named(pole, round_id)
    stage.draw(pole, round_id)
    with refused("NothingToDraw", round_id, Phase.VOTE_COMMIT):
        pole.chain.draw.call(round_id, header, anybody())
    with refused("NothingToDraw", round_id, Phase.VOTE_COMMIT):
        pole.chain.arm.call(round_id, anybody())


@pytest.mark.parametrize(("reward", "seats"), [(1, 2), (2, 2), (3, 3), (5, 5)])
def test_a_reward_is_decided_by_a_seat_for_every_part_that_a_seat_may_decide_on(
    reward: int, seats: int
) -> None:
    sizes = {"committeeSize": 2, "minCommittee": 2, "maxCommittee": 5, "rewardPerSeat": ETHER}
    pole = stage.set_up(chain=sizes, task_list={"maxReward": 5 * ETHER})
    round_id = stage.revealed(pole, MODELS, reward=reward * ETHER - 1 + (reward == 1))
    assert len(stage.draw(pole, round_id)) == seats


def test_where_the_seats_that_a_reward_needs_are_missing_nobody_judges() -> None:
    sizes = {"committeeSize": 2, "minCommittee": 2, "maxCommittee": 5, "rewardPerSeat": ETHER}
    pole = stage.set_up(verifiers=[*VERIFIERS][:4], chain=sizes, task_list={"maxReward": 5 * ETHER})
    round_id = stage.revealed(pole, MODELS, reward=5 * ETHER)
    assert stage.draw(pole, round_id) == []
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.COMMITTEE_TOO_SMALL


@pytest.mark.parametrize(("mining", "seats"), [(0, 6), (1, 5), (2, 0)])
def test_a_quorum_of_the_seats_that_a_reward_needs_has_to_be_able_to_sit(mining: int, seats: int) -> None:
    sizes = {"committeeSize": 2, "minCommittee": 2, "maxCommittee": 6, "rewardPerSeat": ETHER}
    verifiers = [*VERIFIERS][:6]
    pole = stage.set_up(verifiers=verifiers, chain=sizes, task_list={"maxReward": 6 * ETHER})
    models = MODELS | {verifier: Model(test=20) for verifier in verifiers[:mining]}
    round_id = stage.revealed(pole, models, reward=6 * ETHER)
    assert len(stage.draw(pole, round_id)) == seats


def test_every_model_that_was_revealed_is_judged_in_the_order_of_places(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {5: Model(test=10), 3: Model(test=30), 4: Model(train=10, test=30), 2: Model(test=40)}
    round_id = stage.revealed(pole, models)
    stage.draw(pole, round_id)
    assert stage.judged(pole, round_id) == [accounts[n] for n in models]
    assert [each.dict()["choice"] for each in pole.chain.solutions(round_id)] == [1, 2, 3, 4]


def test_equal_models_are_one_choice_and_the_later_one_keeps_its_bond_and_is_nothing_else(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    twin = Model(test=45, digest=b"\x0d" * 32)
    models = {2: twin, 3: Model(test=40), 4: twin}
    round_id = stage.revealed(pole, models)
    members = stage.draw(pole, round_id)
    assert [each.dict()["choice"] for each in pole.chain.solutions(round_id)] == [1, 2, 1]
    found = [stage.ok(90, 45), stage.ok(90, 40)]
    votes = dict.fromkeys(members, found)
    stage.commit_votes(pole, round_id, votes)
    stage.reveal_votes(pole, round_id, votes)
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 4) == READY_BOND
    ommer = pole.ledger.ommer().dict()
    assert (ommer["miner"], ommer["count"]) == (accounts[3], 1)
    history_holds()


def test_of_equal_models_the_one_that_was_committed_first_wins_whatever_its_place(pole: Pole) -> None:
    twin = Model(digest=b"\x0d" * 32)
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, twin)
    stage.commit(pole, round_id, 3, twin)
    # The same place, but a later commitment.
    stage.commit(pole, round_id, 2, twin, bond=0)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    for miner in (2, 3):
        stage.reveal(pole, round_id, miner, twin)
    assert [each.dict()["choice"] for each in pole.chain.solutions(round_id)] == [1, 1]
    stage.vote(pole, round_id, {2: stage.ok(90, 45)})
    stage.finalise(pole, round_id)
    won = TERMS["reward"] - stage.VERIFICATION_FEE + CHAIN["blockReward"]
    assert (stage.credit(pole, 2), stage.credit(pole, 3)) == (READY_BOND, READY_BOND + won)


def test_judging_takes_as_much_longer_as_there_are_models(pole: Pole) -> None:
    round_id = stage.revealed(pole, {2: Model(), 3: Model(), 4: Model()})
    stage.draw(pole, round_id)
    deadline = chain[-1].timestamp + CHAIN["voteCommitWindow"] + 3 * stage.JUDGING_TIME
    assert stage.deadline_of(pole, round_id) == deadline
