"""Drawing the committee."""

from typing import Any

from brownie import accounts, chain, web3
from tests.contracts import stage
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    DATA_NODE,
    ETHER,
    TERMS,
    VERIFIERS,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.rounds.committee_draw import draw, draw_entropy
from pole.protocol.state import Phase, VoidReason

MODELS = {2: Model()}


def anybody() -> dict[str, Any]:
    return {"from": accounts[ANYBODY]}


def test_an_unarmed_draw_draws_nobody(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    with refused("DrawNotReady", round_id, 0):
        pole.chain.drawCommittee.call(round_id, anybody())


def test_an_armed_draw_waits_for_its_block_and_cannot_be_armed_again(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    pole.chain.armDraw(round_id, anybody())
    draw_block = chain.height + 2
    assert pole.chain.round(round_id).dict()["drawBlock"] == draw_block
    with refused("DrawNotReady", round_id, draw_block):
        pole.chain.drawCommittee.call(round_id, anybody())
    with refused("DrawPending", round_id, draw_block):
        pole.chain.armDraw.call(round_id, anybody())
    chain.mine(3)
    with refused("DrawPending", round_id, draw_block):
        pole.chain.armDraw.call(round_id, anybody())
    pole.chain.drawCommittee(round_id, anybody())


def test_a_draw_missed_for_256_blocks_is_armed_again(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.revealed(pole, MODELS)
    pole.chain.armDraw(round_id, anybody())
    missed = pole.chain.round(round_id).dict()["drawBlock"]
    chain.mine(256)
    with refused("DrawPending", round_id, missed):
        pole.chain.armDraw.call(round_id, anybody())
    chain.mine(3)
    with refused("DrawNotReady", round_id, missed):
        pole.chain.drawCommittee.call(round_id, anybody())
    stage.vote(pole, round_id, stage.as_claimed(MODELS))
    assert pole.chain.round(round_id).dict()["drawBlock"] > missed
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    history_holds()


def test_the_committee_is_the_one_that_python_draws(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    seats = [pole.committee.seatAt(index) for index in range(len(VERIFIERS))]
    members = stage.draw(pole, round_id)
    drawn = pole.chain.round(round_id).dict()
    entropy = draw_entropy(round_id, bytes(web3.eth.get_block(drawn["drawBlock"])["hash"]))
    assert bytes(drawn["entropy"]) == entropy
    barred = [accounts[2].address, accounts[DATA_NODE].address]
    assert members == list(draw(seats, entropy, size=4, minimum=3, barred=barred))


def test_miners_and_the_data_node_have_no_seat_in_the_committee(pole: Pole) -> None:
    everybody = {"value": ETHER}
    for account in (DATA_NODE, 2, 3):
        pole.committee.stake(everybody | {"from": accounts[account]})
    for verifier in list(VERIFIERS)[:5]:
        pole.committee.unstake({"from": accounts[verifier]})
    round_id = stage.revealed(pole, {2: Model(), 3: Model()})
    assert pole.committee.seatCount() == (6, 6)
    members = stage.draw(pole, round_id)
    assert sorted(members) == sorted(accounts[verifier].address for verifier in list(VERIFIERS)[5:])


def test_a_seat_taken_after_the_round_opened_cannot_be_drawn(pole: Pole) -> None:
    for verifier in list(VERIFIERS)[:5]:
        pole.committee.unstake({"from": accounts[verifier]})
    round_id = stage.training(pole)
    pole.committee.stake({"from": accounts[16], "value": ETHER})
    stage.commit(pole, round_id, 2, MODELS[2])
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, MODELS[2])
    assert accounts[16] not in stage.draw(pole, round_id)
    assert pole.committee.ballot(stage.ballot(pole, round_id)).dict()["seats"] == 3


def test_too_few_eligible_seats_end_the_round_without_loss(pole: Pole, history_holds: HistoryCheck) -> None:
    for verifier in list(VERIFIERS)[:6]:
        pole.committee.unstake({"from": accounts[verifier]})
    round_id = stage.revealed(pole, {2: Model(), 3: Model()})
    stage.draw(pole, round_id)
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.COMMITTEE_TOO_SMALL
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.credit(pole, 2) == stage.credit(pole, 3) == CHAIN["minerBond"]
    assert stage.pool(pole) == before
    history_holds()


def test_a_committee_is_drawn_once(pole: Pole) -> None:
    round_id = stage.revealed(pole, MODELS)
    stage.draw(pole, round_id)
    with refused("WrongPhase", round_id, Phase.VOTE_COMMIT, Phase.DRAW):
        pole.chain.drawCommittee.call(round_id, anybody())
    with refused("WrongPhase", round_id, Phase.VOTE_COMMIT, Phase.DRAW):
        pole.chain.armDraw.call(round_id, anybody())


def test_only_the_best_claims_are_judged_ties_to_the_earlier_commitment(pole: Pole) -> None:
    models = {2: Model(test=10), 3: Model(test=30), 4: Model(test=30), 5: Model(test=40)}
    round_id = stage.revealed(pole, models)
    stage.draw(pole, round_id)
    assert stage.judged(pole, round_id) == [accounts[n] for n in (5, 3, 4)]
    choices = [each.dict()["choice"] for each in pole.chain.solutions(round_id)]
    assert choices == [0, 2, 3, 1]


def test_a_solution_that_was_not_judged_keeps_its_bond(pole: Pole, history_holds: HistoryCheck) -> None:
    models = {2: Model(test=10), 3: Model(test=30), 4: Model(test=31), 5: Model(test=40)}
    round_id = stage.won(pole, models)
    assert stage.phase(pole, round_id) is Phase.FINAL
    assert stage.credit(pole, 2) == CHAIN["minerBond"]
    history_holds()
