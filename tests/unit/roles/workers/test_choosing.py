"""A miner among lanes: which round it takes, what it leaves, and that it shows a sign of life."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.roles.conftest import MINERS, OWNER, TRAIN, VERIFIERS, Stage
from tests.unit.roles.fakes import FakeChain

from pole.errors import UnreachableError
from pole.protocol.encoding.hashing import address
from pole.protocol.state import Phase, Step
from pole.roles.loop import Role
from pole.roles.memory import MinerMemory
from pole.roles.workers.miner import leaving
from pole.roles.workers.miner.choosing import is_called_away
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
    assert lanes.miner().step(lanes.world.moment(1)) == "committed"
    assert committed(lanes) == {3}


def test_it_trains_for_one_round_until_it_has_committed_and_then_for_another(lanes: Stage) -> None:
    miner = lanes.miner()
    assert serve(lanes, miner) == [None, "committed"]
    assert committed(lanes) == {2}
    assert serve(lanes, miner) == ["committed", None]
    assert committed(lanes) == {2, 3}
    for round_id in (2, 3):
        lanes.world.advance(round_id, Step.RELEASED)
    assert serve(lanes, miner) == ["revealed", "revealed"]


def test_it_works_in_several_rounds_where_it_is_told_to(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    serve(lanes, miner)
    serve(lanes, miner)
    assert committed(lanes) == {2, 3}


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


@pytest.mark.parametrize("barred", [OWNER, MINERS[0]])
def test_a_round_whose_committee_would_be_too_small_without_its_data_node_is_left_alone(
    lanes: Stage, caplog: pytest.LogCaptureFixture, barred: str
) -> None:
    caplog.set_level("INFO", "pole")
    lanes.with_chain(min_committee=3)
    lanes.world.seats[:] = [*VERIFIERS[:2], barred]
    assert serve(lanes, lanes.miner()) == [None, None]
    assert "its committee takes 3 seats, and 2 are not its data node's or this miner's" in caplog.text
    lanes.world.seats.append(VERIFIERS[2])
    assert serve(lanes, lanes.miner()) == [None, "committed"]


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


def leaves_at(lanes: Stage, miner: Worker[Miner]) -> int | None:
    """Let the miner train for round 2, and return after how many seconds it left it, and took round 3."""
    chain, begun = lanes.world.parameters.chain, lanes.world.rounds[3].since
    watched = miner.means.learner.train
    left: list[int] = []

    def trains(assignment: Any, *, stop: Any) -> Any:
        while lanes.world.now < begun + chain.grace_window - 1:
            if stop():
                left.append(lanes.world.now - begun)
                break
            lanes.world.pass_time(1)
        return watched(assignment, stop=lambda: False)

    miner.means.learner.train = trains  # type: ignore[method-assign]
    assert serve(lanes, miner)[0] is None
    if left:
        assert miner.step(lanes.world.moment(1)) == "committed"
    return left[0] if left else None


@pytest.mark.parametrize(("reward", "leaves"), [(1501, True), (1500, False)])
def test_a_miner_leaves_for_a_round_without_any_that_pays_more_than_half(
    lanes: Stage, reward: int, leaves: bool
) -> None:
    lanes.with_chain(grace_window=40)
    terms = lanes.world.rounds[3].terms
    lanes.world.change(3, terms=replace(terms, reward=reward))
    lanes.world.change(2, committed=1)
    left = leaves_at(lanes, lanes.miner())
    assert (left is not None) == leaves
    assert left is None or 10 <= left <= 20
    assert committed(lanes) == ({3} if leaves else {2})


def test_whoever_gave_the_only_sign_of_life_stays(lanes: Stage) -> None:
    lanes.with_chain(grace_window=40)
    lanes.world.change(3, terms=replace(lanes.world.rounds[3].terms, reward=2999))
    assert leaves_at(lanes, lanes.miner()) is None
    assert committed(lanes) == {2}


def test_nobody_leaves_for_a_round_that_somebody_works_in(lanes: Stage) -> None:
    lanes.with_chain(grace_window=40)
    for round_id in (2, 3):
        lanes.world.change(round_id, committed=1)
    assert leaves_at(lanes, lanes.miner()) is None


@pytest.mark.parametrize(("grace", "committed"), [(40, 1), (10_000, 0)])
def test_a_round_that_somebody_may_work_in_calls_nobody_whatever_it_pays(
    lanes: Stage, grace: int, committed: int
) -> None:
    lanes.with_chain(grace_window=grace)
    lanes.world.change(2, committed=1)
    terms = replace(lanes.world.rounds[3].terms, reward=9000)
    lanes.world.change(3, committed=committed, terms=terms)
    miner, looks = lanes.miner().means, 0
    while (moment := lanes.world.moment(1)).phase is Phase.TRAINING:
        assert not is_called_away(miner, lanes.world.rounds[2], moment)
        lanes.world.pass_time(1)
        looks += 1
    assert looks > 40


def test_nobody_leaves_again_for_files_that_it_could_not_get(lanes: Stage) -> None:
    lanes.with_chain(grace_window=40)
    lanes.world.change(3, terms=replace(lanes.world.rounds[3].terms, reward=2999))
    lanes.world.change(2, committed=1)
    miner = lanes.miner()
    miner.means.postponed[3] = 0.0
    assert leaves_at(lanes, miner) is None


@settings(deadline=None, max_examples=15)
@given(miners=st.integers(1, 1_000), round_id=st.integers(1, 2**40), block_time=st.sampled_from((1, 5, 12)))
def test_a_few_of_any_number_of_miners_are_called(
    lanes_of_many: Stage, miners: int, round_id: int, block_time: int
) -> None:
    one, grace = lanes_of_many.miner().means, 600
    chains = [FakeChain(lanes_of_many.world, address(f"0x{n:040x}")) for n in range(miners)]
    turns = [grace * leaving.turn(replace(one, chain=chain), round_id) for chain in chains]
    waits = Counter(-(-turn // block_time) * block_time for turn in turns)
    first = min(waits)
    assert grace * leaving.BEGIN <= first <= grace * leaving.END + block_time
    # Those of the next block come too: they have not seen the first commitment.
    assert waits[first] + waits[first + block_time] <= 40


@pytest.fixture(scope="module")
def lanes_of_many(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(tmp_path_factory.mktemp("many"))
    stage.post()
    return stage
