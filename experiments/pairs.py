"""The networks of Table 2, each twice: over the secure mapping layer and over the samples themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from experiments import tasks
from experiments.data import Layer, Problem, dataset, original, round_seed, secure, split
from experiments.networks import (
    CSML_1_VALID,
    CSML_4,
    QUADRANTS_32,
    QUADRANTS_64,
    iris_mlp,
    mnist_mlp,
    pixels,
    small_cnn,
    vgg16,
)
from experiments.records import Size
from experiments.victims import NO_WHITENING
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.kinds import ConvMapping

MNIST: Final = {Size.QUICK: (1500, 500), Size.REDUCED: (60_000, 10_000), Size.FULL: (60_000, 10_000)}
IMAGES: Final = {Size.QUICK: (200, 100), Size.REDUCED: (10_000, 2000), Size.FULL: (None, None)}
NARROWER: Final = {Size.QUICK: 16, Size.REDUCED: 4, Size.FULL: 1}


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of Table 2: how to make both problems, the epochs, the recipe, and what the paper printed.

    `plain` is the original network's recipe where it does better by another than the secure one. `paper` is
    the secure and the original network's accuracy and the ratio of their times an epoch.
    """

    problems: Callable[[Size, int], tuple[Problem, Problem]]
    epochs: Mapping[Size, int]
    settings: TrainingSettings
    paper: tuple[str, str, str]
    told: Mapping[Size, str]
    data: str | None
    batch: Mapping[Size, int] | None = None
    plain: TrainingSettings | None = None

    def recipes(self, size: Size) -> tuple[TrainingSettings, TrainingSettings]:
        """Return the recipes of the secure and of the original network."""
        both = self.settings, self.plain or self.settings
        if self.batch is None:
            return both
        return replace(both[0], batch=self.batch[size]), replace(both[1], batch=self.batch[size])


def _iris(size: Size, seed: int) -> tuple[Problem, Problem]:
    data = split("iris", seed)
    layer = Layer(iris_mlp(8), round_seed(seed))
    return secure(data, layer), original(data, iris_mlp(4), (4,))


def _mlp(size: Size, seed: int) -> tuple[Problem, Problem]:
    data = dataset("mnist", *MNIST[size])
    layer = Layer(mnist_mlp(QUADRANTS_32), round_seed(seed))
    return secure(data, layer), original(data, mnist_mlp(pixels((784,))), (784,))


def _tiled(size: Size, seed: int) -> tuple[Problem, Problem]:
    """Return MNIST as four quadrants of 64 features, laid out row by row as an image of 16x16."""
    data, shape = dataset("mnist", *IMAGES[size]), (1, 28, 28)
    tiled = vgg16(shape, QUADRANTS_64, narrower=NARROWER[size])
    plain = vgg16(shape, pixels(shape), narrower=NARROWER[size])
    return secure(data, Layer(tiled, round_seed(seed))), original(data, plain, shape)


def _filtered(mapping: ConvMapping, size: Size, seed: int) -> tuple[Problem, Problem]:
    """Return CIFAR-10 under filters."""
    data = dataset("cifar10", *IMAGES[size])
    shape, narrower = (3, 32, 32), NARROWER[size]
    layer = Layer(vgg16(shape, mapping, narrower=narrower), round_seed(seed))
    return secure(data, layer), original(data, vgg16(shape, pixels(shape), narrower=narrower), shape)


def _small(name: str, size: Size, seed: int) -> tuple[Problem, Problem]:
    data = dataset(name, *tasks.IMAGES[size])
    shape = (1, *data.input_shape)[-3:]
    return tasks.images(name, size, seed), original(data, small_cnn(shape, pixels(shape)), shape)


_WHOLE: Final = dict.fromkeys(Size, "all samples") | {
    Size.QUICK: "a test of the script: few samples, 2 epochs"
}
_VGG: Final = {
    Size.QUICK: "a test of the script: 1/16 of the width, 200 images, 1 epoch",
    Size.REDUCED: "reduced: 1/4 of the width, 10,000 images, 8 epochs",
    Size.FULL: "full width, all images",
}
_CNN: Final = {
    Size.QUICK: "a test of the script: 500 images, 1 epoch",
    Size.REDUCED: "reduced: 10,000 images, 12 epochs",
    Size.FULL: "all images",
}
_IMAGES: Final = TrainingSettings(learning_rate=2e-3, weight_decay=0.05, shift=2)
_BATCH: Final = {Size.QUICK: 25, Size.REDUCED: 125, Size.FULL: 500}
"""Fewer images of VGG-16 are learned in smaller batches: it needs some hundred steps to begin with."""

PAIRS: Final[Mapping[str, Pair]] = {
    "IRIS, MLP": Pair(
        _iris,
        {Size.QUICK: 2, Size.REDUCED: 60, Size.FULL: 60},
        TrainingSettings(),
        ("100", "100", "1.58"),
        _WHOLE,
        None,
    ),
    "MNIST, MLP, 4x32": Pair(
        _mlp,
        {Size.QUICK: 2, Size.REDUCED: 20, Size.FULL: 30},
        TrainingSettings(),
        ("99.90", "99.52", "1.29"),
        _WHOLE,
        "mnist",
        plain=TrainingSettings(whitening_floor=NO_WHITENING, noise=0.0),
    ),
    "MNIST, VGG-16, 4x64 as 16x16": Pair(
        _tiled,
        {Size.QUICK: 1, Size.REDUCED: 8, Size.FULL: 30},
        replace(_IMAGES, noise=0.0),
        ("99.70", "99.93", "1.21"),
        _VGG,
        "mnist",
        _BATCH,
    ),
    "CIFAR-10, VGG-16, 3x30x30": Pair(
        partial(_filtered, CSML_1_VALID),
        {Size.QUICK: 1, Size.REDUCED: 8, Size.FULL: 60},
        replace(_IMAGES, shift=4),
        ("91.25", "91.70", "1.31"),
        _VGG,
        "cifar10",
        _BATCH,
    ),
    "CIFAR-10, VGG-16, 4 filters, zero padding": Pair(
        partial(_filtered, CSML_4),
        {Size.QUICK: 1, Size.REDUCED: 8, Size.FULL: 60},
        replace(_IMAGES, shift=4),
        ("", "", ""),
        _VGG,
        "cifar10",
        _BATCH,
    ),
    "MNIST, small CNN, 4 filters": Pair(
        partial(_small, "mnist"),
        {Size.QUICK: 1, Size.REDUCED: 12, Size.FULL: 12},
        tasks.SMALL_CNN,
        ("", "", ""),
        _CNN,
        "mnist",
    ),
    "CIFAR-10, small CNN, 4 filters": Pair(
        partial(_small, "cifar10"),
        {Size.QUICK: 1, Size.REDUCED: 12, Size.FULL: 24},
        tasks.SMALL_CNN,
        ("", "", ""),
        _CNN,
        "cifar10",
    ),
}
