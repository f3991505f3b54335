"""A search for better training settings than the defaults, within a part of the time that there is."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from pole.errors import AbandonedError, InputError
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import evaluate
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask

KEPT_APART: Final = 0.1
"""Part of the samples that settings are compared on."""
TRIALS: Final = 8
"""Trials that there shall be time for; each gets an equal part of it at most."""
TRIAL_EPOCHS: Final = 4
BATCHES: Final = (128, 256, 500, 1000)
RATES: Final = {"adamw": (5e-4, 2e-2), "sgd": (2e-2, 1.0)}
DECAYS: Final = {"adamw": (1e-3, 1e-1), "sgd": (1e-4, 5e-3)}
"""Where the learning rate and the weight decay of an optimiser are searched for."""
SECONDS_BETWEEN_LOOKS: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Settings to be tried: a training on `learned` for so many `seconds` is judged on `unseen` samples."""

    learned: TrainingTask
    unseen: TrainingTask
    seconds: float
    random_seed: int


@dataclass(frozen=True, slots=True)
class TrialBench:
    """Where trials are made, so many at once: `score` returns what `here` gives, or another machine does."""

    at_once: int
    score: Callable[[Trial, Callable[[], int]], int]


ONE_BY_ONE: Final = TrialBench(1, lambda _, here: here())


def find_settings(
    task: TrainingTask,
    rule: StopRule,
    *,
    random_seed: int,
    device: torch.device,
    bench: TrialBench = ONE_BY_ONE,
) -> TrainingSettings:
    """Return the settings whose short training is best on a tenth of the samples kept apart.

    The task's own come first and win ties; what is searched is the learning rate, weight decay, batch, label
    smoothing, noise and shift. The search ends when the rule says stop or at its deadline; its required
    count is of no meaning. By a tree-structured Parzen estimator (Bergstra et al. 2011) of optuna. Raises
    InputError where optuna is not installed, and what the `bench` raises.
    """
    optuna = _optuna()
    sampler = optuna.samplers.TPESampler(seed=random_seed % 2**32, constant_liar=bench.at_once > 1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    seconds = (rule.deadline - rule.clock()) / TRIALS
    learned, unseen = _split(task, random_seed)

    def score(settings: TrainingSettings) -> int:
        until = min(rule.deadline, rule.clock() + seconds)
        trial = Trial(replace(learned, settings=settings), unseen, until - rule.clock(), random_seed)
        trial_rule = replace(rule, required_correct=0, deadline=until)
        return bench.score(
            trial, lambda: try_settings(trial.learned, unseen, trial_rule, random_seed, device)
        )

    pool = ThreadPoolExecutor(bench.at_once)
    try:
        return _Search(task.settings, rule, study, rule.deadline + seconds).run(
            lambda settings: pool.submit(score, settings), bench.at_once
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Search:
    """A study under way: the best settings so far, and those that are being tried.

    What is not back at `patience`, or once the rule says stop, is not waited for.
    """

    own: TrainingSettings
    rule: StopRule
    study: Any
    patience: float
    has_begun: bool = False
    maximum: int = -1
    best: TrainingSettings = field(init=False)
    under_way: dict[Future[int], tuple[Any, TrainingSettings]] = field(default_factory=dict)

    def run(self, begin: Callable[[TrainingSettings], Future[int]], at_once: int) -> TrainingSettings:
        self.best, rule = self.own, self.rule
        while True:
            while len(self.under_way) < at_once and not rule.stop() and rule.clock() < rule.deadline:
                trial = self.study.ask() if self.has_begun else None
                settings = self.own if trial is None else _suggested(trial, self.own)
                self.under_way[begin(settings)] = trial, settings
                self.has_begun = True
            if not self.under_way:
                return self.best
            done, _ = wait(self.under_way, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            if not done and (rule.stop() or rule.clock() > self.patience):
                return self.best
            for each in done:
                self.take(each)

    def take(self, done: Future[int]) -> None:
        trial, settings = self.under_way.pop(done)
        correct = done.result()
        if trial is not None:
            self.study.tell(trial, correct)
        if correct > self.maximum or (correct == self.maximum and trial is None):
            self.best, self.maximum = settings, correct


def _split(task: TrainingTask, random_seed: int) -> tuple[TrainingTask, TrainingTask]:
    """Return the samples to learn from and, drawn at random, those kept apart."""
    order = np.random.default_rng(random_seed).permutation(len(task.labels))
    apart, kept = np.split(order, [max(1, round(KEPT_APART * len(task.labels)))])
    learned, unseen = (
        replace(task, features=_taken(task, rows), labels=task.labels[rows]) for rows in (kept, apart)
    )
    return learned, unseen


def _taken(task: TrainingTask, rows: NDArray[np.int64]) -> NDArray[np.integer[Any]]:
    features = task.allocate((len(rows), *task.features.shape[1:]), task.features.dtype)
    # All rows are there, and what says so would take the features twice.
    return np.take(task.features, rows, axis=0, out=features, mode="clip")


def _suggested(trial: Any, settings: TrainingSettings) -> TrainingSettings:
    return replace(
        settings,
        learning_rate=trial.suggest_float("learning_rate", *RATES[settings.optimiser], log=True),
        weight_decay=trial.suggest_float("weight_decay", *DECAYS[settings.optimiser], log=True),
        batch=trial.suggest_categorical("batch", BATCHES),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
        noise=trial.suggest_float("noise", 0.0, 0.4),
        shift=trial.suggest_int("shift", 0, 3),
    )


def try_settings(
    learned: TrainingTask, unseen: TrainingTask, rule: StopRule, random_seed: int, device: torch.device
) -> int:
    """Return how many unseen labels a short training gets right; 0 where it diverges or is stopped."""
    epochs = min(TRIAL_EPOCHS, learned.settings.epochs)
    short = replace(learned.settings, epochs=epochs, steps=1, eager=False)
    try:
        result = train(replace(learned, settings=short), rule, random_seed=random_seed, device=device)
        model, place = result.candidate.model, place_of(device)
        return evaluate(model, unseen.features, unseen.labels, place, rule.stop).correct
    except (MalformedModelError, AbandonedError):
        return 0


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise InputError(
            "Searching for settings needs optuna: install it with `pip install pole[search]`, or leave the "
            "search out."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
