import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

import numpy as np
import pytest
import torch
from torch import nn

from pole.errors import AbandonedError, InputError
from pole.learning.data import datasets, quantisation
from pole.learning.evaluation import model_file
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.canonical import CanonicalModel, Evaluation, evaluate
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.machine.threads import never
from pole.learning.training.optimising.adamw import AdamW
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training import TrainingResult, train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress, expected_seconds
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.metrics import Integers
from pole.protocol.models.specification import mlp

SEED = bytes.fromhex("e49ae9a176d4a4475054cf1a06d12c119a607bb3c7cfb24c0e70625c5f2e4e17")
SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(16,), classes=3)
CPU = torch.device("cpu")


class Watch:
    """A clock that advances a second with every batch."""

    def __init__(self, batches: float = math.inf) -> None:
        self.now, self.batches = 0.0, batches

    def stop(self) -> bool:
        self.now += 1
        return self.now > self.batches


def rule(required: int = 10**9, deadline: float = math.inf, watch: Watch | None = None) -> StopRule:
    watch = watch or Watch()
    return StopRule(required_correct=required, deadline=deadline, clock=lambda: watch.now, stop=watch.stop)


def iris() -> tuple[Integers, Integers, Integers, Integers]:
    data = datasets.load("iris", None)
    fitted = quantisation.fit(data.x_train, 8)
    plan = query_plan(SPEC, SEED)
    train_part, test_part = (
        arrange(inner_products_in_clear(plan, quantisation.apply(fitted, x).values), SPEC)
        for x in (data.x_train, data.x_test)
    )
    return train_part, data.y_train, test_part, data.y_test


FEATURES, LABELS, TEST_FEATURES, TEST_LABELS = iris()


def run(
    stop_rule: StopRule,
    settings: TrainingSettings | None = None,
    features: Integers = FEATURES,
    labels: Integers = LABELS,
    random_seed: int = 1,
    report: Callable[[Progress], None] = lambda progress: None,
) -> TrainingResult:
    return train(
        TrainingTask(SPEC, SEED, features, labels, settings or TrainingSettings()),
        stop_rule,
        random_seed=random_seed,
        device=CPU,
        report=report,
    )


