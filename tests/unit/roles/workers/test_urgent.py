"""Long work in one lane costs nobody what is due in another, whatever a stranger's task makes of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.roles.conftest import MINERS, OWNER, VERIFIERS, Stage
from tests.unit.roles.support.test_patience import BlockingStore, slow_to_decrypt
from tests.unit.roles.workers.test_choosing import lanes, serve

from pole.errors import UnreachableError
from pole.ipfe.scheme import decrypt
from pole.protocol.state import Phase, Step
from pole.roles.loop import Role
from pole.roles.ports import Moment
from pole.roles.receiving import decryption
from pole.roles.support.urgent import Urgent
from pole.roles.workers.miner.miner import MinerSettings

__all__ = ["lanes"]

DAY = 86_400


def reach(stage: Stage, phase: Phase, lane: int = 0) -> None:
    """Let everybody but the first verifier play one lane until it is in a phase."""
    acting: list[Role] = [stage.data_node(), *map(stage.miner, MINERS), *map(stage.verifier, VERIFIERS[1:])]
    keeper = stage.keeper(OWNER)
    for _ in range(400):
        for worker in (*acting, keeper):
            if stage.world.moment(lane).phase is phase:
                return
            worker.step(stage.world.moment(lane))
        stage.world.pass_time(1)
    raise AssertionError(f"never came to {phase}: {stage.world.moment(lane)}")


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """Return a stage whose lane 1 trains for a day, while lane 0 has come to its vote."""
    stage.with_lanes(2)
    stage.with_chain(grace_window=DAY)
    stage.post(seed=1, reward=3000, min_solutions=2)
    stage.post(seed=2, time_limit=DAY, min_solutions=8)
    keepers: list[Role] = [stage.keeper(OWNER), stage.data_node()]
    for _ in range(12):
        for worker in keepers:
            for lane in (0, 1):
                worker.step(stage.world.moment(lane))
        stage.world.pass_time(1)
    reach(stage, Phase.DRAW)
    return stage


def while_decrypting(stage: Stage, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> list[int]:
    """Let something happen while the first shard of a set is decrypted; return how many were begun."""
    begun: list[int] = []

    def slow(*given: Any, **named: Any) -> object:
        begun.append(stage.world.now)
        if len(begun) == 1:
            happens()
        stage.world.pass_time(2)
        return decrypt(*given, **named)

    monkeypatch.setattr(decryption, "decrypt", slow)
    return begun


def test_a_set_that_is_prepared_gives_way_to_a_vote_in_another_lane(
    busy: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = busy.verifier()
    while_decrypting(busy, monkeypatch, lambda: reach(busy, Phase.VOTE_COMMIT))
    assert verifier.step(busy.world.moment(1)) is None
    assert verifier.step(busy.world.moment(0)) == "voted"
    assert verifier.step(busy.world.moment(1)) == "prepared"


def test_what_was_decrypted_of_it_is_not_decrypted_again(
    busy: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = busy.verifier()
    begun = while_decrypting(busy, monkeypatch, lambda: reach(busy, Phase.VOTE_COMMIT))
    assert verifier.step(busy.world.moment(1)) is None
    before = len(begun)
    assert verifier.step(busy.world.moment(1)) == "prepared"
    assert len(begun) == before


def test_a_vote_that_is_owed_calls_once_in_ten_seconds(busy: Stage) -> None:
    reach(busy, Phase.VOTE_COMMIT)
    urgent = busy.verifier().means.urgent
    called = []
    for second in range(25):
        if urgent.calls(busy.world.moment()):
            called.append(second)
        busy.world.pass_time(1)
    assert called == [0, 10, 20]


def test_who_is_not_drawn_is_not_called(busy: Stage) -> None:
    reach(busy, Phase.VOTE_COMMIT)
    busy.world.members = dict.fromkeys(busy.world.members, (VERIFIERS[1],))
    assert not busy.verifier().means.urgent.calls(busy.world.moment())


def test_an_evaluation_is_interrupted_for_a_vote_that_ends_first_and_goes_on(
    busy: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow lane's own vote lasts a day; what is due meanwhile is done meanwhile."""
    slow_lane_in_vote(busy)
    reach(busy, Phase.VOTE_COMMIT)
    verifier = busy.verifier()
    done: list[str | None] = []
    duty = verifier.means.urgent.duty
    verifier.means.urgent.duty = lambda moment: done.append(duty(moment))  # type: ignore[arg-type]
    slow_to_decrypt(busy, monkeypatch, 2)
    assert verifier.step(busy.world.moment(1)) == "voted"
    assert done == ["voted"]
    assert [intent.split("/")[0] for intent in busy.sent(VERIFIERS[0])] == ["vote", "vote"]


