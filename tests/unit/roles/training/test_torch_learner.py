import logging
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import pytest
import torch

from pole.learning.training.checkpoint import Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import ONE_BY_ONE, TrialBench
from pole.learning.training.stopping import StopRule
from pole.learning.training.training_data import TrainingTask
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp
from pole.roles.judging.assessment import evaluate_model
from pole.roles.receiving.samples import Samples
from pole.roles.support.files import write_whole
from pole.roles.training import torch_learner
from pole.roles.training.history.trainings import Check
from pole.roles.training.learner import Assignment
from pole.roles.training.torch_learner import TorchLearner

SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(8,), classes=3)
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 60)
SAMPLES = Samples(100 * LABELS[:, None] + RANDOM.integers(0, 50, (60, 4)), LABELS)
FEW = TrainingSettings(epochs=4, steps=1)


def assignment(number: int = 1, needed: int = 0, deadline: float = math.inf) -> Assignment:
    return Assignment(SPEC, bytes([number]) * 32, SAMPLES, needed, deadline)


def learner(folder: Path, search: float = 0.0, random_seed: int = 5) -> TorchLearner:
    return TorchLearner(FEW, torch.device("cpu"), folder, lambda: 0.0, lambda: random_seed, search)


def never() -> bool:
    return False


@pytest.fixture
def eager_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    def often(read: Callable[[], bytes | None], write: Callable[[bytes], None]) -> Checkpoints:
        return Checkpoints(read, write, 0.0)

    monkeypatch.setattr(torch_learner, "Checkpoints", often)


def test_a_trained_model_is_worth_what_is_claimed_of_it(tmp_path: Path) -> None:
    trained = learner(tmp_path).train(assignment(needed=40), stop=never)
    found = evaluate_model(trained.model, SPEC, assignment().seed, SAMPLES)
    assert found.correct == trained.train_correct >= 40


def test_every_epoch_is_traced_with_its_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="pole.training")
    learner(tmp_path).train(assignment(), stop=never)
    traced = [each.__dict__["details"] for each in caplog.records if each.__dict__.get("event") == "epoch"]
    assert [each["epoch"] for each in traced] == list(range(1, len(traced) + 1))
    assert len(traced) >= FEW.epochs
    assert all(math.isfinite(each["loss"]) for each in traced)


def test_every_epoch_is_noted_with_what_is_known_of_it(tmp_path: Path) -> None:
    noted: list[Check] = []
    ticks = count()
    trains = replace(learner(tmp_path), clock=lambda: float(next(ticks)))
    trained = trains.train(replace(assignment(), note=noted.append), stop=never)
    assert [check.epoch for check in noted] == list(range(1, len(noted) + 1))
    assert len(noted) >= FEW.epochs
    assert noted[-1].correct == trained.train_correct
    assert all(check.learning_rate is not None and check.learning_rate > 0 for check in noted)
    assert all(check.samples_per_second is not None and check.samples_per_second > 0 for check in noted)
    assert [check.seconds for check in noted] == sorted(check.seconds for check in noted)


def test_a_training_leaves_a_checkpoint_and_the_next_one_deletes_it(
    tmp_path: Path, eager_checkpoints: None
) -> None:
    for number in (1, 2):
        learner(tmp_path).train(assignment(number), stop=never)
        (left,) = tmp_path.iterdir()
        assert left.name == f"{bytes([number] * 32).hex()}.checkpoint"


def test_what_a_killed_process_left_half_written_is_deleted(tmp_path: Path, eager_checkpoints: None) -> None:
    def killed(file: BinaryIO) -> NoReturn:
        raise KeyboardInterrupt

    for path in (learner(tmp_path).checkpoint_file(bytes([each]) * 32) for each in (1, 2)):
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, b"half", flush=killed)
    assert len(list(tmp_path.iterdir())) == 1
    other = tmp_path / ".history.4711"
    other.touch()
    path = learner(tmp_path).checkpoint_file(bytes([2]) * 32)
    learner(tmp_path).train(assignment(2), stop=never)
    assert set(tmp_path.iterdir()) == {path, other}


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    tmp_path: Path, eager_checkpoints: None
) -> None:
    whole = learner(tmp_path / "whole").train(assignment(), stop=never)
    calls = count(1)
    learner(tmp_path / "parts").train(assignment(), stop=lambda: next(calls) > 9)
    # Another random seed: the state of the checkpoint is what counts.
    resumed = learner(tmp_path / "parts", random_seed=99).train(assignment(), stop=never)
    assert resumed.model == whole.model


def test_settings_that_were_found_are_used_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[float] = []
    used: list[TrainingSettings] = []

    def find(task: TrainingTask, rule: StopRule, *, bench: TrialBench, **_: object) -> TrainingSettings:
        assert bench is ONE_BY_ONE
        searched.append(rule.deadline)
        return TrainingSettings(epochs=2, steps=1, learning_rate=0.01 * len(searched))

    def train(task: TrainingTask, *arguments: object, **options: object) -> None:
        used.append(task.settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(torch_learner, "find_settings", find)
    monkeypatch.setattr(torch_learner, "train", train)
    for number in (1, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            learner(tmp_path, search=0.25).train(assignment(number, deadline=400.0), stop=never)
    assert searched == [100.0, 100.0]
    assert [settings.learning_rate for settings in used] == [0.01, 0.01, 0.02]


def test_without_a_search_the_recipe_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_learner, "find_settings", None)
    assert learner(tmp_path).train(assignment(), stop=never).train_correct > 0
