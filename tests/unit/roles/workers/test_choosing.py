"""A miner among lanes: which round it takes, what it leaves, and that it shows a sign of life."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.roles.conftest import MINERS, OWNER, TRAIN, VERIFIERS, Stage

from pole.errors import UnreachableError
from pole.protocol.state import Phase, Step
from pole.roles.loop import Role
from pole.roles.memory import MinerMemory
from pole.roles.workers.miner.miner import Miner, MinerSettings
from pole.roles.workers.tables import Worker


@pytest.fixture
def lanes(stage: Stage) -> Stage:
    """Return a stage with two rounds in training: 2 in lane 0 pays 3000 wei, 3 in lane 1 pays 1000."""
    stage.with_lanes(2)
    stage.post(seed=1, reward=3000)
    stage.post(seed=2)
    keepers: list[Role] = [stage.keeper(OWNER), stage.data_node()]
    for _ in range(12):
        for worker in keepers:
            for lane in (0, 1):
                worker.step(stage.world.moment(lane))
        stage.world.pass_time(1)
    assert [moment.phase for moment in stage.world.moments()] == [Phase.TRAINING] * 2
    return stage


def serve(stage: Stage, miner: Worker[Miner]) -> list[str | None]:
    return [miner.step(stage.world.moment(lane)) for lane in (1, 0)]


def committed(stage: Stage) -> set[int]:
    return {number for number, found in stage.world.solutions.items() if found}


def test_a_miner_takes_the_round_that_pays_most_for_its_time(lanes: Stage) -> None:
    assert serve(lanes, lanes.miner()) == [None, "committed"]
    assert committed(lanes) == {2}


def test_it_takes_the_smaller_reward_where_it_needs_less_time_for_it(lanes: Stage) -> None:
    MinerMemory(lanes.journal(MINERS[0]), bytes).keep_speed(1e6)
    dear = lanes.world.rounds[2]
    lanes.world.change(2, terms=replace(dear.terms, work=40 * dear.terms.work))
    assert serve(lanes, lanes.miner()) == ["committed", None]


def test_it_serves_one_round_until_its_model_is_revealed_and_then_begins_another(lanes: Stage) -> None:
    miner = lanes.miner()
    serve(lanes, miner)
    serve(lanes, miner)
    assert committed(lanes) == {2}
    lanes.world.advance(2, Step.RELEASED)
    assert miner.step(lanes.world.moment(0)) == "revealed"
    assert miner.step(lanes.world.moment(1)) == "committed"


def test_it_works_in_several_rounds_where_it_is_told_to(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    serve(lanes, miner)
    serve(lanes, miner)
    assert committed(lanes) == {2, 3}


def test_two_rounds_that_call_for_their_reveals_do_not_interrupt_each_other(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    serve(lanes, miner)
    serve(lanes, miner)
    for round_id in (2, 3):
        lanes.world.advance(round_id, Step.RELEASED)
    assert not any(miner.means.watch(lanes.world.moment(lane)).over() for lane in (0, 1))
    assert serve(lanes, miner) == ["revealed", "revealed"]


def test_a_round_that_calls_for_its_reveal_interrupts_the_training_for_another(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    serve(lanes, miner)
    watch = miner.means.watch(lanes.world.moment(1))
    assert not watch.over()
    lanes.world.advance(2, Step.RELEASED)
    lanes.world.pass_time(1)
    assert watch.over()


def test_a_round_whose_files_are_withheld_keeps_it_from_no_other(lanes: Stage) -> None:
    lanes.store.missing.add(lanes.world.keys[2].cid)
    miner = lanes.miner()
    with pytest.raises(UnreachableError):
        serve(lanes, miner)
    assert miner.step(lanes.world.moment(1)) == "committed"
    assert committed(lanes) == {3}


def test_a_round_that_it_cannot_finish_is_left(lanes: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pole")
    MinerMemory(lanes.journal(MINERS[0]), bytes).keep_speed(lanes.world.rounds[2].terms.work * TRAIN / 60)
    assert serve(lanes, lanes.miner()) == [None, None]
    assert "Round 2: not mining, it takes this machine some 120 s" in caplog.text
    assert committed(lanes) == set()


def test_a_round_with_too_few_seats_for_its_reward_is_left(
    lanes: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pole")
    lanes.with_chain(reward_per_seat=1000)
    lanes.world.seats[:] = VERIFIERS[:2]
    assert serve(lanes, lanes.miner())[0] == "committed"
    assert "its reward asks for 3 seats to judge it, and 2 could be drawn" in caplog.text


def test_where_a_round_would_end_for_want_of_a_commitment_it_commits_before_it_has_trained(
    stage: Stage,
) -> None:
    stage.with_chain(grace_window=20)
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    miner, seen = stage.miner(), []
    train = miner.means.learner.train

    def watched(*given: Any, **named: Any) -> Any:
        seen.extend(stage.world.solutions[1])
        return train(*given, **named)

    miner.means.learner.train = watched  # type: ignore[method-assign]
    assert miner.step(stage.world.moment()) == "committed"
    assert [each.claimed_train_correct for each in seen] == [0]
    assert [each.claimed_train_correct for each in stage.world.solutions[1]] == [TRAIN]
    assert stage.sent(MINERS[0]) == ["first-commit/1", "commit/1"]


def test_a_miner_that_is_not_done_in_time_reveals_the_model_that_knows_nothing(stage: Stage) -> None:
    stage.with_chain(grace_window=20)
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    miner = stage.miner()
    stage.store.missing.update(each for each, content in stage.store.files.items() if len(content) > 2000)
    with pytest.raises(UnreachableError):
        miner.step(stage.world.moment())
    assert stage.sent(MINERS[0]) == ["first-commit/1"]
    stage.world.advance(1, Step.RELEASED)
    assert miner.step(stage.world.moment()) == "revealed"
    assert stage.world.solutions[1][0].revealed
