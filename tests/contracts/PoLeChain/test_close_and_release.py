"""Ending training and releasing the test set."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    ANYBODY,
    CHAIN,
    DATA_NODE,
    READY_BOND,
    STRANGER,
    TERMS,
    TEST_DIGEST,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.state import Phase, RecordKind, Step, VoidReason


def committed(pole: Pole) -> int:
    """Play a round until a miner has committed."""
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    return round_id


def test_only_the_data_node_closes_submissions_before_the_time_limit(pole: Pole) -> None:
    round_id = committed(pole)
    stage.wait(TERMS["minTrainingTime"])
    with refused("NotDataNode", round_id, accounts[STRANGER]):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[STRANGER]})


def test_closing_needs_enough_commitments_that_claim_the_threshold(pole: Pole) -> None:
    round_id = stage.training(pole, minSolutions=2)
    not_before = pole.chain.round(round_id).dict()["since"] + TERMS["minTrainingTime"]
    stage.commit(pole, round_id, 2, Model(train=80))
    stage.commit(pole, round_id, 3, Model(train=79))
    stage.wait(TERMS["minTrainingTime"])
    with refused("TooEarlyToClose", 1, 2, not_before):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[DATA_NODE]})
    stage.commit(pole, round_id, 3, Model(train=80), bond=READY_BOND - stage.BOND)
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})


def test_closing_needs_the_least_training_time(pole: Pole) -> None:
    round_id = committed(pole)
    not_before = pole.chain.round(round_id).dict()["since"] + TERMS["minTrainingTime"]
    stage.wait_until(not_before - 1)
    with refused("TooEarlyToClose", 1, 1, not_before):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[DATA_NODE]})
    chain.mine(timestamp=not_before)
    pole.chain.closeSubmissions(round_id, {"from": accounts[DATA_NODE]})
    assert stage.phase(pole, round_id) is Phase.TEST_RELEASE


def test_submissions_are_closed_once(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    for caller in (DATA_NODE, STRANGER):
        with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.TRAINING):
            pole.chain.closeSubmissions.call(round_id, {"from": accounts[caller]})


def test_after_the_time_limit_nobody_commits_and_anybody_closes(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = committed(pole)
    stage.wait(TERMS["timeLimit"])
    assert pole.chain.phaseOf(round_id) == (Phase.TEST_RELEASE, 0, 0)
    with refused("WrongPhase", round_id, Phase.TEST_RELEASE, Phase.TRAINING):
        pole.chain.commit.call(round_id, TEST_DIGEST, 1, {"from": accounts[3], "value": stage.BOND})
    closed = pole.chain.closeSubmissions(round_id, {"from": accounts[STRANGER]})
    assert closed.events["Recorded"]["kind"] == RecordKind.SUBMISSIONS_CLOSED
    standing = pole.chain.round(round_id).dict()
    assert (standing["step"], standing["closedEarly"]) == (Step.CLOSED, False)
    assert stage.deadline_of(pole, round_id) == closed.timestamp + CHAIN["testWindow"]
    history_holds()


def test_a_release_after_the_time_limit_closes_too(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = committed(pole)
    stage.wait(TERMS["timeLimit"])
    released = pole.chain.releaseTestSet(round_id, "bafy-test", TEST_DIGEST, {"from": accounts[DATA_NODE]})
    kinds = [event["kind"] for event in released.events["Recorded"]]
    assert kinds == [RecordKind.SUBMISSIONS_CLOSED, RecordKind.TEST_SET_RELEASED]
    assert stage.phase(pole, round_id) is Phase.REVEAL
    assert not stage.field(pole.chain.round(round_id), "closedEarly")
    history_holds()


def test_a_round_that_nobody_closes_costs_nobody_a_window(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = committed(pole)
    stage.wait(TERMS["timeLimit"] + 10 * CHAIN["testWindow"])
    stage.release(pole, round_id)
    stage.reveal(pole, round_id, 2, Model())
    stage.vote(pole, round_id, stage.as_claimed({2: Model()}))
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.FINAL
    history_holds()


def test_only_the_data_node_releases_the_test_set(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    with refused("NotDataNode", round_id, accounts[STRANGER]):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[STRANGER]})


def test_another_test_set_or_none_is_refused(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    chain.mine()
    data_node = {"from": accounts[DATA_NODE]}
    other = b"\x99" * 32
    with refused("WrongTestSet", bytes.fromhex(TEST_DIGEST[2:]), other):
        pole.chain.releaseTestSet.call(round_id, "bafy", other, data_node)
    with refused("EmptyField", "testCid"):
        pole.chain.releaseTestSet.call(round_id, "", TEST_DIGEST, data_node)


def test_the_test_set_is_not_released_in_the_block_that_closed(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    # A call runs in the newest block, the one that closed.
    with refused("NotClosedBefore", round_id, chain.height):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[DATA_NODE]})
    stage.release(pole, round_id)


def test_nobody_commits_after_the_release(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    with refused("WrongPhase", round_id, Phase.REVEAL, Phase.TRAINING):
        pole.chain.commit.call(round_id, TEST_DIGEST, 1, {"from": accounts[3], "value": stage.BOND})


def test_a_task_that_nobody_tries_is_refunded_with_its_bond_after_a_grace(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    round_id = stage.training(pole)
    grace = stage.field(pole.chain.round(round_id), "since") + CHAIN["graceWindow"]
    assert stage.deadline_of(pole, round_id) == grace
    stage.wait_until(grace - 1)
    with refused("WrongPhase", round_id, Phase.TRAINING, Phase.SETTLEMENT):
        pole.chain.finalise.call(round_id, {"from": accounts[ANYBODY]})
    chain.mine(timestamp=grace)
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0, 0)
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.void_reason(pole, round_id) is VoidReason.NO_COMMITMENT
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == before
    history_holds()


def test_the_first_commitment_keeps_training_open_to_its_time_limit(pole: Pole) -> None:
    round_id = stage.training(pole)
    stage.wait(CHAIN["graceWindow"] // 2)
    stage.commit(pole, round_id, 2, Model(train=1))
    keyed = stage.field(pole.chain.round(round_id), "since")
    assert stage.deadline_of(pole, round_id) == keyed + TERMS["timeLimit"]


def test_a_grace_longer_than_the_time_limit_ends_with_it(pole: Pole) -> None:
    round_id = stage.training(pole, timeLimit=20, minTrainingTime=0)
    assert stage.deadline_of(pole, round_id) == stage.field(pole.chain.round(round_id), "since") + 20


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
    assert stage.credit(pole, 2) == READY_BOND + share
    assert stage.credit(pole, 3) == READY_BOND + share + reward
    assert stage.pool(pole) == before + TERMS["dataBond"] - 2 * share - CHAIN["blockReward"]
    ommer = pole.ledger.ommer().dict()
    assert (ommer["miner"], ommer["correct"], ommer["total"]) == (accounts[2], 85, 100)
    history_holds()


def test_a_release_is_taken_until_somebody_says_that_its_window_is_over(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    _, deadline, block = pole.chain.phaseOf(round_id)
    for moment in (deadline, deadline + 10**6):
        stage.wait_out(moment, block)
        assert pole.chain.phaseOf(round_id) == (Phase.TEST_RELEASE, deadline, block)
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[DATA_NODE]})
    stage.end_test_release(pole, round_id)
    with refused("WrongPhase", round_id, Phase.REVEAL, Phase.TEST_RELEASE):
        pole.chain.releaseTestSet.call(round_id, "bafy", TEST_DIGEST, {"from": accounts[DATA_NODE]})


def test_nobody_ends_the_wait_for_the_test_set_before_its_seconds_and_its_blocks_are_over(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    stranger = {"from": accounts[STRANGER]}
    round_id = committed(pole)
    with refused("WrongPhase", round_id, Phase.TRAINING, Phase.TEST_RELEASE):
        pole.chain.endTestRelease.call(round_id, stranger)
    stage.wait(TERMS["timeLimit"])
    with refused("TestSetAwaited", round_id, 0, 0):
        pole.chain.endTestRelease.call(round_id, stranger)
    pole.chain.closeSubmissions(round_id, stranger)
    _, deadline, block = pole.chain.phaseOf(round_id)
    stage.wait_until(deadline - 1)
    assert chain.height >= block
    with refused("TestSetAwaited", round_id, deadline, block):
        pole.chain.endTestRelease.call(round_id, stranger)
    chain.mine(timestamp=deadline)
    ended = pole.chain.endTestRelease(round_id, stranger)
    reveals = ended.timestamp + CHAIN["revealWindow"], ended.block_number + CHAIN["windowBlocks"]
    assert pole.chain.phaseOf(round_id) == (Phase.REVEAL, *reveals)
    with refused("WrongPhase", round_id, Phase.REVEAL, Phase.TEST_RELEASE):
        pole.chain.endTestRelease.call(round_id, stranger)
    history_holds()


def test_where_the_chain_stood_still_the_blocks_of_the_test_window_are_waited_for(pole: Pole) -> None:
    round_id = committed(pole)
    stage.close(pole, round_id)
    _, deadline, block = pole.chain.phaseOf(round_id)
    chain.mine(timestamp=deadline + 10**6)
    assert chain.height < block
    with refused("TestSetAwaited", round_id, deadline, block):
        pole.chain.endTestRelease.call(round_id, {"from": accounts[STRANGER]})
