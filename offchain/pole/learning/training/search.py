"""A search for better training settings than the defaults, within a part of the time that there is."""

from dataclasses import replace
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


def find_settings(
    task: TrainingTask, rule: StopRule, *, random_seed: int, device: torch.device
) -> TrainingSettings:
    """Return the settings whose short training is best on a tenth of the samples kept apart.

    The task's own come first and win ties; what is searched is the learning rate, weight decay, batch, label
    smoothing, noise and shift. The search ends when the rule says stop or at its deadline; its required
    count is of no meaning. By a tree-structured Parzen estimator (Bergstra et al. 2011) of optuna. Raises
    InputError where optuna is not installed.
    """
    optuna = _optuna()
    learned, unseen = _split(task, random_seed)
    trial_seconds = (rule.deadline - rule.clock()) / TRIALS
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=random_seed % 2**32)
    )
    best, maximum = task.settings, -1
    chosen = task.settings
    while not rule.stop() and rule.clock() < rule.deadline:
        trial = None
        if maximum >= 0:
            trial = study.ask()
            chosen = _suggested(trial, task.settings)
        until = min(rule.deadline, rule.clock() + trial_seconds)
        trial_rule = replace(rule, required_correct=0, deadline=until)
        correct = _correct(replace(learned, settings=chosen), unseen, trial_rule, random_seed, device)
        if trial is not None:
            study.tell(trial, correct)
        if correct > maximum:
            best, maximum = chosen, correct
    return best


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
        learning_rate=trial.suggest_float("learning_rate", 5e-4, 2e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 1e-1, log=True),
        batch=trial.suggest_categorical("batch", BATCHES),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
        noise=trial.suggest_float("noise", 0.0, 0.4),
        shift=trial.suggest_int("shift", 0, 3),
    )


def _correct(
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
