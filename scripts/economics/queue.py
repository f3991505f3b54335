"""What it costs to come before a task in the list, to keep it out of a full one, and to push it out."""

from dataclasses import dataclass, replace

from scripts.economics.gas import CALLS, GWEI

from pole.protocol.parameters import Parameters
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.value_heap import reward_above, waiting_task
from pole.protocol.state import TaskTerms

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Price:
    """What an attack spends for good, fees and gas at 1 gwei, and what it locks meanwhile, in wei."""

    spent: int
    locked: int


def brief(terms: TaskTerms, parameters: Parameters) -> TaskTerms:
    """Return the cheapest task of one second that comes before `terms`."""
    tasks = parameters.task_list
    minimum = replace(terms, time_limit=1, data_bond=tasks.min_data_bond)
    duration = waiting_task(0, minimum, tasks).duration
    reward = max(tasks.min_reward, reward_above(waiting_task(1, terms, tasks), duration))
    return replace(minimum, reward=reward, fee=reward * tasks.fee_bps // BASIS_POINTS)


def minimum_task(terms: TaskTerms, parameters: Parameters) -> TaskTerms:
    """Return the cheapest task of one second that can be posted."""
    return brief(replace(terms, reward=0), parameters)


def overtaking(terms: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of a day of tasks that come before `terms`, whose keys come in the last second."""
    task = brief(terms, parameters)
    calls = CALLS["post"] + CALLS["open"] + CALLS["keys"] + CALLS["finalise"]
    rounds = DAY // (parameters.chain.key_window + task.time_limit)
    return Price(rounds * (task.fee + calls * GWEI), task.reward + task.data_bond)


def filling(task: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of a list full of such tasks."""
    maximum = parameters.task_list.max_tasks
    return Price(maximum * (task.fee + CALLS["post"] * GWEI), maximum * (task.reward + task.data_bond))


def pushing_out(terms: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of taking the place of `terms` in a full list."""
    task = brief(terms, parameters)
    return Price(task.fee + CALLS["replace"] * GWEI, task.reward + task.data_bond)


def entering_reward(terms: TaskTerms, parameters: Parameters) -> int:
    """Return the minimum reward with which `terms` enter a list full of the least tasks."""
    tasks = parameters.task_list
    minimum = waiting_task(1, minimum_task(terms, parameters), tasks)
    return reward_above(minimum, waiting_task(0, terms, tasks).duration)
