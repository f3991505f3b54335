"""Taking a waiting task back."""

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import DATA_NODE, STRANGER, TERMS, HistoryCheck, Pole, refused


def test_a_task_that_does_not_wait_cannot_be_cancelled(pole: Pole) -> None:
    with refused("TaskNotListed", 1):
        pole.task_list.cancel.call(1, {"from": accounts[DATA_NODE]})
    stage.post(pole)
    pole.task_list.cancel(1, {"from": accounts[DATA_NODE]})
    with refused("TaskNotListed", 1):
        pole.task_list.cancel.call(1, {"from": accounts[DATA_NODE]})


def test_a_task_that_a_round_took_cannot_be_cancelled(pole: Pole) -> None:
    stage.post(pole)
    stage.open_round(pole)
    with refused("TaskNotListed", 1):
        pole.task_list.cancel.call(1, {"from": accounts[DATA_NODE]})


def test_only_its_owner_cancels_a_task(pole: Pole) -> None:
    stage.post(pole)
    with refused("NotTaskOwner", 1, accounts[STRANGER]):
        pole.task_list.cancel.call(1, {"from": accounts[STRANGER]})


def test_cancelling_refunds_all_but_the_fee(pole: Pole, history_holds: HistoryCheck) -> None:
    stage.post(pole)
    before = stage.pool(pole)
    pole.task_list.cancel(1, {"from": accounts[DATA_NODE]})
    assert stage.credit(pole, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == before
    assert pole.reservoir.balanceOf(pole.task_list, stage.TASKS) == 0
    assert not pole.task_list.isListed(1)
    assert pole.task_list.task(1)[0] == accounts[DATA_NODE]
    history_holds()
