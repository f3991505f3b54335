"""What exact evaluation costs by code path, and beside a training.

    python -m benchmarks.learning.evaluation [seeds]

Claim: the native kernel evaluates small CNNs at least four times as fast as float64, MLPs no slower, with the
same predictions; evaluating all samples should take no more than a thirtieth of ten epochs of training them.
Trains ten epochs on a part of each data set, then evaluates the model on training and test set, by float64
and the code paths in turn. n: the median of 3 runs each, and of 3 seeds; the spread is half the distance
between the smallest and the largest. Processor seconds of one thread. MNIST and CIFAR-10 have to be there
(`pole data fetch mnist cifar10`). Hardware: one core of whatever it runs on.
"""

import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scripts.contracts.sources import ROOT

from pole.cli.common.training import use_threads
from pole.errors import InputError
from pole.learning.data import datasets
from pole.learning.data.quantisation import apply, fit
from pole.learning.evaluation.arrays import PROCESSOR, Place
from pole.learning.evaluation.canonical import CanonicalModel, evaluate
from pole.learning.evaluation.convolutions import PATHS, PORTABLE
from pole.learning.machine.threads import never
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.stopping import StopRule
from pole.learning.training.training import train
from pole.learning.training.training_data import TrainingTask
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.models import layers as kinds
from pole.protocol.models.specification import (
    MAX_MODEL_BYTES,
    MAX_PARAMETERS,
    Input,
    ModelSpecification,
    parse_specification,
)

SEEDS, RUNS, EPOCHS = 3, 3, 10
Features = NDArray[np.integer[Any]]
FLOAT64 = "float64"
PLACES: dict[str, Place] = {
    FLOAT64: replace(PROCESSOR, path=None),
    **{name: replace(PROCESSOR, path=name) for name in PATHS if name != PORTABLE},
}
CNN_SETTINGS = TrainingSettings(
    batch=250, learning_rate=8e-3, weight_decay=2e-2, label_smoothing=0.1, epochs=EPOCHS, steps=1
)
MLP_SETTINGS = TrainingSettings(epochs=EPOCHS, steps=1)


def cnn(shape: tuple[int, ...]) -> ModelSpecification:
    """The small network of docs/results.md, over four filters a channel."""
    return ModelSpecification(
        input=Input(shape=shape, bits=8),
        mapping=ConvMapping(bits=3, queries=4, kernel=(3, 3), padding="same"),
        graph=(
            kinds.Conv2d(name="conv1", out_channels=24, kernel_size=5, padding=2, bias=False),
            kinds.BatchNorm2d(name="norm1"),
            kinds.ReLU(name="relu1"),
            kinds.MaxPool2d(name="pool1", kernel_size=2),
            kinds.Conv2d(name="conv2", out_channels=32, kernel_size=3, padding=1, bias=False),
            kinds.BatchNorm2d(name="norm2"),
            kinds.ReLU(name="relu2"),
            kinds.MaxPool2d(name="pool2", kernel_size=2),
            kinds.Flatten(name="flat"),
            kinds.Linear(name="hidden", out_features=256, bias=False),
            kinds.BatchNorm1d(name="norm3"),
            kinds.ReLU(name="relu3"),
            kinds.Linear(name="logits", out_features=10),
        ),
        classes=10,
        max_parameters=MAX_PARAMETERS,
        max_bytes=MAX_MODEL_BYTES,
    )


def mlp(name: str) -> ModelSpecification:
    return parse_specification((ROOT / "examples" / f"{name}-mlp.json").read_bytes())


CASES = (
    ("digits, MLP", "digits", mlp("digits"), MLP_SETTINGS, (1438, 359)),
    ("mnist, MLP", "mnist", mlp("mnist"), MLP_SETTINGS, (6000, 1000)),
    ("mnist, CNN", "mnist", cnn((1, 28, 28)), CNN_SETTINGS, (3000, 500)),
    ("cifar10, CNN", "cifar10", cnn((3, 32, 32)), CNN_SETTINGS, (1000, 1000)),
)


def problem(
    name: str, specification: ModelSpecification, counts: tuple[int, int], seed: bytes
) -> tuple[Features, Features, NDArray[np.int64], NDArray[np.int64]]:
    """Features of training and test samples, as decryption gives them, and their labels."""
    whole = datasets.load(name, datasets.data_directory(os.environ, Path.cwd()))
    data = datasets.subset(whole, *counts, 0)
    plan, fitted = query_plan(specification, seed), fit(data.x_train, specification.input.bits)
    found = [
        arrange(inner_products_in_clear(plan, apply(fitted, x).values), specification).astype(np.int32)
        for x in (data.x_train, data.x_test)
    ]
    return found[0], found[1], data.y_train, data.y_test


def measure(case: tuple[str, str, ModelSpecification, TrainingSettings, tuple[int, int]], number: int) -> Any:
    """Seconds of ten epochs, and of evaluating both sets by each path."""
    _, data, specification, settings, counts = case
    seed = keccak256(number.to_bytes(32, "big"))
    x_train, x_test, y_train, y_test = problem(data, specification, counts, seed)
    begun = time.process_time()
    model = train(
        TrainingTask(specification, seed, x_train, y_train, settings),
        StopRule(0, float("inf"), time.process_time, never),
        random_seed=number,
        device=torch.device("cpu"),
    ).candidate.model
    training = time.process_time() - begun
    return training, evaluations(model, ((x_train, y_train), (x_test, y_test)))


def evaluations(
    model: CanonicalModel, sets: Sequence[tuple[Features, NDArray[np.int64]]]
) -> dict[str, float]:
    """The median seconds by each path; all of them must predict alike."""
    seconds: dict[str, list[float]] = {name: [] for name in PLACES}
    for _ in range(RUNS):
        predicted = {}
        for name, place in PLACES.items():
            begun = time.process_time()
            found = [evaluate(model, x, y, place).predictions for x, y in sets]
            seconds[name].append(time.process_time() - begun)
            predicted[name] = np.concatenate(found)
        assert all(np.array_equal(predicted[FLOAT64], other) for other in predicted.values())
    return {name: statistics.median(found) for name, found in seconds.items()}


def spread(values: Sequence[float], digits: int, unit: str = "") -> str:
    half = (max(values) - min(values)) / 2
    return f"{statistics.median(values):.{digits}f}{unit} ± {half:.{digits}f}"


def main() -> None:
    use_threads(1)
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS))
    print("| network | training s | code path | evaluating s | float64 takes | of the training |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        try:
            found = [measure(case, seed) for seed in seeds]
        except InputError as error:
            print(f"{case[0]} is left out: {error}", file=sys.stderr)
            continue
        for path in PLACES:
            seconds = [each[path] for _, each in found]
            ratios = [each[FLOAT64] / each[path] for _, each in found]
            shares = [100 * each[path] / training for training, each in found]
            cells = [case[0], spread([training for training, _ in found], 1), path, spread(seconds, 3)]
            cells += [f"{spread(ratios, 2)} times", spread(shares, 2, " %")]
            print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\nPeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
