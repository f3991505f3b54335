"""Training a problem with the miner's own recipe for a given number of epochs, and watching it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.problems.data import Features, Problem
from experiments.running.progress import now_and_then, of_training
from pole.learning.evaluation.arrays import place_of
from pole.learning.evaluation.canonical import CanonicalModel, evaluate
from pole.learning.evaluation.features import normalised, whiten
from pole.learning.machine.threads import never
from pole.learning.networks.network import Network
from pole.learning.training.checkpoint import NO_CHECKPOINTS, Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import pick_device, train
from pole.learning.training.training_data import TrainingData, TrainingTask, prepare
from pole.learning.training.training_run import Progress

AT_ONCE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A trained model, its accuracies in percent by canonical evaluation, and the network it was made of."""

    model: CanonicalModel
    train: float
    test: float
    network: Network


def learn(
    problem: Problem,
    settings: TrainingSettings,
    *,
    epochs: int,
    random_seed: int,
    report: Callable[[Progress], None] = lambda _: None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Learned:
    """Train one cycle of `epochs` epochs; `report` is called after each, at nobody's expense."""
    show = of_training(epochs, now_and_then())

    def listen(progress: Progress) -> None:
        report(progress)
        show(progress)

    result = train(
        task_of(problem, replace(settings, epochs=epochs, steps=1)),
        # No correct label is asked for: the first cycle is the last.
        StopRule(0, float("inf"), clock_of_process, never),
        random_seed=random_seed,
        device=pick_device(),
        report=listen,
        checkpoints=checkpoints,
    )
    model, correct = result.candidate.model, result.candidate.evaluation.correct
    return Learned(
        model,
        100 * correct / len(problem.y_train),
        accuracy(model, problem.x_test, problem.y_test),
        result.network,
    )


def clock_of_process() -> float:
    """Return seconds on the wall once a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def accuracy(model: CanonicalModel, features: Features, labels: NDArray[np.int64]) -> float:
    """Return the percentage that a model gets right by canonical evaluation."""
    return 100 * evaluate(model, features, labels, place_of(pick_device())).correct / len(labels)


def task_of(problem: Problem, settings: TrainingSettings) -> TrainingTask:
    """Return what a training with these settings is given of a problem."""
    return TrainingTask(problem.specification, problem.seed, problem.x_train, problem.y_train, settings)


def data_of(problem: Problem, settings: TrainingSettings) -> TrainingData:
    """Return a problem's training data as a training prepares them."""
    return prepare(task_of(problem, settings), pick_device())


def inputs_of(features: Features, data: TrainingData) -> Tensor:
    """Return other features (n, ...) as a network sees them that was trained on `data`."""
    values = normalised(features, data.feature_map)
    return torch.from_numpy(values if data.whitening is None else whiten(values, data.whitening))


@torch.no_grad()
def network_accuracy(network: Network, inputs: Tensor, labels: NDArray[Any]) -> float:
    """Return the percentage that the torch network gets right, in float32 without dropout."""
    device = next(network.parameters()).device
    network.eval()
    correct = 0
    for start in range(0, len(labels), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        predicted = network(inputs[rows].to(device)).argmax(dim=1).cpu().numpy()
        correct += int(np.count_nonzero(predicted == labels[rows]))
    return 100 * correct / len(labels)
