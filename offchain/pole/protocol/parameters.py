"""What a deployment fixes for ever: the constructor parameters of the three contracts that have any.

Times are seconds, amounts wei. The deployment file (deployments/<chain>.json) holds them under `parameters`
as `{"taskList": {...}, "committee": {...}, "chain": {...}}` with the Solidity names; amounts may be decimal
strings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from pole.errors import InputError
from pole.quoting import differing, quoted


@dataclass(frozen=True, slots=True)
class TaskListParameters:
    """ITaskList.Parameters."""

    max_tasks: int
    min_reward: int
    max_reward: int
    min_data_bond: int
    fee_bps: int
    rent_bps: int
    max_time_limit: int
    max_solutions: int
    judging_speed: int
    max_judging_time: int
    reward_per_second: int
    idle_time_limit: int = 0
    idle_train_count: int = 0
    idle_test_count: int = 0
    idle_train_accuracy: int = 0
    idle_test_accuracy: int = 0
    idle_work: int = 0
    round_windows: int = 0


@dataclass(frozen=True, slots=True)
class CommitteeParameters:
    """IVerifierCommittee.Parameters."""

    seat_stake: int
    penalty: int
    seat_age: int
    lanes: int


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """IPoLeChain.Parameters."""

    key_window: int
    grace_window: int
    test_window: int
    reveal_window: int
    vote_commit_window: int
    vote_reveal_window: int
    challenge_window: int
    window_blocks: int
    draw_delay: int
    confirmations: int
    max_solutions: int
    committee_size: int
    min_committee: int
    max_committee: int
    verification_fee_bps: int
    fault_share_bps: int
    missed_share_bps: int
    fee_margin_bps: int
    miner_bond_bps: int
    ready_bond_bps: int
    miner_bond: int
    block_reward: int
    reward_per_seat: int


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of one deployment."""

    task_list: TaskListParameters
    committee: CommitteeParameters
    chain: ChainParameters


Group = TypeVar("Group", TaskListParameters, CommitteeParameters, ChainParameters)


def parameters_from_json(document: Mapping[str, Any]) -> Parameters:
    """Return the parameters in a deployment file; raises InputError naming what is missing or unusable."""
    return Parameters(
        task_list=_group(TaskListParameters, document, "taskList"),
        committee=_group(CommitteeParameters, document, "committee"),
        chain=_group(ChainParameters, document, "chain"),
    )


def _group(kind: type[Group], document: Mapping[str, Any], name: str) -> Group:
    group = document.get(name)
    if not isinstance(group, Mapping):
        raise InputError(
            f"The deployment file has no parameters for {name}; deploy again with `brownie run deploy`."
        )
    names = {_solidity_name(field.name): field.name for field in fields(kind)}
    odd = differing(group, names)
    if odd:
        raise InputError(f"The deployment file's parameters for {name} differ from this version's in: {odd}.")
    return kind(**{names[key]: _whole(value, f"{name}.{key}") for key, value in group.items()})


def _solidity_name(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def _whole(value: object, name: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InputError(
        f"The deployment file's parameter {name} is {quoted(value)}; it must be a whole number of at least 0."
    )