def test_a_vote_that_ends_later_interrupts_none(busy: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_lane_in_vote(busy)
    reach(busy, Phase.VOTE_COMMIT)
    verifier = busy.verifier()
    slow_to_decrypt(busy, monkeypatch, 2)
    assert verifier.step(busy.world.moment(0)) == "voted"
    assert len(busy.sent(VERIFIERS[0])) == 1


def test_a_reveal_of_votes_interrupts_whatever_ends_first(
    busy: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_lane_in_vote(busy)
    verifier = busy.verifier()
    reach(busy, Phase.VOTE_COMMIT)
    assert verifier.step(busy.world.moment(0)) == "voted"
    reach(busy, Phase.VOTE_REVEAL)
    own = busy.world.moment(1)
    ends_first = replace(own, deadline=busy.world.moment(0).deadline - 1)
    verifier.means.urgent.interrupt(ends_first, busy.world.moment(0))
    assert "reveal-vote" in [intent.split("/")[0] for intent in busy.sent(VERIFIERS[0])]


def slow_lane_in_vote(stage: Stage) -> None:
    """Bring lane 1 to a vote that lasts long: a model of the same data, a committee of all."""
    round_id = stage.world.moment(1).round_id
    for address in MINERS:
        stage.miner(address, settings=MinerSettings(lanes=2)).step(stage.world.moment(1))
    stage.world.advance(round_id, Step.CLOSED, closed_early=True)
    stage.with_chain(vote_commit_window=DAY)
    reach(stage, Phase.VOTE_COMMIT, lane=1)
    deadline = stage.world.moment(1).deadline
    stage.with_chain(vote_commit_window=60)
    late = deadline - stage.world.moment(1).deadline
    ballot = stage.world.moment(1).ballot_id
    stage.world.ballots[ballot] = replace(
        stage.world.ballots[ballot], deadline=stage.world.ballots[ballot].deadline + late
    )


def test_a_reveal_is_made_in_the_midst_of_training_for_another_round(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    assert miner.step(lanes.world.moment(0)) == "committed"
    train, told = miner.means.learner.train, []

    def trains(assignment: Any, *, stop: Callable[[], bool]) -> Any:
        lanes.world.advance(2, Step.RELEASED)
        lanes.world.pass_time(1)
        told.append(stop())
        return train(assignment, stop=stop)

    miner.means.learner.train = trains  # type: ignore[method-assign]
    assert miner.step(lanes.world.moment(1)) == "committed"
    assert told == [False]
    assert lanes.sent(MINERS[0]) == ["commit/2", "reveal/2", "commit/3"]


def test_a_file_that_a_stranger_withholds_keeps_a_miner_from_no_reveal(lanes: Stage) -> None:
    """Lane 1 trains for an hour, and its data never comes; the reveal in lane 0 has a minute."""
    store = BlockingStore(lanes.world, lanes.store.files, set())
    miner = lanes.miner(settings=MinerSettings(lanes=2), store=store)
    assert miner.step(lanes.world.moment(0)) == "committed"
    lanes.world.change(3, terms=replace(lanes.world.rounds[3].terms, time_limit=3600))
    lanes.world.change(3, committed=1)
    store.missing.add(lanes.world.keys[3].cid)
    lanes.world.advance(2, Step.RELEASED)
    with pytest.raises(UnreachableError):
        miner.step(lanes.world.moment(1))
    assert miner.step(lanes.world.moment(0)) == "revealed"


def test_two_reveals_that_wait_are_both_made(lanes: Stage) -> None:
    miner = lanes.miner(settings=MinerSettings(lanes=2))
    serve(lanes, miner)
    serve(lanes, miner)
    for round_id in (2, 3):
        lanes.world.advance(round_id, Step.RELEASED)
    serve(lanes, miner)
    assert all(lanes.world.solutions[round_id][0].revealed for round_id in (2, 3))


MOMENTS = st.builds(
    Moment,
    lane=st.integers(0, 3),
    lanes=st.just(4),
    round_id=st.integers(1, 8),
    phase=st.sampled_from([Phase.VOTE_COMMIT, Phase.REVEAL, Phase.CHALLENGE]),
    deadline=st.integers(1, 6),
    deadline_block=st.just(1),
    attempt=st.integers(0, 1),
    waiting=st.just(0),
    free_lane=st.none(),
    timestamp=st.just(0),
    block=st.just(0),
)


@given(first=MOMENTS, second=MOMENTS)
def test_of_two_duties_at_most_one_interrupts_the_other(first: Moment, second: Moment) -> None:
    done: list[Moment] = []
    for own, other in ((first, second), (second, first)):
        Urgent(lambda: 0.0, lambda _: True, done.append).interrupt(own, other)
    assert len(done) == (first.deadline != second.deadline)


@given(own=MOMENTS, other=MOMENTS)
def test_what_fails_in_another_lane_ends_no_work(own: Moment, other: Moment) -> None:
    def fails(_: Moment) -> None:
        raise UnreachableError("no answer")

    urgent = Urgent(lambda: 0.0, lambda _: True, fails)
    urgent.interrupt(replace(own, deadline=9), other)
    assert not urgent.calls(other)
