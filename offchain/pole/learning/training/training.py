"""Training a network on features, with the three ways to stop of the paper's Algorithm 1."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pole.errors import AbandonedError, InputError
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.networks.network import Network
from pole.learning.training.checkpoint import NO_CHECKPOINTS, Checkpoints
from pole.learning.training.recipe import TrainingSettings
from pole.learning.training.training_data import prepare
from pole.learning.training.training_run import Candidate, Progress, StopReason, StopRule, TrainingRun
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """The best candidate, the network as it stands at the end, why training ended, and what it took."""

    candidate: Candidate
    network: Network
    reason: StopReason
    epochs: int
    seconds: float


def pick_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    features: NDArray[np.integer[Any]],
    labels: NDArray[np.int64],
    specification: ModelSpecification,
    settings: TrainingSettings,
    rule: StopRule,
    *,
    seed: bytes,
    random_seed: int,
    device: torch.device,
    report: Callable[[Progress], None],
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> TrainingResult:
    """Return the best model found on features (n, *feature_shape) and labels (n,) before the rule says stop.

    `seed` is the round's, written into the model. On a CPU the result depends on `random_seed` and the
    thread count alone, unless time runs short, also where the training was killed and goes on from a
    checkpoint. An epoch is reported as it ends. `deadline` is kept with the last evaluation counted in.
    Raises InputError for data that do not fit the specification, MalformedModelError when no finite model
    came out, AbandonedError when `stop` came before a first model was judged, and IntegrityError for a
    damaged checkpoint.
    """
    _demand_fitting(features, labels, specification)
    started = rule.clock()
    data = prepare(features, labels, specification, floor=settings.whitening_floor, device=device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(random_seed)
        run = TrainingRun(data, specification, settings, seed, rule, report, started, checkpoints)
        reason = run.until_stopped()
    if run.best is None and rule.stop():
        raise AbandonedError("The training was stopped before it had a model.")
    if run.best is None:
        raise MalformedModelError("Training gave no finite model; train again with a lower learning rate.")
    return TrainingResult(run.best, run.network, reason, run.epochs, rule.clock() - started)


def _demand_fitting(
    features: NDArray[np.integer[Any]], labels: NDArray[np.int64], specification: ModelSpecification
) -> None:
    expected = feature_shape(specification)
    if features.shape[1:] != expected or labels.shape != features.shape[:1] or len(features) < 2:
        raise InputError(
            f"Features {features.shape} and labels {labels.shape} do not fit the specification, which "
            "needs two or more "
            f"samples of shape {expected}; compute them with its own mapping layer."
        )
    if int(labels.min()) < 0 or int(labels.max()) >= specification.classes:
        raise InputError(
            f"The labels run from {labels.min()} to {labels.max()}, but the specification has "
            f"{specification.classes} "
            "classes, counted from 0; correct the labels or the specification."
        )
