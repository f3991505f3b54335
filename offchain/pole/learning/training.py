"""Training a network on features, with the three ways to stop of the paper's Algorithm 1.

A cycle is one warm-up and one cosine decay of the learning rate (AdamW). Cycles follow each other, each
twice as long as the last, until the training accuracy that the task requires is reached, the round accepts
no more solutions, or time is up. What counts is never the torch network but the canonical model made of it:
that is evaluated, and the best one is kept.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pole.errors import InputError
from pole.learning.adamw import AdamW
from pole.learning.canonical import CanonicalModel, Evaluation, evaluate
from pole.learning.export import to_canonical
from pole.learning.fixed_point import MalformedModelError
from pole.learning.network import Network
from pole.learning.training_data import TrainingData, prepare
from pole.protocol.mapping_layer import feature_shape
from pole.protocol.model_spec import ModelSpecification

WARM_UP: Final = 0.2
TIME_TOLERANCE: Final = 0.05
SECOND: Final = 1.0
SMALLEST_BATCH: Final = 16
BATCHES_IN_AN_EPOCH: Final = 8


class StopReason(Enum):
    """Why training ended (Algorithm 1)."""

    THRESHOLD = "the required training accuracy is reached"
    ROUND = "the round accepts no more solutions"
    TIME = "the time limit is reached"


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The miner's own choices; the defaults suit a hundred samples as well as tens of thousands.

    The first cycle has at least `epochs` epochs and at least `steps` batches. A batch has at most `batch`
    samples, fewer where an epoch would have less than eight batches. `noise` is the standard deviation of
    the noise added to whitened features; it and `label_smoothing` are for the first cycle only.
    `whitening_floor` is the smallest eigenvalue, as a part of the largest, that whitening brings up to
    variance 1.
    """

    epochs: int = 10
    steps: int = 400
    batch: int = 500
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    noise: float = 0.2
    whitening_floor: float = 1e-3


