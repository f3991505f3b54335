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
from pole.learning.training.training import train
from pole.learning.training.training_run import StopRule
from pole.protocol.models.specification import ModelSpecification

KEPT_APART: Final = 0.1
"""Part of the samples that settings are compared on."""
TRIALS: Final = 8
"""Trials that there shall be time for; each gets an equal part of it at most."""
TRIAL_EPOCHS: Final = 4
BATCHES: Final = (128, 256, 500, 1000)


def find_settings(
    features: NDArray[np.integer[Any]],
    labels: NDArray[np.int64],
    specification: ModelSpecification,
    settings: TrainingSettings,
    rule: StopRule,
    *,
    random_seed: int,
    device: torch.device,
) -> TrainingSettings:
    """Return the settings whose short training is best on a tenth of the samples kept apart.

    `settings` come first and win ties; what is searched is the learning rate, weight decay, batch, label
    smoothing, noise and shift. The search ends when the rule says stop or at its deadline; its required
    count is of no meaning. By a tree-structured Parzen estimator (Bergstra et al. 2011) of optuna. Raises
    InputError where optuna is not installed.
    """
    optuna = _optuna()
    order = np.random.default_rng(random_seed).permutation(len(labels))
    apart, kept = np.split(order, [max(1, round(KEPT_APART * len(labels)))])
    trial_seconds = (rule.deadline - rule.clock()) / TRIALS
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=random_seed % 2**32)
    )
    best, most = settings, -1
    chosen = settings
    while not rule.stop() and rule.clock() < rule.deadline:
        trial = None
        if most >= 0:
            trial = study.ask()
            chosen = _suggested(trial, settings)
        correct = _correct(
            (features[kept], labels[kept]),
            (features[apart], labels[apart]),
            specification,
            chosen,
            replace(rule, required_correct=0, deadline=min(rule.deadline, rule.clock() + trial_seconds)),
            random_seed,
            device,
        )
        if trial is not None:
            study.tell(trial, correct)
        if correct > most:
            best, most = chosen, correct
    return best


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
    learned: tuple[NDArray[np.integer[Any]], NDArray[np.int64]],
    unseen: tuple[NDArray[np.integer[Any]], NDArray[np.int64]],
    specification: ModelSpecification,
    settings: TrainingSettings,
    rule: StopRule,
    random_seed: int,
    device: torch.device,
) -> int:
    """Return how many unseen labels a short training gets right; 0 where it diverges or is stopped."""
    short = replace(settings, epochs=min(TRIAL_EPOCHS, settings.epochs), steps=1, eager=False)
    try:
        result = train(
            *learned,
            specification,
            short,
            rule,
            seed=bytes(32),
            random_seed=random_seed,
            device=device,
            report=lambda _: None,
        )
        return evaluate(result.candidate.model, *unseen, place_of(device), rule.stop).correct
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
