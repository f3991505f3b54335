"""Training as the roles see it: samples in, model bytes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pole.errors import PoleError
from pole.protocol.models.specification import ModelSpecification
from pole.roles.receiving.samples import Samples
from pole.roles.training.history.trainings import Check


def unheeded(_: Check) -> None:
    """Do nothing with a check."""


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """What to train: on which samples, up to how many correct ones, until when by the worker's clock.

    `note` is told how the training goes, epoch by epoch; it returns soon, and raises nothing.
    """

    specification: ModelSpecification
    seed: bytes
    samples: Samples
    needed: int
    deadline: float
    note: Callable[[Check], None] = unheeded


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model file and how many training samples its canonical evaluation gets right."""

    model: bytes
    train_correct: int


def better(older: Trained | None, newer: Trained | None) -> Trained | None:
    """Return the one that gets more training samples right, the newer of equal ones; None where both are."""
    if older is None or newer is None:
        return older or newer
    return newer if newer.train_correct >= older.train_correct else older


class LearnerError(PoleError):
    """A learner found no model, for a reason that trying again in the same round would not change."""


class Learner(Protocol):
    """Something that trains; tests use one that does not need torch."""

    def train(self, assignment: Assignment, *, stop: Callable[[], bool]) -> Trained:
        """Return the best model found until the goal, the deadline, or `stop`.

        Raises AbandonedError when `stop` came before there was one, LearnerError when there will be none.
        """
