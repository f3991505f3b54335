"""How good a model is on samples whose labels are known: by class and by confidence, or by its residuals."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.preparation import NumberTarget
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.models.metrics import readings, score

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

BINS: Final = 10
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class ClassReport:
    """One class: its name, how many samples have it, and how well it is found."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """Samples whose predicted class has a probability from `low` to `high`: how often it is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What classes are found how well.

    `confusion` (classes, classes) counts samples by their class, then by the predicted one. `error` is the
    expected calibration error: the mean distance of confidence and accuracy, weighted by samples.
    """

    accuracy: float
    macro_f1: float
    classes: tuple[ClassReport, ...]
    confusion: Integers
    calibration: tuple[ConfidenceBin, ...]
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """How far predictions are from the truth, in `unit`: `residuals` (n,) are predictions less truths."""

    unit: str
    mean_absolute_error: float
    root_mean_square_error: float
    explained: float
    bias: float
    quantiles: tuple[float, ...]
    truths: Reals
    residuals: Reals


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A model's quality on `count` samples: `score` of the task's metric, as a committee counts it."""

    count: int
    score: int
    skipped: int
    quality: Classification | Regression


def report_on(trained: TrainedModel, logits: Integers, labels: Integers) -> Report:
    """Return the report of logits (n, outputs) beside the labels (n,), of which -1 is unknown and left out.

    Raises InputError where no label is known.
    """
    known = labels >= 0
    if not known.any():
        raise InputError("No row has a label that the model knows, so there is nothing to report on.")
    logits, labels, skipped = logits[known], labels[known], int(np.count_nonzero(~known))
    specification = trained.model.specification
    read = readings(specification.metric, logits, specification.classes)
    counted = score(specification.metric, read, labels)
    predicted = trained.labels(logits)
    quality = (
        _regression(trained, predicted, labels)
        if trained.is_regression
        else _classification(trained, logits, predicted, labels)
    )
    return Report(len(labels), counted, skipped, quality)


def _classification(
    trained: TrainedModel, logits: Integers, predicted: Integers, labels: Integers
) -> Classification:
    names = trained.names()
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    classes = tuple(_class(names[label], confusion, label) for label in range(len(names)))
    occurring = [each.f1 for label, each in enumerate(classes) if confusion[label].any() or each.precision]
    sure = trained.probabilities(logits)[np.arange(len(labels)), predicted]
    calibration = _calibration(sure, predicted == labels)
    weights = [each.count * abs(each.confidence - each.accuracy) for each in calibration]
    return Classification(
        accuracy=float(np.mean(predicted == labels)),
        macro_f1=float(np.mean(occurring)),
        classes=classes,
        confusion=confusion,
        calibration=calibration,
        error=sum(weights) / len(labels),
    )


def _class(name: str, confusion: Integers, label: int) -> ClassReport:
    hits, support = int(confusion[label, label]), int(confusion[label].sum())
    predicted = int(confusion[:, label].sum())
    precision, recall = _share(hits, predicted), _share(hits, support)
    return ClassReport(name, support, precision, recall, _share(2 * hits, support + predicted))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _calibration(sure: Reals, right: NDArray[np.bool_]) -> tuple[ConfidenceBin, ...]:
    places = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    return tuple(
        ConfidenceBin(
            low=place / BINS,
            high=(place + 1) / BINS,
            count=int(np.count_nonzero(places == place)),
            confidence=float(sure[places == place].mean()),
            accuracy=float(right[places == place].mean()),
        )
        for place in range(BINS)
        if np.any(places == place)
    )


def _regression(trained: TrainedModel, predicted: Integers, labels: Integers) -> Regression:
    preparation = trained.preparation
    target: Any = None if preparation is None else preparation.target
    truths, found = trained.values(labels), trained.values(predicted)
    residuals = found - truths
    spread = float(np.sum((truths - truths.mean()) ** 2))
    return Regression(
        unit=target.unit if isinstance(target, NumberTarget) else "steps",
        mean_absolute_error=float(np.abs(residuals).mean()),
        root_mean_square_error=float(np.sqrt(np.mean(residuals**2))),
        explained=1 - float(np.sum(residuals**2)) / spread if spread else 0.0,
        bias=float(residuals.mean()),
        quantiles=tuple(np.quantile(residuals, QUANTILES).tolist()),
        truths=truths,
        residuals=residuals,
    )
