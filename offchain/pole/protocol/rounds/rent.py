"""How long a task may occupy a lane, and what it pays for that (twin of contracts/TaskList.sol).

Times are seconds, amounts wei; rent is rounded down, times up.
"""

from typing import Final

from pole.protocol.parameters import TaskListParameters
from pole.protocol.state import TaskTerms

BASIS_POINTS: Final = 10_000


def judging_time(terms: TaskTerms, parameters: TaskListParameters) -> int:
    """Return how long judging one model may take: its work for all samples, by the deployment's speed."""
    return -(-terms.work * (terms.train_count + terms.test_count) // parameters.judging_speed)


def duration(terms: TaskTerms, parameters: TaskListParameters) -> int:
    """Return how long a round may take: its time limit, the windows, and the judging of every place."""
    judging = parameters.max_solutions * judging_time(terms, parameters)
    return terms.time_limit + parameters.round_windows + judging


def minimum_reward(terms: TaskTerms, parameters: TaskListParameters) -> int:
    """Return the least reward of a task, by the square of the time that it may hold a lane."""
    seconds = duration(terms, parameters)
    by_time = parameters.reward_per_second * seconds * seconds // parameters.round_windows
    return max(parameters.min_reward, by_time)


def rent(reward: int, parameters: TaskListParameters) -> int:
    """Return what a whole duration costs a task with this reward."""
    return reward * parameters.rent_bps // BASIS_POINTS


def used_rent(rent: int, *, elapsed: int, duration: int) -> int:
    """Return what a round that took `elapsed` seconds has used of its rent, at most all."""
    return rent * min(elapsed, duration) // duration


def payment(terms: TaskTerms, parameters: TaskListParameters) -> int:
    """Return what posting a task costs: reward, data bond, fee and rent."""
    return terms.reward + terms.data_bond + terms.fee + rent(terms.reward, parameters)