@dataclass(frozen=True, slots=True)
class StopRule:
    """When to stop: `required_correct` training labels reached, `stop()` true, or `clock()` at `deadline`.

    The clock counts seconds of any epoch; a deadline of infinity is none. Both functions are called before
    every batch, so they must not wait for anything.
    """

    required_correct: int
    deadline: float
    clock: Callable[[], float]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A canonical model and its evaluation on the training set."""

    model: CanonicalModel
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """An epoch of training: its mean loss, the seconds since the start, the best candidate so far, if any."""

    epoch: int
    loss: float
    seconds: float
    best: Candidate | None


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """The best candidate, why training ended, and what it took."""

    candidate: Candidate
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
) -> TrainingResult:
    """Return the best model found on features (n, *feature_shape) and labels (n,) before the rule says stop.

    `seed` is the round's, written into the model. On a CPU the result depends on `random_seed` and the
    thread count alone, unless time runs short. An epoch is reported as it ends. `deadline` is kept with the
    last evaluation counted in. Raises InputError for data that do not fit the specification and
    MalformedModelError when no finite model came out.
    """
    _demand_fitting(features, labels, specification)
    started = rule.clock()
    data = prepare(features, labels, specification, floor=settings.whitening_floor, device=device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(random_seed)
        run = _Run(data, specification, seed, rule, report, started)
        reason = run.until_stopped(settings)
    if run.best is None:
        raise MalformedModelError("Training gave no finite model; train again with a lower learning rate.")
    return TrainingResult(run.best, reason, run.epochs, rule.clock() - started)


class _Run:
    """One training from start to stop; it holds the network and the best candidate."""

    def __init__(
        self,
        data: TrainingData,
        specification: ModelSpecification,
        seed: bytes,
        rule: StopRule,
        report: Callable[[Progress], None],
        started: float,
    ) -> None:
        self.data, self.specification, self.seed = data, specification, seed
        self.rule, self.report, self.started = rule, report, started
        self.network = Network(specification).to(data.inputs.device)
        self.best: Candidate | None = None
        self.epochs = 0
        self.evaluation_seconds = 0.0

    def until_stopped(self, settings: TrainingSettings) -> StopReason:
        """Run cycle after cycle."""
        batches = _batch_count(len(self.data.inputs), settings.batch)
        epochs = max(settings.epochs, math.ceil(settings.steps / batches))
        while True:
            reason = self._cycle(settings, epochs, batches)
            if reason is not None:
                return reason
            if not all(bool(torch.isfinite(parameter).all()) for parameter in self.network.parameters()):
                self.network = Network(self.specification).to(self.data.inputs.device)
                settings = replace(settings, learning_rate=settings.learning_rate / 4)
            settings = replace(settings, label_smoothing=0.0, noise=0.0)
            epochs *= 2

    def _cycle(self, settings: TrainingSettings, epochs: int, batches: int) -> StopReason | None:
        optimiser = AdamW(self.network.parameters(), weight_decay=settings.weight_decay)
        loss_of = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
        begun = self.rule.clock()
        for epoch in range(1, epochs + 1):
            total = torch.zeros((), device=self.data.inputs.device)
            for number, rows in enumerate(_shuffled(len(self.data.inputs), batches)):
                reason = self._reason_to_stop()
                if reason is not None:
                    self._judge_in_time()
                    return reason
                done = (epoch - 1 + number / batches) / epochs
                rate = settings.learning_rate * _rate(max(done, self._part_of_time(begun) - TIME_TOLERANCE))
                total += self._step(optimiser, loss_of, rows, rate, settings.noise)
            self.epochs += 1
            if epoch == epochs or epoch & (epoch - 1) == 0:
                self._judge_in_time()
            seconds = self.rule.clock() - self.started
            self.report(Progress(self.epochs, float(total) / batches, seconds, self.best))
        return StopReason.THRESHOLD if self._threshold_reached() else None

    def _step(self, optimiser: AdamW, loss_of: nn.Module, rows: Tensor, rate: float, noise: float) -> Tensor:
        rows = rows.to(self.data.inputs.device)
        inputs = self.data.inputs[rows]
        if noise > 0:
            inputs = inputs + noise * torch.randn_like(inputs)
        self.network.train()
        loss: Tensor = loss_of(self.network(inputs), self.data.labels[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(rate)
        return loss.detach()

    def _judge_in_time(self) -> None:
        """Judge the network unless that would end after the deadline and there is a candidate already."""
        end = self.rule.clock() + self.evaluation_seconds
        if self.best is None or end <= self.rule.deadline + SECOND:
            self._judge()

    def _judge(self) -> None:
        """Evaluate the network as it would be shipped, and keep it if no candidate is better."""
        begun = self.rule.clock()
        try:
            model = to_canonical(
                self.network, self.specification, self.seed, self.data.feature_map, self.data.whitening
            )
        except MalformedModelError:
            # Diverged: the next cycle starts anew, and the report shows the loss.
            return
        evaluation = evaluate(model, self.data.features, self.data.truth)
        if self.best is None or evaluation.correct >= self.best.evaluation.correct:
            self.best = Candidate(model, evaluation)
        self.evaluation_seconds = self.rule.clock() - begun

    def _reason_to_stop(self) -> StopReason | None:
        if self.rule.stop():
            return StopReason.ROUND
        if self.rule.clock() + self.evaluation_seconds >= self.rule.deadline:
            return StopReason.TIME
        return None

    def _threshold_reached(self) -> bool:
        return self.best is not None and self.best.evaluation.correct >= self.rule.required_correct

    def _part_of_time(self, begun: float) -> float:
        """Return how much of the time to the deadline a cycle has used, so that the rate decays before it."""
        left = self.rule.deadline - begun
        return (self.rule.clock() - begun) / left if left > 0 else 1.0


def _rate(progress: float) -> float:
    """Return the learning rate's factor at a part of a cycle: linear warm-up, then cosine decay."""
    if progress < WARM_UP:
        return 0.05 + 0.95 * max(progress, 0.0) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min((progress - WARM_UP) / (1 - WARM_UP), 1.0)))


def _batch_count(samples: int, largest: int) -> int:
    size = min(largest, max(SMALLEST_BATCH, samples // BATCHES_IN_AN_EPOCH))
    return math.ceil(samples / size)


def _shuffled(samples: int, batches: int) -> Iterator[Tensor]:
    # Nearly equal parts: BatchNorm cannot learn from a last batch of one sample.
    yield from torch.tensor_split(torch.randperm(samples), batches)


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
