"""Training and evaluation as the roles see them: samples in, model bytes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pole.learning import model_file
from pole.learning.arrays import PROCESSOR, Place
from pole.learning.canonical import Evaluation, evaluate
from pole.learning.threads import Stop, never
from pole.protocol.model_spec import ModelSpecification


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Decrypted features, integers of the mapping layer's feature shape (n, ...), and labels, int64 (n,).

    The features' type is any that holds them; no result depends on it.
    """

    features: NDArray[np.integer[Any]]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """What to train: on which samples, up to how many correct ones, until when by the worker's clock."""

    specification: ModelSpecification
    seed: bytes
    samples: Samples
    needed: int
    deadline: float


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model file and how many training samples its canonical evaluation gets right."""

    model: bytes
    train_correct: int


class Learner(Protocol):
    """Something that trains; tests use one that does not need torch."""

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`.

        Raises AbandonedError when `stop` came before there was one.
        """


def evaluate_model(
    model: bytes,
    specification: ModelSpecification,
    seed: bytes,
    samples: Samples,
    place: Place = PROCESSOR,
    stop: Stop = never,
) -> Evaluation:
    """Return what a model file predicts on samples, by the canonical evaluation, computed at `place`.

    Raises MalformedModelError when the bytes are no model of this specification and seed, and AbandonedError
    when `stop` says so on the way.
    """
    loaded = model_file.load(model, specification, seed)
    return evaluate(loaded, samples.features, samples.labels, place, stop)
