"""What predictions are worth in their owner's words: an error in the target's unit, F1 of each class."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.suggesting.network import class_names, unit_of
from pole.protocol.models.metrics import AbsoluteError, Metric

CLASSES_SHOWN: Final = 3

Labels = NDArray[np.integer[Any]]


def name_of(metric: Metric) -> str:
    """Return what a metric is called."""
    return metric if isinstance(metric, str) else metric.name


def mean_absolute_error(dataset: DataSet, said: Labels, labels: Labels) -> float:
    """Return the mean distance of predicted labels (n,) from true ones, in the target's unit."""
    step, _ = unit_of(dataset)
    return float(np.abs(said.astype(np.int64) - labels.astype(np.int64)).mean()) * step


def f1_by_class(said: Labels, labels: Labels, classes: int) -> NDArray[np.float64]:
    """Return 2 TP / (2 TP + FP + FN) of every class; NaN for one that neither occurs nor is predicted."""
    predicted, actual = np.bincount(said, minlength=classes), np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[said == labels], minlength=classes)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * hits / (predicted + actual), dtype=np.float64)


def in_own_words(dataset: DataSet, metric: Metric, said: Labels, labels: Labels) -> str:
    """Return a regression's error in its unit, or the F1 of each class; of many classes the lowest ones."""
    if isinstance(metric, AbsoluteError):
        _, unit = unit_of(dataset)
        return f"MAE {mean_absolute_error(dataset, said, labels):.4g} {unit}"
    found, names = f1_by_class(said, labels, dataset.classes), class_names(dataset)
    order = [int(label) for label in np.argsort(found) if not np.isnan(found[label])]
    if len(order) <= CLASSES_SHOWN:
        order.sort()
    parts = ", ".join(f"{names[label]} {found[label]:.2f}" for label in order[:CLASSES_SHOWN])
    return f"F1 {parts}" if len(order) <= CLASSES_SHOWN else f"lowest F1 {parts}"
