"""Which task the next round gets."""

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import ETHER, STRANGER, Pole, refused


def test_only_the_chain_takes_tasks(pole: Pole) -> None:
    stage.post(pole)
    with refused("NotChain", accounts[STRANGER]):
        pole.task_list.takeBest.call(1, {"from": accounts[STRANGER]})


def test_an_empty_list_opens_no_round(pole: Pole) -> None:
    with refused("NoTask"):
        pole.chain.openRound.call({"from": accounts[0]})


def test_reward_per_second_of_the_whole_round_decides_and_not_the_reward(pole: Pole) -> None:
    stage.post(pole, reward=10 * ETHER, timeLimit=1000, minTrainingTime=0)
    stage.post(pole, reward=5 * ETHER, timeLimit=150, minTrainingTime=0)
    assert pole.task_list.best() == 2


def test_a_time_limit_of_a_second_does_not_make_a_task_valuable(pole: Pole) -> None:
    stage.post(pole, reward=10 * ETHER, timeLimit=1000, minTrainingTime=0)
    stage.post(pole, reward=3 * ETHER, timeLimit=1, minTrainingTime=0)
    assert pole.task_list.best() == 1


def test_among_equals_the_older_comes_first(pole: Pole) -> None:
    stage.post(pole, reward=3 * ETHER, timeLimit=600)
    stage.post(pole, reward=4 * ETHER, timeLimit=1000)
    stage.post(pole, reward=2 * ETHER, timeLimit=200)
    assert pole.task_list.best() == 1


def test_a_round_gets_the_tasks_money(pole: Pole) -> None:
    stage.post(pole)
    round_id = stage.open_round(pole)
    held = stage.TERMS["reward"] + stage.TERMS["dataBond"]
    assert pole.reservoir.balanceOf(pole.chain, round_id.to_bytes(32, "big")) == held
    assert pole.reservoir.balanceOf(pole.task_list, stage.TASKS) == 0
    assert pole.task_list.waiting() == 0
