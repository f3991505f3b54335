"""The interface of learners that users write (docs/learners.md), version 1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pole.learning.evaluation.canonical import CanonicalModel
from pole.learning.networks.network import Network
from pole.learning.training.losses import Loss
from pole.protocol.models.specification import ModelSpecification

INTERFACE: Final = 1


class Note(Protocol):
    """Takes how an epoch of training went; it returns at once."""

    def __call__(self, epoch: int, loss: float, learning_rate: float | None = None) -> None:
        """Keep an epoch's number, from 1, its mean loss, and the learning rate."""


Result = nn.Module | Mapping[str, Tensor] | CanonicalModel


@dataclass(frozen=True, slots=True, eq=False)
class TrainingJob:
    """What a learner is given.

    `inputs`, float32 (n, *feature_shape), and `targets`, int64 (n,), are what `network` learns, all on
    `device`; `features` are the integers that `inputs` were made of, `labels` the targets as an array.
    `network` is a new one of the `specification`, `loss` what suits its metric, of logits and targets.
    The round asks for a score of `needed`; the highest is n. `folder` is kept for this round: checkpoints
    are found there again after a restart.

    `seconds_left()` counts down to 0, and `stop()` is true from then on, or once the round is over.
    `note(epoch, loss, learning_rate)` keeps how an epoch went, for the worker's owner to look at; it raises
    InputError for what is no number. `report(result)` has a model evaluated exactly, keeps it if it is the
    best so far, and returns its score; it raises InputError for what is no model of the specification.
    """

    specification: ModelSpecification
    seed: bytes
    features: NDArray[np.integer[Any]]
    labels: NDArray[np.int64]
    inputs: Tensor
    targets: Tensor
    network: Network
    loss: Loss
    needed: int
    device: torch.device
    folder: Path
    seconds_left: Callable[[], float]
    stop: Callable[[], bool]
    report: Callable[[Result], int]
    note: Note


class UserLearner(Protocol):
    """What a user's class offers; it is made without arguments, anew for every round."""

    interface: int

    def train(self, job: TrainingJob) -> Result | None:
        """Return a module of the network, its state, or a canonical model; None for the best report."""
