"""The miner: what it commits to, and what it does when things are late, wrong or missing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, TEST, TRAIN, LeastSquaresLearner, Stage, numbers
from tests.unit.roles.fakes import FakeChain, World

from pole.errors import (
    AbandonedError,
    InputError,
    JournalError,
    NoPlaceError,
    PoleError,
    RefusedError,
    UnreachableError,
)
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.state import FileRef, Phase, Step, VoidReason
from pole.roles.loop import Role
from pole.roles.ports import Moment
from pole.roles.support.waiting import RoundWatch
from pole.roles.training.learner import Assignment, Trained
from pole.roles.workers.miner.miner import MinerSettings
from pole.roles.workers.miner.training import correct_needed


def in_training(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])


def in_reveal(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])


def test_a_task_that_pays_too_little_is_left_to_others(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pole")
    in_training(stage)
    miner = stage.miner(settings=MinerSettings(minimum_reward=1001))
    assert miner.step(stage.world.moment()) is None
    assert miner.step(stage.world.moment()) is None
    assert caplog.text.count("not mining, the reward of 1000 wei is too low") == 1
    assert stage.sent(MINERS[0]) == []


def test_wrong_functional_keys_are_not_mined_with(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    in_training(stage)
    good = stage.world.keys[1]
    content = bytearray(stage.store.files[good.cid])
    content[-1] ^= 1
    path = stage.path / "keys"
    path.write_bytes(content)
    stage.world.keys[1] = FileRef(stage.store.add(path), keccak256(bytes(content)))
    with caplog.at_level("INFO", "pole"):
        stage.miner().step(stage.world.moment())
    assert "not mining, its data is faulty" in caplog.text
    assert stage.sent(MINERS[0]) == []


@pytest.mark.parametrize("count", ["train_count", "test_count"])
def test_a_task_whose_sets_no_memory_holds_is_not_mined(
    stage: Stage, caplog: pytest.LogCaptureFixture, count: str
) -> None:
    in_training(stage)
    opened = stage.world.rounds[1]
    stage.world.change(1, terms=replace(opened.terms, **{count: 2**32 - 1}))
    with caplog.at_level("INFO", "pole"):
        stage.miner().step(stage.world.moment())
    assert "4294967295 samples, but with the features of this mapping layer" in caplog.text
    assert stage.sent(MINERS[0]) == []


def test_a_store_that_is_down_is_asked_again(stage: Stage) -> None:
    in_training(stage)
    miner = stage.miner()
    stage.store.down = True
    with pytest.raises(UnreachableError, match="start it"):
        miner.step(stage.world.moment())
    stage.store.down = False
    assert miner.step(stage.world.moment()) == "committed"


def test_a_store_that_lies_is_not_believed(stage: Stage) -> None:
    in_training(stage)
    cid = stage.world.tasks[1].files.train_cid
    stage.store.lies[cid] = b"something else"
    with pytest.raises(UnreachableError, match="other bytes"):
        stage.miner().step(stage.world.moment())
    stage.store.lies.clear()
    assert stage.miner().step(stage.world.moment()) == "committed"


def refuse_commitments(stage: Stage, error: PoleError) -> None:
    def commit(*_: Any, **__: Any) -> NoReturn:
        raise error

    stage.chain(MINERS[0]).commit = commit  # type: ignore[method-assign]


def test_a_miner_that_no_place_is_left_for_gives_the_round_up(stage: Stage) -> None:
    in_training(stage)
    refuse_commitments(stage, NoPlaceError("All places are taken."))
    miner = stage.miner()
    assert miner.step(stage.world.moment()) == "skipped"
    assert miner.step(stage.world.moment()) is None


@pytest.mark.parametrize(
    "error", [RefusedError("It reverted; try again."), UnreachableError("nonce too low")]
)
def test_a_commitment_that_is_refused_for_now_is_sent_again_without_training_again(
    stage: Stage, error: PoleError
) -> None:
    learner = stage.learner = LeastSquaresLearner()
    in_training(stage)
    refuse_commitments(stage, error)
    miner = stage.miner()
    for _ in range(2):
        with pytest.raises(type(error)):
            miner.step(stage.world.moment())
    del stage.chain(MINERS[0]).commit
    assert miner.step(stage.world.moment()) == "committed"
    assert learner.trainings == 1


@pytest.mark.parametrize("judged", [True, False])
def test_training_that_the_round_overtook_commits_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture, judged: bool
) -> None:
    in_training(stage)
    miner = stage.miner()
    train = miner.means.learner.train

    def close_while_training(assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        trained = train(assignment, stop=stop)
        stage.world.advance(1, Step.CLOSED, committed=1)
        stage.world.pass_time(5)
        if judged:
            return trained
        raise AbandonedError("The training was stopped before it had a model.")

    miner.means.learner.train = close_while_training  # type: ignore[method-assign]
    with caplog.at_level("INFO"):
        assert miner.step(stage.world.moment()) is None
    assert stage.sent(MINERS[0]) == []
    assert "Round 1: training was stopped before it was done." in caplog.text


def test_training_ends_the_margin_before_the_round_does(stage: Stage) -> None:
    in_training(stage)
    stage.world.pass_time(30)
    miner = stage.miner(settings=MinerSettings(time_margin=7.0))
    given: list[Assignment] = []
    train = miner.means.learner.train

    def note(assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        given.append(assignment)
        return train(assignment, stop=stop)

    miner.means.learner.train = note  # type: ignore[method-assign]
    miner.step(stage.world.moment())
    opened = stage.world.rounds[1]
    assert given[0].deadline == opened.since + opened.terms.time_limit - 7.0
    assert given[0].needed == correct_needed(9000, TRAIN)


@pytest.mark.parametrize(
    "error",
    [
        MalformedModelError("Training gave no finite model."),
        InputError("Features (1, 3) and labels (1,) are too few; two or more samples are needed."),
    ],
)
def test_training_that_finds_no_model_gives_the_round_up(stage: Stage, error: Exception) -> None:
    in_training(stage)
    miner = stage.miner()

    def diverge(*_: Any, **__: Any) -> NoReturn:
        raise error

    miner.means.learner.train = diverge  # type: ignore[method-assign]
    assert miner.step(stage.world.moment()) is None
    assert miner.step(stage.world.moment()) is None
    assert stage.sent(MINERS[0]) == []


def test_a_journal_that_cannot_be_used_is_no_reason_to_give_a_round_up(stage: Stage) -> None:
    in_training(stage)
    miner = stage.miner()

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise JournalError("The journal cannot be used.")

    miner.means.learner.train = fail  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(JournalError):
            miner.step(stage.world.moment())


def test_the_claims_are_the_canonical_counts(stage: Stage) -> None:
    in_reveal(stage)
    stage.play(Phase.DRAW, workers=[stage.miner()])
    solution = stage.world.solutions[1][0]
    assert (solution.claimed_train_correct, solution.claimed_test_correct) == (TRAIN, TEST)


def test_a_faulty_test_set_costs_the_count_but_not_the_bond(stage: Stage) -> None:
    in_reveal(stage)
    stage.world.tests[1] = stage.world.keys[1]
    stage.miner().step(stage.world.moment())
    assert stage.world.solutions[1][0].revealed
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def test_a_test_set_that_cannot_be_had_is_waited_for_until_the_margin(stage: Stage) -> None:
    in_reveal(stage)
    stage.store.missing.add(stage.world.tests[1].cid)
    miner = stage.miner()
    with pytest.raises(UnreachableError):
        miner.step(stage.world.moment())
    stage.world.pass_time(55)
    assert miner.step(stage.world.moment()) == "revealed"
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def test_a_reveal_whose_seconds_are_over_has_its_blocks_for_the_test_set(stage: Stage) -> None:
    stage.with_chain(window_blocks=60)
    in_reveal(stage)
    stage.store.missing.add(stage.world.tests[1].cid)
    miner, moment = stage.miner(), stage.world.moment()
    stage.world.now = moment.deadline + 5
    with pytest.raises(UnreachableError):
        miner.step(stage.world.moment())
    stage.world.block = moment.deadline_block - 4
    assert miner.step(stage.world.moment()) == "revealed"
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def test_a_count_that_takes_too_long_is_left_out_of_the_reveal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_reveal(stage)

    def slow(*arguments: Any) -> None:
        while not arguments[-1]():
            stage.world.pass_time(1)
        raise AbandonedError("It was stopped.")

    monkeypatch.setattr("pole.roles.judging.assessment.evaluate", slow)
    assert stage.miner().step(stage.world.moment()) == "revealed"
    assert stage.world.solutions[1][0].revealed
    assert stage.world.solutions[1][0].claimed_test_correct == 0


def test_nothing_is_revealed_where_nothing_was_committed(stage: Stage) -> None:
    in_reveal(stage)
    assert stage.miner(MINERS[1]).step(stage.world.moment()) is None


def test_a_commitment_that_never_arrived_is_not_revealed(stage: Stage) -> None:
    in_reveal(stage)
    stage.world.solutions[1].clear()
    stage.journal(MINERS[0]).kept.pop("committed/1")
    assert stage.miner().step(stage.world.moment()) is None
    assert "reveal/1" not in stage.sent(MINERS[0])


@pytest.mark.parametrize("reach", [in_training, in_reveal])
def test_a_solution_that_some_looks_do_not_show_is_revealed_when_it_is_seen(
    stage: Stage, caplog: pytest.LogCaptureFixture, reach: Callable[[Stage], None]
) -> None:
    reach(stage)
    if reach is in_training:
        assert stage.miner().step(stage.world.moment()) == "committed"
    stage.hide_solutions(MINERS[0], looks=4)
    miner = stage.miner()
    for _ in range(2):
        assert miner.step(stage.world.moment()) is None
    assert "higher claim" not in caplog.text
    assert caplog.text.count("the node does not show its commitment") == 1
    stage.play(Phase.DRAW, workers=[stage.data_node(), stage.miner()])
    assert stage.world.solutions[1][0].revealed


@pytest.mark.parametrize("reach", [in_training, in_reveal])
def test_a_displaced_miner_says_so_once_and_reveals_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture, reach: Callable[[Stage], None]
) -> None:
    reach(stage)
    if reach is in_training:
        assert stage.miner().step(stage.world.moment()) == "committed"
    stage.displace(MINERS[0], claim=TRAIN + 1)
    with caplog.at_level("INFO", "pole"):
        assert stage.miner().step(stage.world.moment()) == "displaced"
        assert stage.miner().step(stage.world.moment()) is None
    assert caplog.text.count("a higher claim took its place") == 1
    assert "reveal/1" not in stage.sent(MINERS[0])


def test_the_round_goes_on_without_a_displaced_miner(stage: Stage) -> None:
    in_training(stage)
    assert stage.miner().step(stage.world.moment()) == "committed"
    stage.displace(MINERS[0], claim=TRAIN + 1)
    stage.play(Phase.VOID, workers=[stage.data_node(), stage.miner()])
    assert stage.world.rounds[1].void_reason is VoidReason.NOTHING_REVEALED
    assert stage.miner().step(stage.world.moment()) == "settled"


def test_a_copied_commitment_cannot_be_opened(stage: Stage) -> None:
    in_training(stage)
    stage.miner(MINERS[0]).step(stage.world.moment())
    copied = stage.world.solutions[1][0]
    stage.chain(MINERS[1]).commit(1, copied.commitment, copied.claimed_train_correct, intent="copy")
    stage.play(Phase.REVEAL, workers=[stage.data_node()])
    stage.miner(MINERS[0]).step(stage.world.moment())
    stage.journal(MINERS[1]).kept = {
        k: v for k, v in stage.journal(MINERS[0]).kept.items() if "revealed" not in k
    }
    stage.miner(MINERS[1]).step(stage.world.moment())
    assert not stage.world.solutions[1][1].revealed


def test_with_nobody_mining_the_round_is_void(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    assert stage.world.rounds[1].void_reason is VoidReason.NO_COMMITMENT


def test_the_watch_looks_at_the_chain_once_a_second_at_most(stage: Stage) -> None:
    in_training(stage)
    looks = []

    class Counting(FakeChain):
        def moments(self) -> tuple[Moment, ...]:
            looks.append(1)
            return super().moments()

    time = iter(np.arange(0, 10, 0.25))
    watch = RoundWatch(Counting(stage.world, MINERS[0]), 1, lambda: float(next(time)), lambda: False)
    assert not any(watch.over() for _ in range(40))
    assert len(looks) == 10


@pytest.mark.parametrize("error", [UnreachableError("no answer"), RefusedError("There is no round 9.")])
def test_the_watch_forgives_a_chain_that_does_not_answer(error: PoleError) -> None:
    class Silent(FakeChain):
        def moments(self) -> NoReturn:
            raise error

    chain = Silent(World(), MINERS[0])
    assert not RoundWatch(chain, 1, lambda: 0.0, lambda: False).over()
    assert RoundWatch(chain, 1, lambda: 0.0, lambda: True).over()


@pytest.mark.parametrize("error", [UnreachableError("no answer"), RefusedError("There is no round 9.")])
def test_the_watch_forgives_a_chain_that_does_not_tell_of_another_round(
    stage: Stage, error: PoleError
) -> None:
    in_training(stage)
    own = stage.world.moment()
    moments = (own, replace(own, lane=1, round_id=9))

    class Two(FakeChain):
        def moments(self) -> tuple[Moment, ...]:
            return moments

    def fails(_: Moment) -> NoReturn:
        raise error

    chain = Two(stage.world, MINERS[0])
    assert not RoundWatch(chain, own.round_id, lambda: 0.0, lambda: False, called_by=fails).over()


@pytest.mark.parametrize(
    ("accuracy", "count", "needed"), [(10_000, 7, 7), (9000, 10, 9), (9001, 10, 10), (1, 3, 1)]
)
def test_the_count_needed_is_the_least_that_reaches_the_accuracy(
    accuracy: int, count: int, needed: int
) -> None:
    assert correct_needed(accuracy, count) == needed
    assert needed * 10_000 >= accuracy * count > (needed - 1) * 10_000


def test_salts_differ_between_rounds(stage: Stage) -> None:
    stage.post(seed=1)
    stage.post(seed=2)
    workers: list[Role] = [stage.data_node(), stage.miner()]
    stage.play(Phase.FINAL, Phase.VOID, workers=workers)
    stage.open_round()
    stage.play(Phase.FINAL, Phase.VOID, workers=workers)
    kept = stage.journal(MINERS[0]).kept
    assert kept["salt/1"] != kept["salt/2"]
    assert numbers(2)(32) == kept["salt/1"]
