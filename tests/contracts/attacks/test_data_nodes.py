"""Data nodes that withhold, lie, and win their own tasks."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.attacks import books, parties
from tests.contracts.attacks import devnet as at
from tests.contracts.attacks.books import Books
from tests.contracts.attacks.parties import BLOCK_REWARD, COMPENSATED, DATA_BOND, FEE, LOT, PRIZE, SHARE, sent
from tests.contracts.stage import (
    CHAIN,
    COMMITTEE,
    DATA_NODE,
    STRANGER,
    TERMS,
    TEST_DIGEST,
    VERIFICATION_FEE,
    Model,
    Pole,
    ok,
    refused,
    verdict,
)

from pole.protocol.state import Verdict, VoidReason

VICTIM, OWN, OWN_TOO = 2, 3, 4
MODEL = Model(test=0)
COVERING_FEE = BLOCK_REWARD * 65 // 32 * (10_000 + CHAIN["feeMarginBps"]) // 10_000


@pytest.fixture
def ledger(pole: Pole) -> Books:
    return books.opened(pole)


def test_keys_that_never_come_cost_the_data_bond_and_nobody_else_anything(pole: Pole, ledger: Books) -> None:
    round_id = stage.opened(pole)
    stage.wait(CHAIN["keyWindow"])
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.KEYS_MISSING
    assert ledger.gains() == {"data_node": -DATA_BOND - FEE, "pool": DATA_BOND + FEE}


def test_a_task_cannot_be_taken_back_once_its_seed_is_known(pole: Pole) -> None:
    task_id = stage.post(pole)
    stage.open_round(pole)
    with refused("TaskNotListed", task_id):
        pole.task_list.cancel(task_id, sent(DATA_NODE))


def test_a_test_set_that_never_comes_costs_the_data_bond_and_keeps_no_reward_back(
    pole: Pole, ledger: Books
) -> None:
    round_id = stage.revealed(pole, {VICTIM: MODEL}, released=False)
    parties.judged_fairly(pole, round_id, {VICTIM: MODEL})
    assert ledger.gains(victim=VICTIM) == COMPENSATED


def test_another_test_set_than_was_posted_is_as_good_as_none(pole: Pole, ledger: Books) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.close(pole, round_id)
    other = b"\x99" * 32
    with refused("WrongTestSet", bytes.fromhex(TEST_DIGEST[2:]), other):
        pole.chain.releaseTestSet(round_id, "bafy-other", other, sent(DATA_NODE))
    stage.end_test_release(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    parties.judged_fairly(pole, round_id, {VICTIM: MODEL})
    assert ledger.gains(victim=VICTIM) == COMPENSATED


def test_data_that_are_proven_wrong_cost_the_data_node_its_bond_and_no_miner_anything(
    pole: Pole, ledger: Books
) -> None:
    round_id = stage.revealed(pole, {VICTIM: Model()})
    stage.vote(pole, round_id, {VICTIM: verdict(Verdict.DATA_FAULT)})
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.DATA_FAULT
    share = (DATA_BOND - VERIFICATION_FEE) * CHAIN["faultShareBps"] // 10_000
    part = TERMS["reward"] * CHAIN["missedShareBps"] // 10_000
    assert ledger.gains(victim=VICTIM) == {
        "data_node": -DATA_BOND - FEE - part,
        "victim": share,
        "verifiers": VERIFICATION_FEE,
        "pool": FEE + part + DATA_BOND - VERIFICATION_FEE - share,
    }


def test_wallets_of_a_data_node_whose_data_are_wrong_have_none_of_the_reward_back(
    devnet: Pole, crowd: list[int]
) -> None:
    ledger = books.opened(devnet)
    own = crowd[: at.RULES.chain.max_solutions - 1]
    terms = at.TASK | {"dataBond": at.RULES.task_list.min_data_bond, "requiredTrainAccuracy": 10_000}
    models = {miner: Model(train=TERMS["trainCount"] - 1) for miner in (VICTIM, *own)}
    round_id = stage.revealed(devnet, models, closed=False, **terms)
    stage.vote(devnet, round_id, dict.fromkeys(models, verdict(Verdict.DATA_FAULT)))
    at.end(devnet, round_id, **terms)
    assert stage.void_reason(devnet, round_id) is VoidReason.DATA_FAULT
    gains = ledger.gains(attacker=[DATA_NODE, *own], victim=VICTIM, verifiers=at.SEATS)
    assert -gains["attacker"] >= at.REWARD * at.RULES.chain.missed_share_bps // 10_000
    assert gains.get("victim", 0) >= 0


def test_a_data_node_that_wins_its_own_task_pays_the_committee_and_the_fee(pole: Pole, ledger: Books) -> None:
    models = {OWN: Model(test=50), VICTIM: Model(test=40)}
    round_id = stage.revealed(pole, models)
    parties.judged_fairly(pole, round_id, models)
    cost = FEE - BLOCK_REWARD + VERIFICATION_FEE
    gains = ledger.gains(attacker=[DATA_NODE, OWN], victim=VICTIM)
    assert gains == {"attacker": -cost, "verifiers": VERIFICATION_FEE, "pool": FEE - BLOCK_REWARD}


def test_a_data_node_with_every_seat_and_every_ommer_its_own_still_pays_the_margin(lone: Pole) -> None:
    models = {OWN: Model(test=50), OWN_TOO: Model(test=40)}
    stage.won(lone, models, fee=COVERING_FEE)
    ledger = books.opened(lone)
    stage.won(lone, models, fee=COVERING_FEE)
    margin = BLOCK_REWARD * 65 // 32 * CHAIN["feeMarginBps"] // 10_000
    everything = [DATA_NODE, OWN, OWN_TOO, *stage.VERIFIERS]
    assert ledger.gains(attacker=everything) == {"attacker": -margin, "pool": margin}


def test_a_fee_one_wei_short_draws_nothing_from_the_pool(pole: Pole, ledger: Books) -> None:
    stage.won(pole, {OWN: Model()}, fee=COVERING_FEE - 1)
    gains = ledger.gains(attacker=[DATA_NODE, OWN])
    assert gains == {
        "attacker": -COVERING_FEE + 1 - VERIFICATION_FEE,
        "verifiers": VERIFICATION_FEE,
        "pool": COVERING_FEE - 1,
    }


def test_a_task_that_covers_nothing_leaves_no_ommer_for_the_next_block_to_pay(pole: Pole) -> None:
    stage.won(pole, {OWN: Model(test=50), OWN_TOO: Model(test=50)}, fee=COVERING_FEE - 1)
    assert stage.ommers(pole) == {}
    ledger = books.opened(pole)
    stage.won(pole, {VICTIM: Model(test=40)})
    assert ledger.gains(attacker=[OWN, OWN_TOO], victim=VICTIM) == LOT | {"victim": PRIZE}


def test_a_withholding_data_node_that_mines_gets_only_a_part_of_its_bond_back(
    pole: Pole, ledger: Books
) -> None:
    round_id = stage.revealed(pole, {OWN: MODEL}, released=False)
    parties.judged_fairly(pole, round_id, {OWN: MODEL})
    gains = ledger.gains(attacker=[DATA_NODE, OWN])
    assert gains["attacker"] == BLOCK_REWARD - FEE - VERIFICATION_FEE - (DATA_BOND - SHARE)


def test_a_data_node_has_no_say_in_who_wins(pole: Pole, ledger: Books) -> None:
    stage.take_seat(pole, DATA_NODE)
    stage.wait(COMMITTEE["seatAge"])
    models = {OWN: Model(test=10), VICTIM: Model(test=45)}
    round_id = stage.revealed(pole, models)
    members = stage.vote(pole, round_id, {OWN: ok(90, 10), VICTIM: ok(90, 45)})
    assert accounts[DATA_NODE] not in members
    stage.finalise(pole, round_id)
    assert ledger.gains(victim=VICTIM, own=OWN) == LOT | {"victim": PRIZE}


def test_a_data_node_that_never_comes_back_stops_nothing_but_its_own_round(pole: Pole, ledger: Books) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, VICTIM, MODEL)
    stage.wait(TERMS["timeLimit"])
    pole.chain.closeSubmissions(round_id, sent(STRANGER))
    stage.end_test_release(pole, round_id)
    stage.reveal(pole, round_id, VICTIM, MODEL)
    parties.judged_fairly(pole, round_id, {VICTIM: MODEL})
    assert ledger.gains(victim=VICTIM) == COMPENSATED
