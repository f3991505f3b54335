"""Print what posting and opening cost as the task list grows.

    tools/brownie run gas --network development

The table of docs/gas.md. Rewards are drawn with a fixed seed, so that a new task's place in the heap is any;
"dearest" is a task more valuable than all, which rises to the top of the heap.
"""

import random
import statistics

from brownie import accounts, chain
from tests.contracts import stage
from tests.contracts.stage import ETHER

LISTS = (10, 100, 1_000)
SAMPLE = 20


def main() -> None:
    chance = random.Random(2007_15145)  # noqa: S311 - the same table every time
    pole = stage.set_up(verifiers=[], task_list={"maxTasks": 2_000, "minReward": 1})
    print("tasks waiting | post, median | post, worst of 20 | post, dearest | open")
    for waiting in LISTS:
        grow(pole, waiting, chance)
        costs = [post_once(pole, any_reward(chance)) for _ in range(SAMPLE)]
        dearest = post_once(pole, 50 * ETHER + waiting)
        opened = undone(lambda: pole.chain.openRound({"from": accounts[0]}).gas_used)
        print(f"{waiting} | {statistics.median(costs):.0f} | {max(costs)} | {dearest} | {opened}")


def any_reward(chance: random.Random) -> int:
    return chance.randrange(ETHER, 40 * ETHER)


def grow(pole: stage.Pole, waiting: int, chance: random.Random) -> None:
    while pole.task_list.waiting() < waiting:
        pole.task_list.post(*call(any_reward(chance)))


def call(reward: int) -> tuple:
    return stage.post_call(by=chain.height % 20, reward=reward, fee=reward // 100)


def post_once(pole: stage.Pole, reward: int) -> int:
    return undone(lambda: pole.task_list.post(*call(reward)).gas_used)


def undone(measure) -> int:
    """Return what `measure` returns, and leave the chain as it was."""
    chain.snapshot()
    used = measure()
    chain.revert()
    return used
