"""What a miner knows before it joins a round, and what it does not join for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.conftest import MINERS, OWNER, Stage
from tests.unit.roles.fakes import FakeChain

from pole.protocol.state import Phase, Solution
from pole.roles.loop import Role
from pole.roles.memory import MinerMemory
from pole.roles.workers.miner.miner import Miner, MinerSettings
from pole.roles.workers.miner.prospects import GAS_OF_A_ROUND, Prospect, prospect_of, rivals_of
from pole.roles.workers.tables import Worker

GWEI = 10**9
REWARD = 10**18


@pytest.fixture
def training(stage: Stage) -> Stage:
    """Return a stage whose round 1 is in training, for a reward of 1 ETH, with gas at 10 gwei."""
    stage.post(reward=1000)
    stage.play(Phase.TRAINING, workers=[stage.keeper(OWNER), stage.data_node()])
    standing = stage.world.rounds[1]
    stage.world.change(1, terms=replace(standing.terms, reward=REWARD))
    limits = stage.world.parameters
    chain = replace(limits.chain, reward_per_seat=10**19, miner_bond=10**17)
    stage.world.parameters = replace(limits, chain=chain)
    stage.world.gas_price = 10 * GWEI
    return stage


def miner(stage: Stage, **settings: Any) -> Worker[Miner]:
    return stage.miner(settings=MinerSettings(**settings))


def seen(stage: Stage, *rounds: tuple[str, ...]) -> None:
    """Let these have committed in rounds before."""
    for number, miners in enumerate(rounds, start=-len(rounds)):
        stage.world.solutions[number] = [
            Solution(each, b"", b"", 0, 0, place, 0, revealed=True) for place, each in enumerate(miners)
        ]


def test_a_round_is_not_joined_while_gas_is_dear_and_that_is_said_once(
    training: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    careful = miner(training, maximum_fee=9 * GWEI)
    for _ in range(3):
        assert careful.step(training.world.moment()) is None
    assert caplog.text.count("Round 1: not mining for now, gas costs 10 gwei, above 9 gwei.") == 1
    training.world.gas_price = 9 * GWEI
    assert careful.step(training.world.moment()) == "committed"


def test_a_round_is_not_joined_for_less_than_the_minimum_profit(
    training: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    seen(training, MINERS[:2], (*MINERS[:2], OWNER))
    profit = prospect_of(miner(training).means, training.world.rounds[1]).profit
    assert miner(training, minimum_profit=profit + 1).step(training.world.moment()) is None
    assert "with 2 other miners it may expect" in caplog.text
    assert miner(training, minimum_profit=profit).step(training.world.moment()) == "committed"


def test_no_round_is_joined_once_the_budget_for_gas_is_spent(
    training: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    chain = training.chain(MINERS[0])
    assert isinstance(chain, FakeChain)
    chain.spent = 5 * 10**15
    spent = training.miner(chain=chain, settings=MinerSettings(gas_budget=5 * 10**15))
    assert spent.step(training.world.moment()) is None
    assert "the budget of 0.005 ETH for gas is spent" in caplog.text
    chain.spent -= 1
    assert spent.step(training.world.moment()) == "committed"


def test_a_round_that_was_joined_goes_on_at_any_price_of_gas(training: Stage) -> None:
    chain = training.chain(MINERS[0])
    assert isinstance(chain, FakeChain)
    bounds = MinerSettings(gas_budget=10**15, maximum_fee=10 * GWEI, minimum_profit=1)
    joined = training.miner(chain=chain, settings=bounds)
    assert joined.step(training.world.moment()) == "committed"
    chain.spent, training.world.gas_price = 10**17, 400 * GWEI
    others: list[Role] = [training.keeper(OWNER), training.data_node()]
    training.play(Phase.REVEAL, workers=[*others, joined])
    training.play(Phase.DRAW, workers=[*others, joined])
    assert training.world.solutions[1][0].revealed


def test_what_a_round_promises_is_said_once_before_it_is_joined(
    training: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    seen(training, (MINERS[1],))
    worker = miner(training)
    assert worker.step(training.world.moment()) == "committed"
    worker.step(training.world.moment())
    told = [each for each in caplog.records if each.__dict__.get("event") == "joining"]
    assert len(told) == 1
    promised = prospect_of(worker.means, training.world.rounds[1])
    details = told[0].__dict__["details"]
    assert (details["rivals"], details["gas"]) == (1, str(GAS_OF_A_ROUND * 10 * GWEI))
    assert (details["reward"], details["bond"]) == (str(promised.reward), str(promised.bond))
    assert "its speed not known yet" in told[0].getMessage()
    assert "with 1 other miner it may expect" in told[0].getMessage()


def test_a_machine_that_was_measured_says_how_long_it_will_take(
    training: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    terms = training.world.rounds[1].terms
    MinerMemory(training.journal(MINERS[0]), bytes).keep_speed(terms.work * terms.train_count / 10)
    miner(training).step(training.world.moment())
    assert f"some 20 s of {terms.time_limit}" in caplog.text


def test_the_reward_is_what_the_winner_is_paid_and_the_bond_that_of_a_claim_at_the_threshold(
    training: Stage,
) -> None:
    limits = training.world.parameters
    chain = replace(limits.chain, block_reward=1000, miner_bond_bps=100, ready_bond_bps=5_000)
    training.world.parameters = replace(limits, chain=chain)
    standing = training.world.rounds[1]
    fee = REWARD * chain.verification_fee_bps // 10_000
    covered = replace(standing, terms=replace(standing.terms, fee=10_000))
    uncovered = replace(standing, terms=replace(standing.terms, fee=0))
    means = miner(training).means
    assert prospect_of(means, covered).reward == REWARD - fee + 1000
    assert prospect_of(means, uncovered).reward == REWARD - fee
    assert prospect_of(means, covered).bond == REWARD // 2


def test_rivals_are_the_others_of_recent_rounds_or_those_that_are_there(training: Stage) -> None:
    means, standing = miner(training).means, training.world.rounds[1]
    assert rivals_of(means, standing) == 0
    seen(training, MINERS[:2], MINERS[:2], (MINERS[0],))
    assert rivals_of(means, standing) == 1
    assert rivals_of(means, replace(standing, committed=3)) == 3


@given(st.integers(0, 10**24), st.integers(0, 10**20), st.integers(0, 40))
def test_equals_share_a_reward_and_each_pays_its_gas(reward: int, gas: int, rivals: int) -> None:
    found = Prospect(reward, 0, gas, rivals)
    everybody = rivals + 1
    assert found.chance * everybody == 1
    assert reward - everybody < everybody * (found.profit + gas) <= reward
