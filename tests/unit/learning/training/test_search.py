import itertools
import math
import sys
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch

from pole.errors import InputError
from pole.learning.training import search
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.search import find_settings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training_data import TrainingTask
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp

SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(8,), classes=3)
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 60)
FEATURES = 100 * LABELS[:, None] + RANDOM.integers(0, 400, (60, 4))


def find(
    settings: TrainingSettings | None = None,
    *,
    deadline: float = math.inf,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = lambda: 0.0,
    random_seed: int = 1,
) -> TrainingSettings:
    return find_settings(
        TrainingTask(SPEC, bytes(32), FEATURES, LABELS, settings or TrainingSettings()),
        StopRule(0, deadline, clock, stop),
        random_seed=random_seed,
        device=torch.device("cpu"),
    )


def test_without_optuna_the_search_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match="needs optuna"):
        find()


def test_without_time_the_settings_stay_as_they_are() -> None:
    assert find(deadline=-1.0) == TrainingSettings()


def test_settings_that_do_best_on_samples_kept_apart_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[TrainingSettings] = []

    def score(
        learned: TrainingTask, unseen: TrainingTask, rule: StopRule, random_seed: int, device: torch.device
    ) -> int:
        assert len(unseen.labels) == 6
        assert len(learned.labels) == 54
        assert not {tuple(row) for row in unseen.features.tolist()} & {
            tuple(row) for row in learned.features.tolist()
        }
        tried.append(learned.settings)
        return 100 - abs(round(math.log10(learned.settings.learning_rate / 1e-2) * 20))

    monkeypatch.setattr(search, "try_settings", score)
    calls = itertools.count()
    found = find(stop=lambda: next(calls) >= 40)
    assert tried[0] == TrainingSettings()
    assert len(tried) == 40
    assert 0.007 < found.learning_rate < 0.014


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_rates_and_decays_are_those_that_the_optimiser_works_with(
    optimiser: Literal["adamw", "sgd"], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[TrainingSettings] = []

    def score(learned: TrainingTask, *others: object) -> int:
        tried.append(learned.settings)
        return len(tried)

    monkeypatch.setattr(search, "try_settings", score)
    calls = itertools.count()
    find(TrainingSettings(optimiser=optimiser), stop=lambda: next(calls) >= 20)
    assert {settings.optimiser for settings in tried} == {optimiser}
    for settings in tried[1:]:
        assert search.RATES[optimiser][0] <= settings.learning_rate <= search.RATES[optimiser][1]
        assert search.DECAYS[optimiser][0] <= settings.weight_decay <= search.DECAYS[optimiser][1]


def test_settings_that_are_no_better_than_the_defaults_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "try_settings", lambda *arguments: 5)
    calls = itertools.count()
    assert find(stop=lambda: next(calls) >= 5) == TrainingSettings()


def test_no_trial_takes_more_than_its_part_of_the_time() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.25
        return now[0]

    find(deadline=400.0, clock=clock)
    assert 400 <= now[0] < 400 + 400 / search.TRIALS


def test_the_same_random_seed_finds_the_same_settings() -> None:
    def once() -> TrainingSettings:
        calls = itertools.count()
        return find(stop=lambda: next(calls) >= 100)

    assert once() == once()
