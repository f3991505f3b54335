"""Posting functional keys."""

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import DATA_NODE, NOTHING, STRANGER, TERMS, HistoryCheck, Pole, refused

from pole.protocol.state import Phase, VoidReason

DIGEST = "0x" + "04" * 32


def opened(pole: Pole) -> int:
    return stage.opened(pole)


def test_nobody_posts_keys_before_the_seed_is_drawn(pole: Pole) -> None:
    stage.post(pole)
    round_id = stage.open_round(pole)
    with refused("WrongPhase", round_id, Phase.SEED, Phase.KEYS):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", DIGEST, {"from": accounts[DATA_NODE]})


def test_only_the_data_node_posts_keys(pole: Pole) -> None:
    round_id = opened(pole)
    with refused("NotDataNode", round_id, accounts[STRANGER]):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", DIGEST, {"from": accounts[STRANGER]})


def test_the_delegate_of_the_task_posts_keys_and_of_no_other(pole: Pole, history_holds: HistoryCheck) -> None:
    for task_id in (1, 2):
        stage.post(pole)
        delegate = accounts[STRANGER + task_id]
        pole.task_list.delegateKeys(task_id, delegate, "bafy", DIGEST, {"from": accounts[DATA_NODE]})
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    with refused("NotDataNode", round_id, accounts[STRANGER + 2]):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", DIGEST, {"from": accounts[STRANGER + 2]})
    pole.chain.postFunctionalKeys(round_id, "bafy", DIGEST, {"from": accounts[STRANGER + 1]})
    assert stage.phase(pole, round_id) is Phase.TRAINING
    with refused("NotDataNode", round_id, accounts[STRANGER + 1]):
        pole.chain.closeSubmissions.call(round_id, {"from": accounts[STRANGER + 1]})
    history_holds()


def test_the_data_node_may_still_post_the_keys_it_delegated(pole: Pole) -> None:
    stage.post(pole)
    pole.task_list.delegateKeys(1, accounts[STRANGER], "bafy", DIGEST, {"from": accounts[DATA_NODE]})
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    stage.post_keys(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.TRAINING


def test_empty_keys_are_refused(pole: Pole) -> None:
    round_id = opened(pole)
    for cid in ("", "b" * 129):
        with refused("EmptyField", "keysCid"):
            pole.chain.postFunctionalKeys.call(round_id, cid, DIGEST, {"from": accounts[DATA_NODE]})
    with refused("EmptyField", "keysDigest"):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", NOTHING, {"from": accounts[DATA_NODE]})


def test_keys_are_posted_once(pole: Pole) -> None:
    round_id = stage.training(pole)
    with refused("WrongPhase", round_id, Phase.TRAINING, Phase.KEYS):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", DIGEST, {"from": accounts[DATA_NODE]})


def test_the_deadline_is_the_first_second_that_is_too_late(pole: Pole) -> None:
    round_id = opened(pole)
    deadline = stage.deadline_of(pole, round_id)
    assert deadline == stage.field(pole.chain.round(round_id), "since") + stage.CHAIN["keyWindow"]
    stage.wait_until(deadline - 1)
    assert stage.phase(pole, round_id) is Phase.KEYS
    chain.mine(timestamp=deadline)
    assert pole.chain.phaseOf(round_id) == (Phase.SETTLEMENT, 0, 0)
    with refused("WrongPhase", round_id, Phase.SETTLEMENT, Phase.KEYS):
        pole.chain.postFunctionalKeys.call(round_id, "bafy", DIGEST, {"from": accounts[DATA_NODE]})


def test_keys_that_never_came_cost_the_data_bond(pole: Pole, history_holds: HistoryCheck) -> None:
    round_id = opened(pole)
    stage.wait(stage.CHAIN["keyWindow"])
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.phase(pole, round_id) is Phase.VOID
    assert stage.void_reason(pole, round_id) is VoidReason.KEYS_MISSING
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"]
    assert stage.pool(pole) == before + TERMS["dataBond"]
    assert pole.ledger.height() == 0
    history_holds()
