"""Which task the next round gets."""

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import ETHER, STRANGER, TERMS, Pole, refused


def test_only_the_chain_takes_tasks(pole: Pole) -> None:
    stage.post(pole)
    with refused("NotChain", accounts[STRANGER]):
        pole.task_list.takeBest.call(1, {"from": accounts[STRANGER]})


def test_an_empty_list_opens_no_round(pole: Pole) -> None:
    with refused("NoTask"):
        pole.chain.openRound.call(0, {"from": accounts[0]})


def test_reward_per_second_of_the_whole_round_decides_and_not_the_reward(pole: Pole) -> None:
    stage.post(pole, reward=10 * ETHER, timeLimit=1000, minTrainingTime=0)
    stage.post(pole, reward=5 * ETHER, timeLimit=150, minTrainingTime=0)
    assert pole.task_list.best() == 2


def test_a_time_limit_of_a_second_does_not_make_a_task_valuable(pole: Pole) -> None:
    stage.post(pole, reward=10 * ETHER, timeLimit=1000, minTrainingTime=0)
    stage.post(pole, reward=3 * ETHER, timeLimit=1, minTrainingTime=0)
    assert pole.task_list.best() == 1


def test_among_equals_the_older_comes_first(pole: Pole) -> None:
    stage.post(pole, reward=3 * ETHER, timeLimit=592)
    stage.post(pole, reward=4 * ETHER, timeLimit=992)
    stage.post(pole, reward=2 * ETHER, timeLimit=192)
    assert pole.task_list.best() == 1


def test_judging_takes_time_of_the_round_as_training_does(pole: Pole) -> None:
    stage.post(pole, work=200)
    stage.post(pole, timeLimit=TERMS["timeLimit"] + 4 * 28)
    stage.post(pole, timeLimit=TERMS["timeLimit"] + 4 * 28 - 1)
    assert pole.task_list.best() == 3
    pole.task_list.cancel(3, {"from": accounts[stage.DATA_NODE]})
    # Equal durations: the older comes first.
    assert pole.task_list.best() == 1


def test_a_round_gets_the_tasks_money(pole: Pole) -> None:
    stage.post(pole)
    round_id = stage.open_round(pole)
    held = stage.TERMS["reward"] + stage.TERMS["dataBond"]
    assert pole.reservoir.balanceOf(pole.chain, round_id.to_bytes(32, "big")) == held
    assert pole.reservoir.balanceOf(pole.task_list, stage.TASKS) == 0
    assert pole.task_list.waiting() == 0
