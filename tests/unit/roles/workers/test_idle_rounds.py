"""Idle rounds without a data node: miners, verifiers and keepers are enough to make the chain grow."""

from itertools import count

import numpy as np
import pytest
import torch
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.fakes import FakeChain

from pole.errors import UnreachableError
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.abi import ZERO_ADDRESS, ZERO_HASH
from pole.protocol.idle.task import IDLE_TASK_ID
from pole.protocol.state import Phase, PostedTask, TaskFiles, TaskTerms, Verdict, VoidReason
from pole.roles.loop import Role
from pole.roles.training.torch_learner import TorchLearner

REWARD = 1000
TERMS = TaskTerms(REWARD, 0, 30, 0, 0, 1, 6000, 0, 300, 100, 0)
NO_FILES = TaskFiles("", ZERO_HASH, "", ZERO_HASH, ZERO_HASH, ZERO_HASH)


class UnreachableSeeds(FakeChain):
    def test_seed(self, round_id: int) -> bytes | None:
        raise UnreachableError(f"The node does not answer for round {round_id}.")


@pytest.fixture
def idle(stage: Stage) -> Stage:
    seeds = count(1)
    stage.learner = TorchLearner(
        TrainingSettings(),
        torch.device("cpu"),
        stage.home(MINERS[0]) / "training",
        lambda: float(stage.world.now),
        lambda: next(seeds),
    )
    stage.world.idle = PostedTask(IDLE_TASK_ID, ZERO_ADDRESS, TERMS, NO_FILES)
    return stage


def workers(stage: Stage) -> list[Role]:
    return [*(stage.miner(each) for each in MINERS), *(stage.verifier(each) for each in VERIFIERS)]


def test_two_idle_blocks_grow_without_any_data_node(idle: Stage) -> None:
    everybody = workers(idle)
    for height in (1, 2):
        idle.play(Phase.TRAINING, workers=everybody)
        idle.play(Phase.FINAL, Phase.VOID, workers=everybody)
        ended = idle.world.rounds[height]
        assert (ended.is_idle, ended.void_reason, ended.height) == (True, VoidReason.NONE, height)
        assert ended.released


def test_verifiers_count_what_the_miners_claim(idle: Stage) -> None:
    idle.play(Phase.FINAL, workers=workers(idle))
    for solution in idle.world.solutions[1]:
        for verifier in VERIFIERS:
            vote = idle.world.votes[ballot_id(1, 0), verifier][solution.choice - 1]
            assert vote.train_correct == solution.claimed_train_correct >= 180
            assert vote.test_correct == solution.claimed_test_correct > 0


def test_a_keeper_without_the_option_opens_no_idle_round(idle: Stage) -> None:
    keeper = idle.keeper()
    idle.world.pass_time(1000)
    assert keeper.step(idle.world.moment()) is None


def test_a_keeper_is_patient_before_it_opens_an_idle_round(idle: Stage) -> None:
    keeper = idle.keeper(idle_after=20.0)
    assert keeper.step(idle.world.moment()) is None
    idle.world.pass_time(19)
    assert keeper.step(idle.world.moment()) is None
    idle.world.pass_time(1)
    assert keeper.step(idle.world.moment()) == "opened"


def test_a_task_that_arrives_meanwhile_is_opened_at_once(idle: Stage) -> None:
    keeper = idle.keeper(OWNER, idle_after=20.0)
    assert keeper.step(idle.world.moment()) is None
    idle.post()
    assert keeper.step(idle.world.moment()) == "opened"
    assert not idle.world.rounds[1].is_idle


def test_a_keeper_that_is_refused_waits_as_long_again(stage: Stage) -> None:
    keeper = stage.keeper(idle_after=20.0)
    keeper.step(stage.world.moment())
    for _ in range(3):
        stage.world.pass_time(20)
        assert keeper.step(stage.world.moment()) is None
        assert keeper.step(stage.world.moment()) is None


def test_the_leading_miner_closes_an_idle_round_and_draws_its_test_seed(idle: Stage) -> None:
    idle.play(Phase.TEST_RELEASE, workers=[idle.miner()])
    keeper = idle.keeper(MINERS[0])
    assert keeper.step(idle.world.moment()) == "closed"
    assert keeper.step(idle.world.moment()) is None
    idle.world.pass_time(3)
    assert keeper.step(idle.world.moment()) == "test-seed-drawn"
    assert idle.world.moment().phase is Phase.REVEAL


def test_a_lost_block_hash_arms_the_test_seed_again(idle: Stage) -> None:
    idle.with_chain(test_window=1000)
    idle.play(Phase.TEST_RELEASE, workers=[idle.miner()])
    keeper = idle.keeper(MINERS[0])
    keeper.step(idle.world.moment())
    idle.world.pass_time(300)
    assert keeper.step(idle.world.moment()) == "armed"


def test_without_a_test_seed_miners_reveal_without_a_count(idle: Stage) -> None:
    idle.play(Phase.TEST_RELEASE, workers=[idle.miner()])
    idle.keeper(MINERS[0]).step(idle.world.moment())
    idle.world.pass_time(idle.world.parameters.chain.test_window)
    idle.chain(MINERS[0]).end_test_release(1, intent="end")
    idle.miner().step(idle.world.moment())
    (solution,) = idle.world.solutions[1]
    assert solution.revealed
    assert solution.claimed_test_correct == 0


def test_a_verifier_blames_no_data_node_for_a_chain_out_of_reach(idle: Stage) -> None:
    idle.play(Phase.VOTE_COMMIT, workers=[idle.miner()])
    verifier = idle.verifier()
    verifier.means.data.chain = UnreachableSeeds(idle.world, VERIFIERS[0])
    with pytest.raises(UnreachableError):
        verifier.step(idle.world.moment())
    assert idle.voting(VERIFIERS[0]) == []
    idle.world.pass_time(idle.world.parameters.chain.vote_commit_window - 5)
    assert verifier.step(idle.world.moment()) == "voted"
    votes = idle.votes(VERIFIERS[0], ballot_id(1, 0))
    assert [vote.verdict for vote in votes] == [Verdict.UNAVAILABLE]


def test_samples_are_those_of_the_rounds_seeds(idle: Stage) -> None:
    idle.play(Phase.REVEAL, workers=[idle.miner()])
    data, open_round = idle.miner().means.data, idle.world.rounds[1]
    train, test = data.training_set(open_round), data.test_set(open_round)
    assert test is not None
    assert (train.features.shape, test.features.shape) == ((300, 12), (100, 12))
    assert set(np.unique(train.labels)) == {0, 1, 2, 3}


def test_nothing_of_an_idle_round_but_models_is_stored(idle: Stage) -> None:
    idle.play(Phase.FINAL, workers=workers(idle))
    assert {path.name for path in idle.path.glob("*/rounds/*/*")} == {"models"}
