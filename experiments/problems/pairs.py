"""The networks of Table 2: those over a secure mapping layer, and those over the samples themselves.

The latter, the originals, stand beside one of the former or more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from experiments.problems import tasks
from experiments.problems.data import Layer, Problem, dataset, original, round_seed, secure, split
from experiments.problems.networks import (
    CSML_1_VALID,
    CSML_4,
    QUADRANTS_32,
    QUADRANTS_64,
    cnn_of_projections,
    example,
    iris_mlp,
    mnist_mlp,
    over,
    pixels,
    small_cnn,
    transformer_of_tiles,
    vgg16,
)
from experiments.problems.victims import NO_WHITENING
from experiments.running.environment import REPOSITORY
from experiments.running.records import Size
from pole.learning.data.datasets import DataSet
from pole.learning.training.recipe import TrainingSettings, read_recipe
from pole.protocol.mapping.kinds import Mapping as MappingLayer
from pole.protocol.models.specification import ModelSpecification

SHAPES: Final[Mapping[str, tuple[int, ...]]] = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
FEW: Final = (200, 100)
SEVERAL: Final = (1500, 500)
"""Samples to learn from and to test on in a test of the script."""
ONCE: Final = 1
"""How often a training of up to 67 minutes is made where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A network of Table 2: how to make its problem, and the recipe of each size, epochs included.

    `told` says what is trained, `data` names the published data set that it needs, `seeds` says how often it
    is trained where the experiment's own number is not meant. `original` names the network that it stands
    beside, if any. `paper` is the accuracy of both in percent and the ratio of their times an epoch.
    """

    problem: Callable[[Size, int], Problem]
    recipes: Mapping[Size, TrainingSettings]
    told: Mapping[Size, str]
    data: str | None
    seeds: int | None = None
    original: str | None = None
    paper: tuple[str, str, str] = ("", "", "")


def _iris(size: Size, seed: int) -> Problem:
    return secure(split("iris", seed), Layer(iris_mlp(8), round_seed(seed)))


def _plain_iris(size: Size, seed: int) -> Problem:
    return original(split("iris", seed), iris_mlp(4), (4,))


def _mnist(specification: ModelSpecification, size: Size, seed: int) -> Problem:
    return secure(_whole("mnist", size, SEVERAL), Layer(specification, round_seed(seed)))


def _plain_mnist(size: Size, seed: int) -> Problem:
    return original(_whole("mnist", size, SEVERAL), mnist_mlp(pixels((784,))), (784,))


def _vgg(name: str, mapping: MappingLayer, size: Size, seed: int) -> Problem:
    network = vgg16(SHAPES[name], mapping, narrower=16 if size is Size.QUICK else 1)
    return secure(_whole(name, size, FEW), Layer(network, round_seed(seed)))


def _plain_vgg(name: str, size: Size, seed: int) -> Problem:
    shape = SHAPES[name]
    network = vgg16(shape, pixels(shape), narrower=16 if size is Size.QUICK else 1)
    return original(_whole(name, size, FEW), network, shape)


def _small(name: str, size: Size, seed: int) -> Problem:
    network = small_cnn(SHAPES[name], CSML_4)
    return secure(_whole(name, size, FEW), Layer(network, round_seed(seed)))


def _plain_small(name: str, size: Size, seed: int) -> Problem:
    shape = SHAPES[name]
    return original(_whole(name, size, FEW), small_cnn(shape, pixels(shape)), shape)


def _example(size: Size, seed: int) -> Problem:
    return secure(_whole("cifar10", size, FEW), Layer(example("cifar10"), round_seed(seed)))


def _plain_example(size: Size, seed: int) -> Problem:
    shape = SHAPES["cifar10"]
    network = over(example("cifar10"), pixels(shape))
    return original(_whole("cifar10", size, FEW), network, shape)


def _whole(name: str, size: Size, few: tuple[int, int]) -> DataSet:
    """Return a published data set, in the quick size a part of it."""
    return dataset(name, *few) if size is Size.QUICK else dataset(name)


def _recipes(
    settings: TrainingSettings, quick: int, usual: int, full: int, *, of_few: TrainingSettings | None = None
) -> Mapping[Size, TrainingSettings]:
    """Return a recipe with the epochs of each size; the quick one may need another for few samples."""
    return {
        Size.QUICK: replace(of_few or settings, epochs=quick),
        Size.REDUCED: replace(settings, epochs=usual),
        Size.FULL: replace(settings, epochs=full),
    }


_TEST: Final = {Size.QUICK: "a test of the script: few samples"}
_WHOLE: Final = dict.fromkeys(Size, "all samples") | _TEST
_WIDE: Final = dict.fromkeys(Size, "all images, full width") | {
    Size.QUICK: "a test of the script: 200 images, 1/16 of the width"
}
_DEFAULT: Final = TrainingSettings()
_PERCEPTRON: Final = _recipes(_DEFAULT, 2, 20, 30)
_PLAIN_PERCEPTRON: Final = _recipes(replace(_DEFAULT, whitening_floor=NO_WHITENING, noise=0.0), 2, 20, 30)
_SLOWER: Final = replace(_DEFAULT, learning_rate=2e-3)

_IMAGES: Final = TrainingSettings(
    optimiser="sgd",
    learning_rate=0.4,
    weight_decay=5e-4,
    averaging=0.99,
    shift=2,
    whitening_floor=1e-4,
)
_FEW_STEPS: Final = replace(_IMAGES, batch=25, learning_rate=0.02)
"""Few images are learned in small batches: VGG-16 needs some steps to begin with."""
_DIGITS: Final = _recipes(replace(_IMAGES, learning_rate=0.2), 1, 8, 30, of_few=_FEW_STEPS)
_PHOTOS: Final = _recipes(replace(_IMAGES, flip=True), 1, 12, 60, of_few=_FEW_STEPS)
_EXAMPLE: Final = read_recipe((REPOSITORY / "examples" / "recipes" / "cifar10.toml").read_text())
_EXAMPLES: Final = _recipes(_EXAMPLE, 1, _EXAMPLE.epochs, 2 * _EXAMPLE.epochs, of_few=_FEW_STEPS)
_SMALL_DIGITS: Final = _recipes(tasks.SMALL_CNN, 1, 6, 18)
_SMALL_PHOTOS: Final = _recipes(tasks.SMALL_CNN, 1, 12, 24)

SECURE: Final[Mapping[str, Trained]] = {
    "IRIS, MLP": Trained(
        _iris,
        _recipes(_DEFAULT, 2, 60, 60),
        _WHOLE,
        None,
        original="IRIS, MLP, original",
        paper=("100", "100", "1.58"),
    ),
    "MNIST, MLP, 4x32": Trained(
        partial(_mnist, mnist_mlp(QUADRANTS_32)),
        _PERCEPTRON,
        _WHOLE,
        "mnist",
        original="MNIST, MLP, original",
        paper=("99.90", "99.52", "1.29"),
    ),
    "MNIST, VGG-16 over 4x64": Trained(
        partial(_vgg, "mnist", QUADRANTS_64),
        _DIGITS,
        _WIDE,
        "mnist",
        seeds=ONCE,
        original="MNIST, VGG-16, original",
        paper=("99.70", "99.93", "1.21"),
    ),
    "CIFAR-10, VGG-16 over 3x30x30": Trained(
        partial(_vgg, "cifar10", CSML_1_VALID),
        _PHOTOS,
        _WIDE,
        "cifar10",
        seeds=ONCE,
        original="CIFAR-10, VGG-16, original",
        paper=("91.25", "91.70", "1.31"),
    ),
    "CIFAR-10, VGG-16 over 12x32x32": Trained(
        partial(_vgg, "cifar10", CSML_4),
        _PHOTOS,
        _WIDE,
        "cifar10",
        seeds=ONCE,
        original="CIFAR-10, VGG-16, original",
    ),
    "CIFAR-10, the example over 12x32x32": Trained(
        _example, _EXAMPLES, _WHOLE, "cifar10", seeds=ONCE, original="CIFAR-10, the example, original"
    ),
    "MNIST, VGG-16 over 4x28x28": Trained(
        partial(_vgg, "mnist", CSML_4),
        _DIGITS,
        _WIDE,
        "mnist",
        seeds=ONCE,
        original="MNIST, VGG-16, original",
    ),
    "MNIST, small CNN over 4x28x28": Trained(
        partial(_small, "mnist"), _SMALL_DIGITS, _WHOLE, "mnist", original="MNIST, small CNN, original"
    ),
    "CIFAR-10, small CNN over 12x32x32": Trained(
        partial(_small, "cifar10"), _SMALL_PHOTOS, _WHOLE, "cifar10", original="CIFAR-10, small CNN, original"
    ),
    "MNIST, MLP over 4x64": Trained(
        partial(_mnist, mnist_mlp(QUADRANTS_64)),
        _recipes(_DEFAULT, 2, 30, 30),
        _WHOLE,
        "mnist",
        original="MNIST, MLP, original",
    ),
    "MNIST, transformer over 4x64": Trained(
        partial(_mnist, transformer_of_tiles(QUADRANTS_64)), _recipes(_SLOWER, 2, 20, 30), _WHOLE, "mnist"
    ),
    "MNIST, CNN over 4x64": Trained(
        partial(_mnist, cnn_of_projections(QUADRANTS_64)), _recipes(_DEFAULT, 2, 20, 30), _WHOLE, "mnist"
    ),
}
"""The rows of the table, by what it calls them: the task, the network and what the layer gives it."""

ORIGINALS: Final[Mapping[str, Trained]] = {
    "IRIS, MLP, original": Trained(_plain_iris, _recipes(_DEFAULT, 2, 60, 60), _WHOLE, None),
    "MNIST, MLP, original": Trained(_plain_mnist, _PLAIN_PERCEPTRON, _WHOLE, "mnist"),
    "MNIST, VGG-16, original": Trained(partial(_plain_vgg, "mnist"), _DIGITS, _WIDE, "mnist", seeds=ONCE),
    "CIFAR-10, VGG-16, original": Trained(
        partial(_plain_vgg, "cifar10"), _PHOTOS, _WIDE, "cifar10", seeds=ONCE
    ),
    "CIFAR-10, the example, original": Trained(_plain_example, _EXAMPLES, _WHOLE, "cifar10", seeds=ONCE),
    "MNIST, small CNN, original": Trained(partial(_plain_small, "mnist"), _SMALL_DIGITS, _WHOLE, "mnist"),
    "CIFAR-10, small CNN, original": Trained(
        partial(_plain_small, "cifar10"), _SMALL_PHOTOS, _WHOLE, "cifar10"
    ),
}
