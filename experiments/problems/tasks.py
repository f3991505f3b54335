"""The tasks that training and verification are timed on, the ready ones of examples/ among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from experiments.problems.data import Layer, Problem, dataset, round_seed, secure, split
from experiments.problems.networks import CSML_4, example, small_cnn
from experiments.running.records import Size
from pole.learning.training.recipe import TrainingSettings

DEFAULT: Final = TrainingSettings()
MNIST: Final = {Size.QUICK: (2000, 500), Size.REDUCED: (60_000, 10_000), Size.FULL: (60_000, 10_000)}
IMAGES: Final = {Size.QUICK: (500, 200), Size.REDUCED: (10_000, 10_000), Size.FULL: (None, None)}


@dataclass(frozen=True, slots=True)
class Task:
    """Data under a mapping layer, the training accuracy in percent that is asked for, and a recipe."""

    problem: Callable[[Size, int], Problem]
    required: float
    data: str | None = None
    settings: TrainingSettings = DEFAULT


def _small(name: str, size: Size, seed: int) -> Problem:
    return secure(split(name, seed), Layer(example(f"{name}-mlp"), round_seed(seed)))


def _mnist(size: Size, seed: int) -> Problem:
    return secure(dataset("mnist", *MNIST[size]), Layer(example("mnist-mlp"), round_seed(seed)))


def images(name: str, size: Size, seed: int) -> Problem:
    """Return images under four filters a channel, for a network that a CPU trains to its end."""
    data = dataset(name, *IMAGES[size])
    shape = (1, *data.input_shape)[-3:]
    return secure(data, Layer(small_cnn(shape, CSML_4), round_seed(seed)))


SMALL_CNN: Final = TrainingSettings(batch=250, learning_rate=8e-3, weight_decay=2e-2, epochs=6)

TASKS: Final[Mapping[str, Task]] = {
    "iris, MLP": Task(partial(_small, "iris"), 95),
    "digits, MLP": Task(partial(_small, "digits"), 97),
    "mnist, MLP, 80 %": Task(_mnist, 80, "mnist"),
    "mnist, MLP, 97 %": Task(_mnist, 97, "mnist"),
    "mnist, MLP, 99.5 %": Task(_mnist, 99.5, "mnist"),
    "mnist, CNN, 97 %": Task(partial(images, "mnist"), 97, "mnist", SMALL_CNN),
    "cifar10, CNN, 70 %": Task(partial(images, "cifar10"), 70, "cifar10", SMALL_CNN),
}
EASY: Final = 60.0
"""Percent that the quick size asks for, which has few samples."""
