"""A task tried out on plain data before it is posted: what a miner would reach."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet, Samples
from pole.learning.data.noise import RandomBytes, with_noise
from pole.learning.data.quantisation import apply, fit
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import Evaluation, evaluate
from pole.learning.evaluation.features import batches
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import TrainingResult, train
from pole.learning.training.training_data import TrainingTask
from pole.learning.training.training_run import Progress
from pole.protocol.mapping.layer import (
    arrange,
    feature_shape,
    feature_type,
    inner_products_in_clear,
    largest_feature,
    query_plan,
)
from pole.protocol.models.specification import ModelSpecification

Features = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """How a training went, and what its best model says of both sets by canonical evaluation.

    `course` has the seconds at which the best training score rose, and what it rose to.
    """

    result: TrainingResult
    train: Evaluation
    test: Evaluation
    course: tuple[tuple[float, int], ...]

    def seconds_to(self, correct: int) -> float | None:
        """Return when the training score first was as high as `correct`, None where it never was."""
        return next((seconds for seconds, reached in self.course if reached >= correct), None)


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

    The features are those that decryption would give, with noise where the layer has it; nothing is
    encrypted. Raises InputError where data and specification do not fit.
    """
    random_bytes = np.random.default_rng(random_seed).bytes
    train_features, test_features = features_in_clear(dataset, specification, seed, random_bytes)
    task = TrainingTask(specification, seed, train_features, dataset.y_train, TrainingSettings())
    course: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        reached = 0 if progress.best is None else progress.best.evaluation.correct
        if not course or reached > course[-1][1]:
            course.append((progress.seconds, reached))

    result = train(task, rule, random_seed=random_seed, device=device, report=note)
    best = result.candidate
    if not course or best.evaluation.correct > course[-1][1]:
        course.append((result.seconds, best.evaluation.correct))
    found = evaluate(best.model, test_features, dataset.y_test, place_of(device))
    return Rehearsal(result, best.evaluation, found, tuple(course))


def features_in_clear(
    dataset: DataSet, specification: ModelSpecification, seed: bytes, random_bytes: RandomBytes
) -> tuple[Features, Features]:
    """Return the features of the training and of the test samples that decryption would give."""
    quantisation = fit(dataset.x_train, specification.input.bits, dataset.bounds)
    plan = query_plan(specification, seed)
    shape, largest = feature_shape(specification), 2**specification.input.bits - 1
    held = feature_type(largest_feature(specification, plan, largest_value=largest))

    def features(x: Samples) -> Features:
        made = np.empty((len(x), *shape), held)
        # Inner products are int64, of which an image under many filters takes four times its features.
        for rows in batches(len(x), prod(shape)):
            values = with_noise(apply(quantisation, x[rows]).values, specification, random_bytes)
            made[rows] = arrange(inner_products_in_clear(plan, values), specification)
        return made

    return features(dataset.x_train), features(dataset.x_test)
