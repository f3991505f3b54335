"""What it costs to come before a task in the list, to keep it out of a full one, and to push it out."""

from dataclasses import dataclass, replace

from scripts.economics.gas import CALLS, GWEI

from pole.protocol.parameters import Parameters
from pole.protocol.rounds.judgement import BASIS_POINTS
from pole.protocol.rounds.rent import duration, minimum_reward, rent, used_rent
from pole.protocol.rounds.value_heap import reward_above, waiting_task
from pole.protocol.state import TaskTerms

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Price:
    """What an attack spends for good, fees and gas at 1 gwei, and what it locks meanwhile, in wei."""

    spent: int
    locked: int


def brief(terms: TaskTerms, parameters: Parameters, *, limit: int = 1) -> TaskTerms:
    """Return the cheapest task that comes before `terms` and whose time limit is `limit` seconds."""
    tasks = parameters.task_list
    minimum = replace(terms, time_limit=limit, data_bond=tasks.min_data_bond)
    duration = waiting_task(0, minimum, tasks).duration
    reward = max(minimum_reward(minimum, tasks), reward_above(waiting_task(1, terms, tasks), duration))
    return replace(minimum, reward=reward, fee=reward * tasks.fee_bps // BASIS_POINTS)


def minimum_task(terms: TaskTerms, parameters: Parameters) -> TaskTerms:
    """Return the cheapest task of one second that can be posted."""
    return brief(replace(terms, reward=0), parameters)


def overtaking(terms: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of a day in one lane of brief tasks that come before `terms`, with garbage keys."""
    chain = parameters.chain
    task = brief(terms, parameters, limit=chain.grace_window)
    calls = CALLS["post"] + CALLS["open"] + CALLS["keys"] + CALLS["finalise"]
    used = used_rent(
        _rent(task, parameters), elapsed=chain.grace_window, duration=_duration(task, parameters)
    )
    rounds = DAY // chain.grace_window
    return Price(rounds * (task.fee + used + calls * GWEI), _locked(task, parameters))


def holding(terms: TaskTerms, parameters: Parameters) -> tuple[Price, int]:
    """Return the price of one lane held by the dearest task that is worth as much as `terms`, and how long.

    A wallet of the attacker commits, so that no grace ends it; the data are at fault, so that its bond comes
    back. It costs fee, rent and the least data bond.
    """
    tasks = parameters.task_list
    seconds = tasks.max_reward * _duration(terms, parameters) // terms.reward
    limit = min(seconds - _duration(replace(terms, time_limit=0), parameters), tasks.max_time_limit)
    fee = tasks.max_reward * tasks.fee_bps // BASIS_POINTS
    task = replace(terms, reward=tasks.max_reward, time_limit=limit, fee=fee, data_bond=tasks.min_data_bond)
    spent = fee + _rent(task, parameters) + task.data_bond
    return Price(spent, _locked(task, parameters)), _duration(task, parameters)


def squatting(parameters: Parameters, terms: TaskTerms, limit: int) -> tuple[Price, int]:
    """Return the price of one lane held by the least task of a time limit, taken from an empty list."""
    tasks = parameters.task_list
    empty = replace(terms, data_bond=tasks.min_data_bond, time_limit=limit)
    reward = minimum_reward(empty, tasks)
    task = replace(empty, reward=reward, fee=reward * tasks.fee_bps // BASIS_POINTS)
    spent = task.fee + _rent(task, parameters) + task.data_bond
    return Price(spent, _locked(task, parameters)), _duration(task, parameters)


def filling(task: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of a list full of such tasks."""
    maximum = parameters.task_list.max_tasks
    return Price(maximum * (task.fee + CALLS["post"] * GWEI), maximum * _locked(task, parameters))


def pushing_out(terms: TaskTerms, parameters: Parameters) -> Price:
    """Return the price of taking the place of `terms` in a full list."""
    task = brief(terms, parameters)
    return Price(task.fee + CALLS["replace"] * GWEI, _locked(task, parameters))


def entering_reward(terms: TaskTerms, parameters: Parameters) -> int:
    """Return the minimum reward with which `terms` enter a list full of the least tasks."""
    tasks = parameters.task_list
    minimum = waiting_task(1, minimum_task(terms, parameters), tasks)
    return reward_above(minimum, waiting_task(0, terms, tasks).duration)


def _rent(terms: TaskTerms, parameters: Parameters) -> int:
    return rent(terms.reward, parameters.task_list)


def _duration(terms: TaskTerms, parameters: Parameters) -> int:
    return duration(terms, parameters.task_list)


def _locked(terms: TaskTerms, parameters: Parameters) -> int:
    return terms.reward + terms.data_bond + _rent(terms, parameters)
