"""Committing to a model."""

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import CHAIN, DATA_NODE, NOTHING, Model, Phase, refused

BOND = CHAIN["minerBond"]
SECRET = "0x" + "11" * 32


@pytest.fixture
def round_id(pole):
    return stage.training(pole)


def ready(pole, round_id):
    return pole.chain.round(round_id).dict()["ready"]


def test_an_empty_commitment_is_refused(pole, round_id):
    with refused("EmptyField", "commitment"):
        pole.chain.commit.call(round_id, NOTHING, 1, {"from": accounts[2], "value": BOND})


def test_nobody_claims_more_than_there_are_samples(pole, round_id):
    with refused("CountTooLarge", 101, 100):
        pole.chain.commit.call(round_id, SECRET, 101, {"from": accounts[2], "value": BOND})
    pole.chain.commit.call(round_id, SECRET, 100, {"from": accounts[2], "value": BOND})


@pytest.mark.parametrize("sent", [0, BOND - 1, BOND + 1])
def test_the_first_commitment_costs_exactly_the_bond(pole, round_id, sent):
    with refused("WrongBond", sent, BOND):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[2], "value": sent})


def test_a_replacement_costs_nothing_and_must_send_nothing(pole, round_id):
    stage.commit(pole, round_id, 2, Model())
    with refused("WrongBond", BOND, 0):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[2], "value": BOND})
    stage.commit(pole, round_id, 2, Model(train=95), bond=0)
    assert pole.chain.round(round_id).dict()["committed"] == 1


def test_a_round_takes_no_more_solutions_than_its_limit(pole, round_id):
    for miner in range(2, 2 + CHAIN["maxSolutions"]):
        stage.commit(pole, round_id, miner, Model())
    with refused("TooManySolutions", round_id, CHAIN["maxSolutions"]):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[7], "value": BOND})
    stage.commit(pole, round_id, 3, Model(train=99), bond=0)


def test_nobody_commits_before_the_keys_or_after_the_end_of_training(pole):
    stage.post(pole)
    round_id = stage.open_round(pole)
    with refused("WrongPhase", round_id, Phase.KEYS, Phase.TRAINING):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[2], "value": BOND})
    stage.post_keys(pole, round_id)
    stage.commit(pole, round_id, 2, Model())
    _, deadline = pole.chain.phaseOf(round_id)
    chain.mine(timestamp=deadline - 1)
    pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[3], "value": BOND})
    chain.mine(timestamp=deadline)
    with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.TRAINING):
        pole.chain.commit.call(round_id, SECRET, 1, {"from": accounts[3], "value": BOND})


def test_a_replaced_commitment_goes_to_the_end(pole, round_id):
    for miner in (2, 3, 4):
        stage.commit(pole, round_id, miner, Model())
    stage.commit(pole, round_id, 2, Model(train=91), bond=0)
    orders = {each.dict()["miner"]: each.dict()["order"] for each in pole.chain.solutions(round_id)}
    assert orders == {accounts[2]: 3, accounts[3]: 1, accounts[4]: 2}
    assert [each[0] for each in pole.chain.solutions(round_id)] == [accounts[n] for n in (2, 3, 4)]


def test_only_live_commitments_that_claim_the_threshold_count_as_ready(pole, round_id):
    stage.commit(pole, round_id, 2, Model(train=79))
    assert ready(pole, round_id) == 0
    stage.commit(pole, round_id, 2, Model(train=80), bond=0)
    assert ready(pole, round_id) == 1
    stage.commit(pole, round_id, 2, Model(train=81), bond=0)
    assert ready(pole, round_id) == 1
    stage.commit(pole, round_id, 3, Model(train=100))
    assert ready(pole, round_id) == 2
    stage.commit(pole, round_id, 2, Model(train=10), bond=0)
    assert ready(pole, round_id) == 1


def test_bonds_are_held_in_the_rounds_account(pole, round_id):
    account = round_id.to_bytes(32, "big")
    before = pole.reservoir.balanceOf(pole.chain, account)
    stage.commit(pole, round_id, 2, Model())
    stage.commit(pole, round_id, DATA_NODE, Model())
    assert pole.reservoir.balanceOf(pole.chain, account) == before + 2 * BOND


def test_a_copied_commitment_is_worthless(pole, round_id):
    model = Model()
    stage.commit(pole, round_id, 2, model)
    copied = pole.chain.solutions(round_id)[0].dict()["commitment"]
    pole.chain.commit(round_id, copied, model.train, {"from": accounts[3], "value": BOND})
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, model)
    with refused("CommitmentMismatch"):
        pole.chain.reveal.call(round_id, "bafy", model.digest, model.test, model.salt, {"from": accounts[3]})
    stage.wait(CHAIN["revealWindow"])
    stage.vote(pole, round_id, {2: stage.ok(model.train, model.test)})
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.credit(pole, 3) == 0
    assert stage.pool(pole) == before + BOND - CHAIN["blockReward"]


def test_a_commitment_to_the_same_model_in_an_earlier_round_opens_nothing(pole):
    model = Model()
    first = stage.won(pole, {2: model})
    old = pole.chain.solutions(first)[0].dict()["commitment"]
    second = stage.training(pole)
    pole.chain.commit(second, old, model.train, {"from": accounts[2], "value": BOND})
    stage.close(pole, second)
    stage.release(pole, second)
    with refused("CommitmentMismatch"):
        pole.chain.reveal.call(second, "bafy", model.digest, model.test, model.salt, {"from": accounts[2]})