@pytest.mark.parametrize(
    ("features", "labels", "sentence"),
    [
        (FEATURES[:, :3], LABELS, "do not fit the specification"),
        (FEATURES, LABELS[:-1], "do not fit the specification"),
        (FEATURES[:1], LABELS[:1], "two or more samples"),
        (FEATURES, LABELS + 1, "run from 1 to 3, but the specification has 3 classes"),
        (FEATURES, LABELS - 1, "run from -1 to 1"),
    ],
)
def test_data_that_do_not_fit_the_specification_are_refused(
    features: Integers, labels: Integers, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        run(rule(), features=features, labels=labels)


def test_a_network_that_never_becomes_finite_is_no_result() -> None:
    with pytest.raises(MalformedModelError, match="no finite model"):
        run(rule(deadline=20.0), TrainingSettings(learning_rate=1e30, steps=5, epochs=1))


@dataclass(frozen=True)
class Learned:
    """A training to 128 right answers, and all that it reported."""

    result: TrainingResult
    seen: list[Progress]


@pytest.fixture(scope="module")
def learned() -> Learned:
    seen: list[Progress] = []
    return Learned(run(rule(required=128), report=seen.append), seen)


def test_training_stops_when_the_required_accuracy_is_reached(learned: Learned) -> None:
    assert learned.result.reason is StopReason.THRESHOLD
    assert learned.result.candidate.evaluation.correct >= 128


def test_iris_is_learned_from_its_features() -> None:
    result = run(rule(required=129))
    test = evaluate(result.candidate.model, TEST_FEATURES, TEST_LABELS)
    assert result.candidate.evaluation.correct >= 0.95 * len(LABELS)
    assert test.correct >= 13


def test_training_stops_when_the_round_is_closed() -> None:
    result = run(rule(watch=Watch(batches=25)))
    assert result.reason is StopReason.ROUND
    assert result.epochs == 25 // 9


def test_a_training_that_is_stopped_judges_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(*arguments: object) -> NoReturn:
        raise AssertionError("nobody waits for it")

    monkeypatch.setattr("pole.learning.training.training_run.evaluate", judged)
    with pytest.raises(AbandonedError, match="before it had a model"):
        run(rule(watch=Watch(batches=5)))


@pytest.mark.parametrize("models", [0, 1])
def test_a_stop_ends_the_evaluation_of_a_model(monkeypatch: pytest.MonkeyPatch, models: int) -> None:
    """The first is judged after nine batches, the second after eighteen."""
    closed: list[bool] = []
    ended: list[Evaluation] = []

    def close(*arguments: Any) -> Evaluation:
        if len(ended) == models:
            closed.append(True)
        evaluation = evaluate(*arguments)
        ended.append(evaluation)
        return evaluation

    monkeypatch.setattr("pole.learning.training.training_run.evaluate", close)
    closing = StopRule(10**9, math.inf, clock=lambda: 0.0, stop=lambda: bool(closed))
    if models == 0:
        with pytest.raises(AbandonedError):
            run(closing)
    else:
        result = run(closing)
        assert (result.reason, result.epochs) == (StopReason.ROUND, 2)
        assert result.candidate.evaluation is ended[0]
    assert len(ended) == models


def test_training_stops_when_time_is_up() -> None:
    result = run(rule(deadline=100.0))
    assert result.reason is StopReason.TIME
    assert result.seconds == 100


def test_the_deadline_counts_the_last_evaluation_in(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()

    def slow_evaluation(*arguments: Any) -> Evaluation:
        watch.now += 30
        return evaluate(*arguments)

    monkeypatch.setattr("pole.learning.training.training_run.evaluate", slow_evaluation)
    result = run(rule(deadline=200.0, watch=watch))
    assert result.reason is StopReason.TIME
    assert 160 <= result.seconds <= 201


def test_a_deadline_that_has_passed_still_gives_a_model() -> None:
    result = run(rule(deadline=-1.0))
    assert result.reason is StopReason.TIME
    assert result.epochs == 0
    assert len(result.candidate.evaluation.predictions) == len(LABELS)


def test_the_learning_rate_decays_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    progress: list[float] = []

    def tenth(done: float, warm_up: float) -> float:
        progress.append(done)
        return 0.1

    monkeypatch.setattr("pole.learning.training.training_run.rate_factor", tenth)
    run(rule(deadline=100.0))
    assert progress[0] == 0
    assert progress[-1] > 0.9


def test_an_unreached_threshold_leads_to_cycle_after_cycle() -> None:
    # Two epochs of nine batches, then four, then eight, each evaluated after the first, second, fourth,
    # eighth.
    evaluated: list[Progress] = []
    settings = TrainingSettings(steps=18, epochs=2)
    closed = StopRule(10**9, math.inf, clock=lambda: 0.0, stop=lambda: len(evaluated) == 14)
    run(closed, settings, report=evaluated.append)
    assert [epoch.epoch for epoch in evaluated] == list(range(1, 15))


@pytest.mark.parametrize(("stop", "first"), [(never, 6), (lambda: False, 1)], ids=["never", "a round"])
def test_a_model_is_made_on_the_way_only_where_a_training_may_end_there(
    stop: Callable[[], bool], first: int
) -> None:
    seen: list[Progress] = []
    endless = StopRule(0, math.inf, clock=lambda: 0.0, stop=stop)
    assert run(endless, TrainingSettings(steps=1, epochs=6), report=seen.append).epochs == 6
    assert next(each.epoch for each in seen if each.best is not None) == first


def test_the_same_random_seed_trains_the_same_model(learned: Learned) -> None:
    again, other = (run(rule(required=128), random_seed=number) for number in (1, 6))
    files = [model_file.save(result.candidate.model) for result in (learned.result, again, other)]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_training_leaves_the_random_state_of_others_alone() -> None:
    torch.manual_seed(77)
    expected = torch.rand(3)
    torch.manual_seed(77)
    run(rule(deadline=20.0))
    assert torch.equal(torch.rand(3), expected)


def test_training_does_not_wait_for_the_compiler_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    # None makes an import fail; that of the compiler takes seconds, and torch.optim brings it.
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    run(rule(deadline=20.0))


def test_the_reported_accuracy_is_that_of_the_file_that_is_shipped(learned: Learned) -> None:
    candidate = learned.result.candidate
    shipped = model_file.load(model_file.save(candidate.model), SPEC, SEED)
    assert evaluate(shipped, FEATURES, LABELS).correct == candidate.evaluation.correct


def test_every_epoch_is_reported_with_the_best_candidate_so_far(learned: Learned) -> None:
    result, seen = learned.result, learned.seen
    assert [progress.epoch for progress in seen] == list(range(1, result.epochs + 1))
    counts = [progress.best.evaluation.correct for progress in seen if progress.best]
    assert len(counts) == len(seen)
    assert counts == sorted(counts)
    assert counts[-1] == result.candidate.evaluation.correct


def test_a_sample_left_over_from_full_batches_is_no_batch_of_its_own() -> None:
    kept = slice(0, 65)
    result = run(rule(deadline=60.0), features=FEATURES[kept], labels=LABELS[kept])
    assert np.isfinite(result.candidate.evaluation.correct)


def test_digits_are_learned_from_fewer_features_than_pixels() -> None:
    data = datasets.load("digits", None)
    spec = mlp(
        input_shape=(8, 8),
        input_bits=8,
        mapping=LinearMapping(bits=3, queries=32),
        hidden=(128, 64),
        classes=10,
    )
    fitted, plan = quantisation.fit(data.x_train, 8), query_plan(spec, SEED)
    features, unseen = (
        arrange(inner_products_in_clear(plan, quantisation.apply(fitted, x).values), spec)
        for x in (data.x_train, data.x_test)
    )
    result = train(
        TrainingTask(spec, SEED, features, data.y_train, TrainingSettings()),
        rule(required=len(features) * 97 // 100, watch=Watch(batches=1000)),
        random_seed=1,
        device=CPU,
    )
    assert result.reason is StopReason.THRESHOLD
    assert evaluate(result.candidate.model, unseen, data.y_test).correct >= 0.94 * len(unseen)


def test_an_eager_training_ends_with_the_first_model_that_is_good_enough() -> None:
    patient = run(rule(required=120))
    eager = run(rule(required=120), TrainingSettings(eager=True))
    assert eager.reason is patient.reason is StopReason.THRESHOLD
    assert eager.candidate.evaluation.correct >= 120
    assert eager.epochs < patient.epochs


def test_iris_is_learned_by_gradient_descent_with_momentum() -> None:
    settings = TrainingSettings(optimiser="sgd", learning_rate=0.05, weight_decay=1e-3, warm_up=0.3)
    result = run(rule(required=129), settings)
    assert result.candidate.evaluation.correct >= 0.95 * len(LABELS)


def test_a_model_is_made_of_the_average_of_the_weights() -> None:
    settings = TrainingSettings(averaging=0.9, epochs=3, steps=1, eager=True)
    seen: list[Progress] = []
    result = run(rule(required=0), settings, report=seen.append)
    ignored = run(rule(required=0), replace(settings, averaging=0.0))
    assert seen[-1].network is result.network
    assert model_file.save(result.candidate.model) != model_file.save(ignored.candidate.model)
    shipped = result.candidate.model.tensors["logits.weight"]
    averaged = cast(nn.Linear, result.network.module("logits")).weight.detach().numpy()
    own = cast(nn.Linear, ignored.network.module("logits")).weight.detach().numpy()
    assert np.array_equal(shipped, np.rint(averaged * 4096))
    assert not np.array_equal(shipped, np.rint(own * 4096))


def test_the_average_of_a_network_that_diverged_begins_anew_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settle, steps = AdamW.step, [0]

    def diverge_once(self: AdamW, rate: float) -> None:
        steps[0] += 1
        settle(self, float("nan") if steps[0] == 3 else rate)

    monkeypatch.setattr(AdamW, "step", diverge_once)
    result = run(rule(required=100), TrainingSettings(averaging=0.9, epochs=2, steps=1))
    assert result.candidate.evaluation.correct >= 100


def test_a_batch_that_takes_long_is_not_begun_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()
    settle = AdamW.step

    def slow_step(self: AdamW, rate: float) -> None:
        watch.now += 20
        settle(self, rate)

    monkeypatch.setattr(AdamW, "step", slow_step)
    result = run(rule(deadline=210.0, watch=watch))
    assert result.reason is StopReason.TIME
    assert 180 <= result.seconds <= 210


def test_judging_is_counted_in_before_the_first_model_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()

    def slow_evaluation(
        model: CanonicalModel, features: Integers, labels: Integers, place: Place, *stop: object
    ) -> Evaluation:
        watch.now += len(features)
        return evaluate(model, features, labels, place)

    monkeypatch.setattr("pole.learning.training.training_run.evaluate", slow_evaluation)
    # One sample and a probe of 64, then one judgement of 135: there is no time for an epoch of 9 batches.
    result = run(rule(deadline=1 + 64 + 135 + 5, watch=watch))
    assert result.reason is StopReason.TIME
    assert result.epochs == 0
    assert 1 + 64 + 135 <= result.seconds <= 1 + 64 + 135 + 5


@pytest.mark.parametrize("copies", [1, 100, 2000])
def test_what_a_call_costs_by_itself_hardly_counts_for_many_samples(
    monkeypatch: pytest.MonkeyPatch, learned: Learned, copies: int
) -> None:
    watch = Watch()

    def evaluation(model: CanonicalModel, features: Integers, *_: object) -> None:
        watch.now += 1 + 0.01 * len(features)

    monkeypatch.setattr("pole.learning.training.training_run.evaluate", evaluation)
    features, labels = np.repeat(FEATURES, copies, axis=0), np.repeat(LABELS, copies)
    model = learned.result.candidate.model
    found = expected_seconds(model, features, labels, PROCESSOR, lambda: watch.now)
    takes = 1 + 0.01 * len(features)
    assert takes <= found <= takes + 256


def test_the_deadline_holds_when_batches_take_the_time_they_take() -> None:
    # By the processor's clock: that on the wall counts what other programs take.
    started = time.process_time()
    real = StopRule(10**9, started + 2.0, time.process_time, lambda: False)
    assert run(real).reason is StopReason.TIME
    assert 1.0 < time.process_time() - started < 3.0


def test_a_batch_of_one_sample_is_one_of_two_which_norms_can_learn_from() -> None:
    settings = TrainingSettings(batch=1, epochs=1, steps=1)
    assert run(rule(required=0), settings).candidate.evaluation.correct > 0
    assert run(rule(required=0), replace(settings, batch=2), FEATURES[:51], LABELS[:51]).epochs == 1
