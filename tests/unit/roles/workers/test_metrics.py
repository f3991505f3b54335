"""Rounds whose metric is not accuracy: claim, finding and threshold are of one and the same score."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, OWNER, TRAIN, VERIFIERS, Stage, dataset, specification, terms

from pole.errors import InputError
from pole.learning.data.datasets import DataSet
from pole.learning.evaluation import model_file
from pole.learning.evaluation.canonical import CanonicalModel, evaluate
from pole.learning.evaluation.features import fit_feature_map, normalised
from pole.learning.evaluation.fixed_point import round_weights
from pole.protocol.ballots import ballot_id
from pole.protocol.formats.predictions import predictions_digest
from pole.protocol.models.layers import Linear
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import Phase
from pole.roles.judging.assessment import evaluate_model
from pole.roles.publishing.preparation import TaskRequest, check_samples, prepare_task
from pole.roles.training.learner import Assignment, Trained

STEPS = 300
BALLOT = ballot_id(1, 0)


class GridLearner:
    """Fits the one output of a regression in closed form."""

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        samples = assignment.samples
        feature_map = fit_feature_map(samples.features)
        inputs = np.column_stack([normalised(samples.features, feature_map), np.ones(len(samples.labels))])
        targets = (samples.labels + 0.5) / assignment.specification.classes * 8 - 4
        weights = np.linalg.lstsq(inputs, targets, rcond=None)[0][None]
        tensors = {
            "logits.weight": round_weights(np.ascontiguousarray(weights[:, :-1]), "logits.weight"),
            "logits.bias": round_weights(np.ascontiguousarray(weights[:, -1]), "logits.bias"),
        }
        model = CanonicalModel(assignment.specification, assignment.seed, feature_map, tensors)
        correct = evaluate(model, samples.features, samples.labels).correct
        return Trained(model_file.save(model), correct)


def regression(scale: int = 60) -> ModelSpecification:
    change = {
        "graph": (Linear(name="logits", out_features=1),),
        "classes": STEPS,
        "metric": AbsoluteError(name="mean_absolute_error", scale=scale),
    }
    return specification().model_copy(update=change)


def slopes() -> DataSet:
    """Values whose weighted sum is the target, but for some noise."""
    random = np.random.default_rng(6)
    x = random.integers(0, 256, (18, 4))
    y = (x @ [0.4, 0.3, 0.2, 0.1] + random.integers(-20, 21, 18)).clip(0, STEPS - 1).astype(np.int64)
    return DataSet("slopes", x[:12], y[:12], x[12:], y[12:], classes=int(y.max()) + 1)


def play(stage: Stage, data: DataSet, wanted: ModelSpecification, required: int) -> None:
    request = TaskRequest(data, wanted, terms(required_train_accuracy=required))
    check_samples(data, wanted)
    files = prepare_task(request, stage.workshop())
    stage.chain(OWNER).post_task(request.terms, files, intent="post/0")
    stage.play(Phase.FINAL, Phase.VOID)


@pytest.mark.parametrize("metric", ["macro_f1", "mean_absolute_error"])
def test_miners_claim_what_verifiers_find(stage: Stage, metric: str) -> None:
    wanted, data = specification().model_copy(update={"metric": metric}), dataset()
    if metric == "mean_absolute_error":
        wanted, data, stage.learner = regression(), slopes(), GridLearner()
    play(stage, data, wanted, required=5000)
    assert stage.world.moment().phase is Phase.FINAL
    solution = stage.world.solutions[1][0]
    vote = stage.world.votes[BALLOT, VERIFIERS[0]][0]
    assert (solution.claimed_train_correct, solution.claimed_test_correct) == (
        vote.train_correct,
        vote.test_correct,
    )
    assert 0.5 * TRAIN <= vote.train_correct <= TRAIN


def test_the_threshold_is_a_share_of_the_score(stage: Stage) -> None:
    stage.learner = GridLearner()
    play(stage, slopes(), regression(scale=1), required=9000)
    # Nobody can be within a tenth of a step on noisy targets; the best of the round wins all the same.
    assert stage.world.votes[BALLOT, VERIFIERS[0]][0].train_correct < 0.9 * TRAIN


def test_predictions_of_a_regression_are_steps(stage: Stage) -> None:
    stage.learner = GridLearner()
    play(stage, slopes(), regression(), required=5000)
    open_round = stage.world.rounds[1]
    data = stage.verifier().means.data
    model = stage.store.files[stage.world.models[1][MINERS[0]].cid]
    test_set = data.test_set(open_round)
    assert test_set
    found = [
        evaluate_model(model, regression(), open_round.seed, part).predictions
        for part in (data.training_set(open_round), test_set)
    ]
    assert stage.world.votes[BALLOT, VERIFIERS[0]][0].predictions == predictions_digest(0, *found)
    assert found[0].max() > 3


def test_a_target_beyond_the_grid_is_refused_and_one_within_is_not() -> None:
    check_samples(slopes(), regression())
    with pytest.raises(InputError, match=f"has 301 steps of its target, but the specification has {STEPS}"):
        check_samples(replace(slopes(), classes=301), regression())
