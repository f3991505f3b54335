"""A task of three ether on the devnet's parameters, and what an honest round of it moves."""

import json
from pathlib import Path
from typing import Any

from brownie import accounts, chain
from scripts.contracts.deployed import wei
from tests.contracts import stage
from tests.contracts.stage import ETHER, TERMS, Pole

from pole.protocol import ballots
from pole.protocol.parameters import parameters_from_json
from pole.protocol.rounds import rent
from pole.protocol.state import TaskTerms

CHOSEN = {
    group: {name: wei(value, name) if isinstance(value, str) else value for name, value in values.items()}
    for group, values in json.loads(Path("devnet/parameters.json").read_text()).items()
}
RULES = parameters_from_json(CHOSEN)
HOUR = 3600
TASK: dict[str, Any] = {
    "reward": 3 * ETHER,
    "fee": ETHER * 12 // 100,
    "dataBond": ETHER * 3 // 10,
    "timeLimit": HOUR,
}

REWARD: int = TASK["reward"]
FEE: int = TASK["fee"]
DATA_BOND: int = TASK["dataBond"]
VERIFICATION_FEE = ballots.committee_fee(REWARD, RULES.chain)
FIRST_BOND, SECOND_BOND = (ballots.challenge_bond(attempt, REWARD, RULES.chain) for attempt in (0, 1))
"""What challenges of the tallies of attempts 0 and 1 cost."""
BOND = REWARD * RULES.chain.miner_bond_bps // 10_000
READY_BOND = REWARD * RULES.chain.ready_bond_bps // 10_000
PENALTY, SEAT = RULES.committee.penalty, RULES.committee.seat_stake
BLOCK_REWARD = RULES.chain.block_reward
PRIZE = REWARD - VERIFICATION_FEE + BLOCK_REWARD
"""What the winner of an honest round gains."""
MISSED_SHARE = (REWARD - VERIFICATION_FEE) * RULES.chain.missed_share_bps // 10_000

SEATS = range(5, 20)


def cheapest(limit: int) -> dict[str, int]:
    """Return the terms of the least task that can hold a lane for so many seconds of training."""
    terms = {"timeLimit": limit, "minTrainingTime": 0, "dataBond": RULES.task_list.min_data_bond}
    reward = rent.minimum_reward(TaskTerms(*(TERMS | terms).values()), RULES.task_list)
    return terms | {"reward": reward, "fee": reward * RULES.task_list.fee_bps // 10_000}


def used_rent(pole: Pole, round_id: int, **terms: Any) -> int:
    """Return what a round that ended in the newest Ethereum block has used of its rent."""
    posted = TaskTerms(*(TERMS | terms).values())
    elapsed = chain[-1].timestamp - stage.field(pole.chain.round(round_id), "openedAt")
    paid = rent.rent(posted.reward, pole.rules.task_list)
    return rent.used_rent(paid, elapsed=elapsed, duration=rent.duration(posted, pole.rules.task_list))


def lot(used: int) -> dict[str, int]:
    """Return what everybody but the miners gains by an honest round that used so much rent."""
    return {
        "data_node": -REWARD - FEE - used,
        "verifiers": VERIFICATION_FEE,
        "pool": FEE + used - BLOCK_REWARD,
    }


def end(pole: Pole, round_id: int, **terms: Any) -> int:
    """End the round after its challenge window, by default of the task above; return the rent it used."""
    stage.wait(RULES.chain.challenge_window)
    stage.finalise(pole, round_id)
    return used_rent(pole, round_id, **terms or TASK)


def sent(account: int, value: int = 0) -> dict[str, Any]:
    return {"from": accounts[account], "value": value}
