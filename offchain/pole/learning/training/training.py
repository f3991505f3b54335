"""Training a network on features, with the three ways to stop of the paper's Algorithm 1."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from pole.errors import AbandonedError, InputError
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.learning.networks.network import Network
from pole.learning.parallel.ranks import ALONE, Ranks
from pole.learning.training.checkpoint import NO_CHECKPOINTS, Checkpoints
from pole.learning.training.stopping import StopReason, StopRule
from pole.learning.training.training_data import TrainingData, TrainingTask, prepare, with_samples
from pole.learning.training.training_run import Candidate, Progress, begin_or_resume
from pole.protocol.mapping.layer import feature_shape


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """The best candidate, what a model would be made of at the end, why training ended, and what it took."""

    candidate: Candidate
    network: Network
    reason: StopReason
    epochs: int
    seconds: float


def pick_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    task: TrainingTask,
    rule: StopRule,
    *,
    random_seed: int,
    device: torch.device,
    report: Callable[[Progress], None] = lambda _: None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    ranks: Ranks = ALONE,
) -> TrainingResult:
    """Return the best model found for a task before the rule says stop.

    On a CPU the result depends on `random_seed` and the thread count alone, unless time runs short, also
    where the training was killed and goes on from a checkpoint. Of several `ranks` this is rank 0. An epoch
    is reported as it ends. `deadline` is kept with the last evaluation counted in. Raises InputError for data
    that do not fit the specification, MalformedModelError when no finite model came out, AbandonedError when
    `stop` came before a first model was judged, and IntegrityError for a damaged checkpoint.
    """
    _require_fitting(task)
    started = rule.clock()
    data = _with_samples_in_time(prepare(task, device), rule)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(random_seed)
        run = begin_or_resume(
            data, rule, report=report, started=started, checkpoints=checkpoints, ranks=ranks
        )
        reason = run.until_stopped()
    if run.best is None and rule.stop():
        raise AbandonedError("The training was stopped before it had a model.")
    if run.best is None:
        raise MalformedModelError("Training gave no finite model; train again with a lower learning rate.")
    return TrainingResult(run.best, run.shipped, reason, run.epochs, rule.clock() - started)


def _with_samples_in_time(data: TrainingData, rule: StopRule) -> TrainingData:
    """Return the data with samples for features; as they are where the deadline comes before that is done."""
    try:
        return with_samples(data, lambda: rule.stop() or rule.clock() >= rule.deadline)
    except AbandonedError:
        if rule.stop():
            raise
        return data


def _require_fitting(task: TrainingTask) -> None:
    features, labels, specification = task.features, task.labels, task.specification
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
