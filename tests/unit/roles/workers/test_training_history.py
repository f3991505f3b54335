"""What a miner keeps of its trainings: of which round, how it went, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.unit.roles.conftest import MINERS, TRAIN, LeastSquaresLearner, Stage

from pole.errors import AbandonedError
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.protocol.state import Phase, Step
from pole.roles.training.history.file import HistoryFile
from pole.roles.training.history.trainings import Check, Ending, Outcome, Start, read_history
from pole.roles.training.learner import Assignment, LearnerError, Trained
from pole.roles.workers.miner.training import correct_needed

NEEDED = correct_needed(9000, TRAIN)
CHECK = Check(1, 0.5, 3, 0.01, 1.0, 12.0)


@dataclass
class Rehearsed:
    """Notes an epoch, then lets happen what a test wants, and returns a model that gets so many right."""

    then: Callable[[], None] = lambda: None
    correct: int = NEEDED

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        assignment.note(CHECK)
        self.then()
        return Trained(LeastSquaresLearner().train(assignment, stop=stop).model, self.correct)


def trained(stage: Stage, learner: Rehearsed) -> HistoryFile:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    miner = stage.miner()
    miner.means.learner = learner
    miner.step(stage.world.moment())
    return miner.means.history


@pytest.mark.parametrize(
    ("correct", "outcome"), [(NEEDED, Outcome.GOAL), (NEEDED - 1, Outcome.BELOW)], ids=["goal", "below"]
)
def test_a_training_is_kept_with_its_round_and_its_score(
    stage: Stage, correct: int, outcome: Outcome
) -> None:
    history = trained(stage, Rehearsed(correct=correct))
    (found,) = read_history(history.path.read_bytes())
    assert found.start == Start(1, 1, 0, TRAIN, NEEDED, "a learner of tests")
    assert [(check.epoch, check.loss, check.correct) for check in found.checks] == [(1, 0.5, 3)]
    assert found.ending == Ending(outcome, correct, 0.0, stage.world.now)


@pytest.mark.parametrize("error", [MalformedModelError("It diverged."), LearnerError("It ended.")])
def test_a_training_without_a_model_has_failed(stage: Stage, error: Exception) -> None:
    def fail() -> None:
        raise error

    (found,) = read_history(trained(stage, Rehearsed(fail)).path.read_bytes())
    assert found.ending == Ending(Outcome.FAILED, None, 0.0, stage.world.now)


@pytest.mark.parametrize("has_model", [True, False])
def test_a_training_that_its_round_overtook_was_stopped(stage: Stage, has_model: bool) -> None:
    def close() -> None:
        stage.world.advance(1, Step.CLOSED, committed=1)
        stage.world.pass_time(5)
        if not has_model:
            raise AbandonedError("The training was stopped before it had a model.")

    (found,) = read_history(trained(stage, Rehearsed(close)).path.read_bytes())
    assert found.ending is not None
    assert found.ending.outcome is Outcome.STOPPED
    assert found.ending.correct == (NEEDED if has_model else None)


def test_a_history_that_cannot_be_kept_costs_no_round(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    folder = stage.history(MINERS[0]).path
    (folder / "in the way").mkdir(parents=True)
    trained(stage, Rehearsed())
    assert stage.world.solutions[1][0].miner == MINERS[0]
    assert "Training goes on" in caplog.text
