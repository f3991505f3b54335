"""Posting a task in a full list, in the place of one that is worth less."""

from typing import Any

from brownie import accounts
from eth_abi.abi import encode
from tests.contracts import stage
from tests.contracts.stage import (
    DATA_NODE,
    ETHER,
    STRANGER,
    TASK_LIST,
    TERMS,
    HistoryCheck,
    Pole,
    fill,
    post_call,
    post_replacing,
    refused,
)

from pole.protocol.state import RecordKind

MAXIMUM = TASK_LIST["maxTasks"]
LOW = {"reward": 6 * ETHER, "timeLimit": 592}
EQUAL = {"reward": 5 * ETHER, "timeLimit": 392}
"""A reward of 5 for 1,000 s beside one of 6 for 1,200 s."""


def ask(pole: Pole, replaced: int, *, off: int = 0, **changes: Any) -> None:
    """Ask by eth_call, with so many wei too much."""
    terms, files, sent = post_call(pole, **changes)
    pole.task_list.postReplacing.call(terms, files, replaced, sent | {"value": sent["value"] + off})


def test_what_is_wrong_is_told_in_one_order(pole: Pole) -> None:
    stage.post(pole, **EQUAL)
    nothing = "0x" + "00" * 32
    with refused("TermOutOfRange", "timeLimit", 0, 1, 1000):
        ask(pole, 9, timeLimit=0, testDigest=nothing, off=1)
    with refused("FileMissing", "testDigest"):
        ask(pole, 9, testDigest=nothing, off=1)
    due = post_call(pole)[2]["value"]
    with refused("WrongPayment", due + 1, due):
        ask(pole, 9, off=1)
    with refused("TaskListNotFull", 1, MAXIMUM):
        ask(pole, 9)
    fill(pole, **LOW)
    with refused("TaskNotListed", 9):
        ask(pole, 9, **EQUAL)
    with refused("NotMoreValuable", 1):
        ask(pole, 1, **EQUAL)


def test_a_task_of_equal_value_replaces_nothing_and_one_of_a_wei_more_does(pole: Pole) -> None:
    fill(pole, **LOW)
    with refused("NotMoreValuable", 1):
        ask(pole, 1, **EQUAL)
    assert post_replacing(pole, 1, **EQUAL | {"reward": EQUAL["reward"] + 1}) == MAXIMUM + 1


def test_a_task_that_left_the_list_cannot_be_replaced(pole: Pole) -> None:
    replaced, cancelled, *_ = fill(pole, **LOW)
    post_replacing(pole, replaced)
    with refused("TaskNotListed", replaced):
        ask(pole, replaced)
    pole.task_list.cancel(cancelled, {"from": accounts[STRANGER]})
    with refused("TaskListNotFull", MAXIMUM - 1, MAXIMUM):
        ask(pole, cancelled)
    stage.post(pole)
    with refused("TaskNotListed", cancelled):
        ask(pole, cancelled)


def test_a_replaced_task_cannot_be_taken_back_again(pole: Pole) -> None:
    replaced, *_ = fill(pole, **LOW)
    post_replacing(pole, replaced)
    with refused("TaskNotListed", replaced):
        pole.task_list.cancel.call(replaced, {"from": accounts[STRANGER]})


def test_the_new_task_has_the_place_of_the_replaced_one(pole: Pole) -> None:
    replaced, *others = fill(pole, **LOW)
    task_id = post_replacing(pole, replaced)
    assert not pole.task_list.isListed(replaced)
    assert pole.task_list.isListed(task_id)
    assert (pole.task_list.waiting(), pole.task_list.posted(), pole.task_list.best()) == (
        MAXIMUM,
        task_id,
        task_id,
    )
    assert pole.task_list.task(task_id)[0] == accounts[DATA_NODE]
    assert pole.task_list.task(replaced)[0] == accounts[STRANGER]
    assert all(pole.task_list.isListed(each) for each in others)


def test_the_escrow_of_the_replaced_task_is_credited_to_its_owner_and_the_fees_stay(pole: Pole) -> None:
    replaced, *_ = fill(pole, **LOW)
    before, pool = pole.reservoir.balanceOf(pole.task_list, stage.TASKS), stage.pool(pole)
    refund = LOW["reward"] + TERMS["dataBond"]
    post_replacing(pole, replaced)
    assert stage.credit(pole, STRANGER) == refund
    held = pole.reservoir.balanceOf(pole.task_list, stage.TASKS)
    assert held == before - refund + TERMS["reward"] + TERMS["dataBond"]
    assert stage.pool(pole) == pool + TERMS["fee"]


def test_the_event_comes_first_then_the_money_then_both_records(pole: Pole) -> None:
    replaced, *_ = fill(pole, **LOW)
    terms, files, sent = post_call(pole)
    posted = pole.task_list.postReplacing(terms, files, replaced, sent)
    assert [event.name for event in posted.events] == [
        *("TaskPosted", "TaskReplaced"),
        *("Deposited", "Transferred", "Credited"),
        *("Recorded", "Recorded"),
    ]
    task_id, refund = pole.task_list.posted(), LOW["reward"] + TERMS["dataBond"]
    assert dict(posted.events["TaskReplaced"]) == {
        "taskId": replaced,
        "owner": accounts[STRANGER],
        "refund": refund,
        "byTaskId": task_id,
    }
    first, second = posted.events["Recorded"]
    assert (first["kind"], second["kind"]) == (RecordKind.TASK_POSTED, RecordKind.TASK_REPLACED)
    assert bytes(second["data"]) == encode(["uint256", "uint256"], [replaced, task_id])


def test_any_task_of_less_value_can_be_replaced_and_the_order_holds(
    pole: Pole, history_holds: HistoryCheck
) -> None:
    rewards = [3, 5, 1, 4, 2]
    for reward in rewards:
        stage.post(pole, by=STRANGER, reward=reward * ETHER)
    newest = post_replacing(pole, 4, reward=9 * ETHER // 2)
    taken = []
    while pole.task_list.waiting():
        taken.append(pole.task_list.best())
        round_id = stage.open_round(pole)
        stage.draw(pole, round_id)
        stage.wait(stage.CHAIN["keyWindow"])
        stage.finalise(pole, round_id)
    assert taken == [2, newest, 1, 5, 3]
    history_holds()
