"""A task tried out on plain data before it is posted: what a miner would reach."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import evaluate
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import TrainingResult, train
from pole.learning.training.training_data import TrainingTask
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification

Features = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """How a training went, and the scores of its best model on both sets by canonical evaluation."""

    result: TrainingResult
    train_correct: int
    test_correct: int


def rehearse(
    dataset: DataSet,
    specification: ModelSpecification,
    rule: StopRule,
    *,
    seed: bytes,
    random_seed: int,
    device: torch.device,
) -> Rehearsal:
    """Return what the default recipe makes of a data set under a mapping layer drawn from `seed`.

    The features are those that decryption would give; nothing is encrypted. Raises InputError where data and
    specification do not fit.
    """
    train_features, test_features = _features(dataset, specification, seed)
    task = TrainingTask(specification, seed, train_features, dataset.y_train, TrainingSettings())
    result = train(task, rule, random_seed=random_seed, device=device)
    found = evaluate(result.candidate.model, test_features, dataset.y_test, place_of(device))
    return Rehearsal(result, result.candidate.evaluation.correct, found.correct)


def _features(dataset: DataSet, specification: ModelSpecification, seed: bytes) -> tuple[Features, Features]:
    quantisation = fit(dataset.x_train, specification.input.bits, dataset.bounds)
    plan = query_plan(specification, seed)
    train_part, test_part = (
        arrange(inner_products_in_clear(plan, apply(quantisation, x).values), specification)
        for x in (dataset.x_train, dataset.x_test)
    )
    return train_part, test_part
