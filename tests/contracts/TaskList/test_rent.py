"""What occupying a lane costs by the second."""

from collections.abc import Callable

import pytest
from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import (
    CHAIN,
    DATA_NODE,
    JUDGING_TIME,
    STRANGER,
    TERMS,
    HistoryCheck,
    Model,
    Pole,
    refused,
)

from pole.protocol.state import Phase, Verdict, VoidReason

RENT = TERMS["reward"] * 500 // 10_000
DURATION = TERMS["timeLimit"] + 600 + CHAIN["maxSolutions"] * JUDGING_TIME
MODELS = {2: Model()}


@pytest.fixture(scope="module")
def rented_deployed(deployed: Pole) -> Pole:
    """Return contracts that ask for a rent of 5 % of the reward."""
    return stage.set_up(task_list={"rentBps": 500})


@pytest.fixture
def rented(rented_deployed: Pole, isolation: None) -> Pole:
    return rented_deployed


def used(pole: Pole, round_id: int) -> int:
    """Return what a round that ended in the newest block has used of its rent."""
    taken = chain[-1].timestamp - stage.field(pole.chain.round(round_id), "openedAt")
    return RENT * min(taken, DURATION) // DURATION


def test_posting_costs_the_rent_of_the_whole_duration(rented: Pole) -> None:
    terms, files, sent = stage.post_call(rented)
    due = TERMS["reward"] + TERMS["dataBond"] + TERMS["fee"] + RENT
    assert sent["value"] == due
    for paid in (due - RENT, due - 1, due + 1):
        with refused("WrongPayment", paid, due):
            rented.task_list.post.call(terms, files, sent | {"value": paid})
    rented.task_list.post(terms, files, sent)
    assert rented.reservoir.balanceOf(rented.task_list, stage.TASKS) == due - TERMS["fee"]


def test_a_task_that_waited_in_vain_has_all_of_its_rent_back(
    rented: Pole, history_holds: HistoryCheck
) -> None:
    stage.post(rented)
    stage.wait(10**6)
    rented.task_list.cancel(1, {"from": accounts[DATA_NODE]})
    assert stage.credit(rented, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"] + RENT
    history_holds(rented)


def test_a_task_that_is_pushed_out_has_all_of_its_rent_back(rented: Pole) -> None:
    stage.post(rented)
    stage.fill(rented)
    stage.post_replacing(rented, 1, by=STRANGER, reward=TERMS["reward"] + 1)
    assert stage.credit(rented, DATA_NODE) == TERMS["reward"] + TERMS["dataBond"] + RENT


def with_keys_missing(pole: Pole) -> int:
    round_id = stage.opened(pole)
    stage.wait(CHAIN["keyWindow"])
    return round_id


def that_nobody_tries(pole: Pole) -> int:
    round_id = stage.training(pole)
    stage.wait(CHAIN["graceWindow"])
    return round_id


def with_nothing_revealed(pole: Pole) -> int:
    round_id = stage.training(pole)
    stage.commit(pole, round_id, 2, Model())
    stage.close(pole, round_id)
    stage.release(pole, round_id)
    stage.wait(CHAIN["revealWindow"])
    return round_id


def with_a_data_fault(pole: Pole) -> int:
    round_id = stage.revealed(pole, MODELS)
    stage.vote(pole, round_id, {2: stage.verdict(Verdict.DATA_FAULT)})
    return round_id


def that_somebody_wins(pole: Pole) -> int:
    round_id = stage.revealed(pole, MODELS)
    stage.vote(pole, round_id, stage.as_claimed(MODELS))
    return round_id


@pytest.mark.parametrize(
    "play",
    [with_keys_missing, that_nobody_tries, with_nothing_revealed, with_a_data_fault, that_somebody_wins],
)
def test_whatever_becomes_of_a_round_its_owner_pays_for_its_seconds_and_no_more(
    rented: Pole, history_holds: HistoryCheck, play: Callable[[Pole], int]
) -> None:
    round_id = play(rented)
    ended = stage.finalise(rented, round_id)
    expected = RENT - used(rented, round_id)
    refunds = [event for event in ended.events["Credited"] if event["payee"] == accounts[DATA_NODE]]
    assert expected in [event["amount"] for event in refunds]
    assert 0 < expected < RENT
    history_holds(rented)


def test_the_pool_gets_the_rent_that_was_used(rented: Pole, history_holds: HistoryCheck) -> None:
    round_id = that_nobody_tries(rented)
    before = stage.pool(rented)
    stage.finalise(rented, round_id)
    assert stage.void_reason(rented, round_id) is VoidReason.NO_COMMITMENT
    assert stage.pool(rented) == before + used(rented, round_id)
    owner = TERMS["reward"] + TERMS["dataBond"] + RENT - used(rented, round_id)
    assert stage.credit(rented, DATA_NODE) == owner
    history_holds(rented)


def test_a_round_that_takes_longer_than_its_duration_uses_all_of_its_rent_and_no_more(
    rented: Pole, history_holds: HistoryCheck
) -> None:
    round_id = that_somebody_wins(rented)
    stage.wait(DURATION)
    before = stage.pool(rented)
    stage.finalise(rented, round_id)
    assert stage.phase(rented, round_id) is Phase.FINAL
    assert stage.pool(rented) == before + RENT - CHAIN["blockReward"]
    assert stage.credit(rented, DATA_NODE) == TERMS["dataBond"]
    history_holds(rented)


def test_an_idle_round_pays_no_rent() -> None:
    pole = stage.set_up(task_list={"rentBps": 500, "idleTimeLimit": 60})
    round_id = stage.open_round(pole)
    stage.draw(pole, round_id)
    stage.wait(CHAIN["graceWindow"])
    before = stage.pool(pole)
    stage.finalise(pole, round_id)
    assert stage.pool(pole) == before + CHAIN["blockReward"]
