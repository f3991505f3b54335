"""Secrets wait until what they follow is buried: what a reorganisation does before and after."""

from dataclasses import replace

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.fakes import PARAMETERS
from tests.unit.roles.keys.shared_secret import DELEGATE, HOLDERS, shared_task

from pole.cli.common.worker import confirmations_of
from pole.errors import InputError
from pole.protocol.parameters import Parameters
from pole.protocol.state import BallotStage, Phase, Step
from pole.roles.workers.miner.miner import MinerSettings

OTHER = b"\x0f" * 32


@pytest.fixture
def waiting(stage: Stage) -> Stage:
    """Return a stage whose round waits for keys that wait for three blocks."""
    stage.confirmations = 3
    stage.post()
    stage.open_round()
    reorganise(stage)
    assert stage.world.moment().phase is Phase.KEYS
    return stage


@pytest.fixture
def voted(stage: Stage) -> Stage:
    """Return a stage whose commitments of votes have ended in the newest block, and wait for two more."""
    stage.with_chain(window_blocks=5)
    stage.post()
    stage.play(Phase.VOTE_REVEAL)
    stage.confirmations = 2
    in_stage(stage, BallotStage.REVEAL)
    return stage


def in_stage(stage: Stage, ballot_stage: BallotStage) -> None:
    """Let the newest ballot come to a stage in the newest block."""
    world = stage.world
    end = world.block + world.parameters.chain.window_blocks
    number = world.moment().ballot_id
    world.ballots[number] = replace(world.ballots[number], stage=ballot_stage, deadline_block=end)


def blocks(stage: Stage, count: int) -> None:
    stage.world.block += count


def reorganise(stage: Stage, seed: bytes = b"\x01" * 32) -> None:
    """Draw the seed anew in the newest block, as a chain that was reorganised does: another one."""
    stage.world.advance(1, Step.SEEDED, seed=seed)


def test_keys_do_not_come_before_the_seed_has_its_confirmations(waiting: Stage) -> None:
    node = waiting.data_node()
    for _ in range(3):
        assert node.step(waiting.world.moment()) is None
        assert not waiting.seeds(OWNER).folder.exists()
        blocks(waiting, 1)
    assert node.step(waiting.world.moment()) == "keys issued"


def test_a_seed_that_changes_meanwhile_costs_nothing(waiting: Stage) -> None:
    node = waiting.data_node()
    blocks(waiting, 2)
    assert node.step(waiting.world.moment()) is None
    reorganise(waiting, OTHER)
    blocks(waiting, 2)
    assert node.step(waiting.world.moment()) is None
    blocks(waiting, 1)
    assert node.step(waiting.world.moment()) == "keys issued"
    entry = waiting.budget.ledger.read(waiting.world.tasks[1].files.mpk_digest)
    assert entry is not None
    assert entry.given is not None
    assert entry.given.seed == OTHER


def test_a_seed_that_changes_after_the_keys_is_refused_as_ever(
    waiting: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    node = waiting.data_node()
    blocks(waiting, 3)
    assert node.step(waiting.world.moment()) == "keys issued"
    reorganise(waiting, OTHER)
    blocks(waiting, 3)
    assert waiting.data_node().step(waiting.world.moment()) is None
    assert "Keys of another seed were already given" in caplog.text


def test_the_test_set_waits_for_the_close(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    stage.confirmations = 3
    stage.world.change(1, since_block=stage.world.block)
    node = stage.data_node()
    for _ in range(3):
        assert node.step(stage.world.moment()) is None
        assert not stage.world.tests
        blocks(stage, 1)
    assert node.step(stage.world.moment()) == "released"


def test_a_model_waits_for_the_release(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])
    stage.world.change(1, since_block=stage.world.block)
    miner = stage.miner(settings=MinerSettings(confirmations=3))
    for _ in range(3):
        assert miner.step(stage.world.moment()) is None
        assert not stage.world.models
        blocks(stage, 1)
    assert miner.step(stage.world.moment()) == "revealed"
    assert "reveal/1" in stage.sent(MINERS[0])


def test_votes_wait_for_the_end_of_the_commitments(voted: Stage) -> None:
    verifier = voted.verifier()
    for _ in range(2):
        assert verifier.step(voted.world.moment()) is None
        # Nothing that goes on in other lanes is interrupted meanwhile.
        assert not verifier.means.owes(voted.world.moment())
        assert not voted.world.votes
        blocks(voted, 1)
    assert verifier.means.owes(voted.world.moment())
    assert verifier.step(voted.world.moment()) == "vote-revealed"
    assert "reveal-vote/4" in voted.voting(VERIFIERS[0])


def test_an_end_of_the_commitments_that_comes_anew_is_waited_for_anew(voted: Stage) -> None:
    verifier = voted.verifier()
    blocks(voted, 1)
    in_stage(voted, BallotStage.COMMIT)
    blocks(voted, 1)
    assert verifier.step(voted.world.moment()) is None
    in_stage(voted, BallotStage.REVEAL)
    blocks(voted, 1)
    assert verifier.step(voted.world.moment()) is None
    assert not voted.world.votes
    blocks(voted, 1)
    assert verifier.step(voted.world.moment()) == "vote-revealed"


def test_key_holders_and_their_delegate_wait_too(stage: Stage) -> None:
    shared = shared_task(stage)
    shared.stage.confirmations = 3
    shared.open_round()
    reorganise(shared.stage)
    holders = [shared.holder(index) for index in (1, 2, 3)]
    delegate = shared.worker(DELEGATE)
    blocks(shared.stage, 2)
    shared.let_act(*holders, delegate)
    assert shared.stage.world.partial_keys == {}
    reorganise(shared.stage, OTHER)
    blocks(shared.stage, 3)
    shared.let_act(*holders, delegate)
    assert len(shared.stage.world.partial_keys[1]) == len(holders)
    assert shared.stage.world.moment().phase is Phase.TRAINING
    assert len(HOLDERS) > len(holders)


@pytest.mark.parametrize(("given", "blocks"), [(None, 2), (0, 2), (2, 2), (4, 4)])
def test_who_asks_for_more_confirmations_than_the_deployment_gets_them(
    given: int | None, blocks: int
) -> None:
    assert confirmations_of(parameters(), given) == blocks


def test_more_confirmations_than_a_window_leaves_time_for_are_refused() -> None:
    with pytest.raises(InputError, match="give 4 at most"):
        confirmations_of(parameters(), 5)


def parameters() -> Parameters:
    return replace(PARAMETERS, chain=replace(PARAMETERS.chain, confirmations=2, window_blocks=10))
