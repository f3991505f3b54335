"""What the steps of a round cost when a round went before: the table of docs/gas.md, with its limits."""

from collections.abc import Callable

import pytest
from brownie import accounts, chain
from scripts.gas import is_logarithmic, measured_endings
from tests.contracts import stage
from tests.contracts.stage import ETHER, SEAT, Model, Pole

from pole.adapters.sending.chain import ending_gas
from pole.adapters.sending.gas import MAXIMUM_GAS

FEW = {miner: Model(test=50 - miner) for miner in (2, 3, 4, 5)}

# A committee of 15 judges four solutions.
LIMITS = {
    "post": 270_000,
    "replace": 300_000,
    "open": 330_000,
    "draw seed": 90_000,
    "keys": 95_000,
    "commit": 120_000,
    "displace": 250_000,
    "close": 65_000,
    "release": 70_000,
    "reveal": 95_000,
    "draw": 410_000,
    "commit vote": 70_000,
    "reveal vote": 100_000,
    "finalise": 1_400_000,
}


def gas(function: Callable[..., object], *arguments: object) -> int:
    """Return the gas of the last transaction that `function` sent."""
    function(*arguments)
    return chain.get_transaction(chain[-1]["transactions"][-1].hex()).gas_used


def replace_last(pole: Pole) -> None:
    """Post a task in the place of the newest that is worth more than all, so that it rises to the top."""
    stage.post_replacing(pole, pole.task_list.posted(), reward=stage.TERMS["reward"] + 1)


@pytest.fixture
def crowd() -> Pole:
    """Return contracts with sixteen seats and committees of fifteen for four solutions, after a round."""
    for _ in range(8):
        accounts.add()
    verifiers = [*range(6, 16), *range(len(accounts) - 6, len(accounts))]
    for verifier in verifiers[-6:]:
        accounts[0].transfer(accounts[verifier], SEAT + ETHER)
    pole = stage.set_up(verifiers=verifiers, chain={"committeeSize": 15, "maxCommittee": 15})
    stage.won(pole, FEW)
    return pole


def test_the_steps_of_a_round_stay_within_their_limits(crowd: Pole) -> None:
    measured = {"post": gas(stage.post, crowd), "open": gas(stage.open_round, crowd)}
    round_id = crowd.chain.newestRound(0)
    measured["draw seed"] = gas(stage.draw, crowd, round_id)
    measured["keys"] = gas(stage.post_keys, crowd, round_id)
    for miner, model in FEW.items():
        measured["commit"] = gas(stage.commit, crowd, round_id, miner, model)
    measured["close"] = gas(stage.close, crowd, round_id)
    measured["release"] = gas(stage.release, crowd, round_id)
    for miner, model in FEW.items():
        measured["reveal"] = gas(stage.reveal, crowd, round_id, miner, model)
    measured["draw"] = gas(stage.draw, crowd, round_id)
    found = stage.ballot_of(crowd, round_id, stage.as_claimed(FEW))
    votes = dict.fromkeys(crowd.committee.members(stage.ballot(crowd, round_id)), found)
    measured["commit vote"] = gas(stage.commit_votes, crowd, round_id, votes)
    measured["reveal vote"] = gas(stage.reveal_votes, crowd, round_id, votes)
    measured["finalise"] = gas(stage.finalise, crowd, round_id)
    stage.fill(crowd)
    measured["replace"] = gas(replace_last, crowd)
    assert {step: used for step, used in measured.items() if used > LIMITS[step]} == {}


def test_taking_the_lowest_place_of_four_stays_within_its_limit(crowd: Pole) -> None:
    round_id = stage.training(crowd)
    for miner, model in FEW.items():
        stage.commit(crowd, round_id, miner, model)
    used = gas(stage.commit, crowd, round_id, 6, Model(train=91))
    assert used <= LIMITS["displace"], used


# That of one committee is sent before anybody can ask what it takes.
@pytest.mark.parametrize(
    ("sizes", "limit"), [((16, 14, 29, 31), MAXIMUM_GAS), ((16, 31), ending_gas(seats=31, choices=16))]
)
def test_rounds_of_the_largest_committees_end_whatever_their_members_vote(
    sizes: tuple[int, ...], limit: int
) -> None:
    assert [ending for ending in measured_endings(*sizes) if ending.gas > limit] == []


def test_a_cost_that_follows_the_number_of_tasks_is_told_from_one_that_follows_its_logarithm() -> None:
    assert is_logarithmic([250_000, 290_000, 330_000, 370_000])
    assert is_logarithmic([93_000, 93_000, 93_000, 98_000])
    assert not is_logarithmic([250_000, 260_000, 360_000, 1_360_000])
    assert not is_logarithmic([90_000, 90_000, 90_000, 120_000])
