"""The mapping layers that are attacked, and models trained on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from experiments.problems.data import Layer, Problem, dataset, secure, unseen_features
from experiments.problems.learning import Learned, accuracy, learn
from experiments.problems.networks import CSML_4, QUADRANTS_32, mnist_mlp, small_cnn
from experiments.running.records import Size
from pole.learning.data.datasets import DataSet
from pole.learning.training.recipe import TrainingSettings
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping
from pole.protocol.models.specification import ModelSpecification

SAMPLES: Final = {Size.QUICK: (2000, 1000), Size.REDUCED: (60_000, 10_000), Size.FULL: (60_000, 10_000)}
IMAGE_SAMPLES: Final = {Size.QUICK: (500, 200), Size.REDUCED: (10_000, 2000), Size.FULL: (60_000, 10_000)}
EPOCHS: Final = {Size.QUICK: 3, Size.REDUCED: 6, Size.FULL: 10}
DEFAULT: Final = TrainingSettings()
NO_WHITENING: Final = 1.0
"""As a floor of the eigenvalues it leaves every direction as it is."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A mapping layer of MNIST under a network; `signed` centres the digits of the query vectors around 0."""

    specification: ModelSpecification
    signed: bool = False
    settings: TrainingSettings = DEFAULT

    @property
    def is_image(self) -> bool:
        """Return whether features are images."""
        return isinstance(self.specification.mapping, ConvMapping)

    def data(self, size: Size) -> DataSet:
        """Return as much of MNIST as the size asks for."""
        return dataset("mnist", *(IMAGE_SAMPLES if self.is_image else SAMPLES)[size])

    def layer(self, seed: bytes) -> Layer:
        """Return the layer under a seed."""
        return Layer(self.specification, seed, self.signed)

    def problem(self, size: Size, seed: bytes) -> Problem:
        """Return MNIST under the layer of a seed."""
        return secure(self.data(size), self.layer(seed))

    def test_accuracy(self, size: Size, victim: Learned, seed: bytes) -> float:
        """Return a model's accuracy in percent on the test features of a seed's layer."""
        data = self.data(size)
        return accuracy(victim.model, unseen_features(data, self.layer(seed)), data.y_test)

    def train(self, size: Size, problem: Problem, random_seed: int) -> Learned:
        """Return a model trained on the problem."""
        return learn(problem, self.settings, epochs=EPOCHS[size], random_seed=random_seed)


def _cnn(**mapping: Any) -> ModelSpecification:
    return small_cnn((28, 28), ConvMapping(**{"bits": 3, "queries": 1, "kernel": (3, 3), **mapping}))


PAPER: Final[Mapping[str, Variant]] = {
    "blocks 4x32": Variant(mnist_mlp(QUADRANTS_32)),
    "linear 128": Variant(mnist_mlp(LinearMapping(bits=3, queries=128))),
    "conv 3x3 L=1": Variant(_cnn()),
    "conv 3x3 L=4": Variant(small_cnn((28, 28), CSML_4)),
}
"""The kinds of layer that a specification can name."""

_STANDARDISED: Final = TrainingSettings(whitening_floor=NO_WHITENING, noise=0.0)
BETTER: Final[Mapping[str, Variant]] = {
    "blocks 4x32, not whitened": Variant(mnist_mlp(QUADRANTS_32), settings=_STANDARDISED),
    "blocks 4x32, k=1": Variant(mnist_mlp(BlocksMapping(bits=1, queries=32, tile=(14, 14)))),
    "blocks 4x32, k=8": Variant(mnist_mlp(BlocksMapping(bits=8, queries=32, tile=(14, 14)))),
    "blocks 4x32, signed": Variant(mnist_mlp(QUADRANTS_32), signed=True),
    "blocks 4x8": Variant(mnist_mlp(BlocksMapping(bits=3, queries=8, tile=(14, 14)))),
    "linear 32": Variant(mnist_mlp(LinearMapping(bits=3, queries=32))),
    "conv 3x3 L=1, signed": Variant(_cnn(), signed=True),
    "conv 3x3 L=4, not whitened": Variant(small_cnn((28, 28), CSML_4), settings=_STANDARDISED),
    "conv 3x3 L=4, signed": Variant(small_cnn((28, 28), CSML_4), signed=True),
    "conv 7x7 L=1": Variant(_cnn(kernel=(7, 7))),
    "conv 7x7 L=4, signed": Variant(_cnn(queries=4, kernel=(7, 7)), signed=True),
}
"""Settings that might resist better."""
