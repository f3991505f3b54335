"""Ending training and releasing the test set."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    STRANGER,
    TERMS,
    TEST_DIGEST,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.state import Phase, VoidReason


def test_only_the_data_node_closes_submissions(pole: Pole) -> None:
    round_id = stage.training(pole)
    with refused("NotDataNode", round_id, accounts[STRANGER]):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[STRANGER]})


def test_closing_needs_enough_commitments_that_claim_the_threshold(pole: Pole) -> None:
    round_id = stage.training(pole, minSolutions=2)
    not_before = pole.chain.round(round_id).dict()["keysAt"] + TERMS["minTrainingTime"]
    stage.commit(pole, round_id, 2, Model(train=80))
    stage.commit(pole, round_id, 3, Model(train=79))
    stage.wait(TERMS["minTrainingTime"])
    with refused("TooEarlyToClose", 1, 2, not_before):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[DATA_NODE]})
    stage.commit(pole, round_id, 3, Model(train=80), bond=0)
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})


def test_closing_needs_the_least_training_time(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    not_before = pole.chain.round(round_id).dict()["keysAt"] + TERMS["minTrainingTime"]
    chain.mine(timestamp=not_before - 1)
    with refused("TooEarlyToClose", 1, 1, not_before):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[DATA_NODE]})
    chain.mine(timestamp=not_before)
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})
    assert stage.phase(pole, round_id) is Phase.TEST_RELEASE


def test_submissions_are_closed_once(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.TRAINING):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[DATA_NODE]})


def test_only_the_data_node_releases_the_test_set(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    with refused("NotDataNode", round_id, accounts[STRANGER]):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[STRANGER]})


def test_another_test_set_or_none_is_refused(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    chain.mine()
    data_node = {"from": accounts[DATA_NODE]}
    other = b"\x99" * 32
    with refused("WrongTestSet", bytes.fromhex(TEST_DIGEST[2:]), other):
        pole.chain.releaseTestSet.call(round_id, "bafy", other, data_node)
    with refused("EmptyField", "testCid"):
        pole.chain.releaseTestSet.call(round_id, "", TEST_DIGEST, data_node)


def test_the_test_set_is_not_released_in_the_block_that_closed(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    # A call runs in the newest block, the one that closed.
    with refused("SameBlock", chain.height):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[DATA_NODE]})
    stage.release(pole, round_id)


def test_nobody_commits_after_the_release(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    with refused("WrongPhase", round_id, Phase.REVEAL, Phase.TRAINING):
        pole.chain.commit.call(round_id, TEST_DIGEST, 1, {"from": accounts[3], "value": CHAIN["minerBond"]})


def test_a_task_that_nobody_tried_is_refunded_with_its_bond(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = stage.training(pole)
    stage.wait(TERMS["timeLimit"])
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_COMMITMENT
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == before
    history_holds()


def test_a_withheld_test_set_costs_the_bond_and_the_round_goes_on_with_training_counts(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    models = {2: Model(train=85, test=0), 3: Model(train=95, test=0)}
    round_id = stage.revealed(pole, models, released=False)
    assert stage.phase(pole, round_id) is Phase.DRAW
    stage.vote(pole, round_id, stage.as_claimed(models))
    before = stage.pool(pole)
    stage.finalise(pole, round_id)

    assert stage.phase(pole, round_id) is Phase.FINAL
    share = TERMS["dataBond"] * CHAIN["faultShareBps"] // 10_000 // 2
    reward = TERMS["reward"] - stage.VERIFICATION_FEE + CHAIN["blockReward"]
    assert stage.credit(pole, DATA_NODE) == 0
    assert stage.credit(pole, 2) == CHAIN["minerBond"] + share
    assert stage.credit(pole, 3) == CHAIN["minerBond"] + share + reward
    assert stage.pool(pole) == before + TERMS["dataBond"] - 2 * share - CHAIN["blockReward"]
    ommer = pole.chain.ommerAt(1).dict()
    assert (ommer["miner"], ommer["correct"], ommer["total"]) == (accounts[2], 85, 100)
    history_holds()


def test_a_release_after_the_window_is_too_late(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    _, deadline = pole.chain.phaseOf(round_id)
    chain.mine(timestamp=deadline - 1)
    assert stage.phase(pole, round_id) is Phase.TEST_RELEASE
    chain.mine(timestamp=deadline)
    with refused("WrongPhase", round_id, Phase.REVEAL, Phase.TEST_RELEASE):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[DATA_NODE]})
