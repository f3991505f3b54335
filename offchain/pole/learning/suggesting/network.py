"""A network that suits a data set, and the metric that its labels ask for."""

from typing import Final

import numpy as np

from pole.learning.data.datasets import DataSet
from pole.learning.data.preparation import ClassTarget, NumberTarget
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.metrics import MAX_SCALE, AbsoluteError, Metric
from pole.protocol.models.specification import ModelSpecification, mlp

INPUT_BITS: Final = 8
NARROWEST: Final = 16
WIDEST: Final = 512
DROPOUT: Final = 0.1
REGRESSION_DROPOUT: Final = 0.2
RARE_OF_TWO: Final = 0.3
RARE_OF_MANY: Final = 1 / 3
TARGETS_OF_A_REGRESSION: Final = 64
"""Labels of data without a preparation that are taken for steps of a target where there are so many."""


def network(dataset: DataSet, mapping: LinearMapping) -> ModelSpecification:
    """Return a perceptron of two hidden layers over a mapping layer, as wide as the samples can fill.

    The first layer has the power of two that is nearest to three times the root of the number of training
    samples, within 16 and 512, and the second half of it. Raises InputError where the layer does not fit.
    """
    wanted = 3 * len(dataset.x_train) ** 0.5
    width = int(np.clip(2 ** round(np.log2(wanted)), NARROWEST, WIDEST))
    metric = metric_of(dataset)
    return mlp(
        input_shape=dataset.input_shape,
        input_bits=INPUT_BITS,
        mapping=mapping,
        hidden=(width, width // 2),
        classes=dataset.classes,
        dropout=REGRESSION_DROPOUT if isinstance(metric, AbsoluteError) else DROPOUT,
        metric=metric,
    )


def weight_bits(dimension: int) -> int:
    """Return the bits of a weight: few, for small numbers to search; more where vectors are short."""
    return 3 if dimension >= 8 else 6


def metric_of(dataset: DataSet) -> Metric:
    """Return accuracy where classes are alike in size, else what rare classes count in; or the error.

    Of two classes of which one has less than 30 % of the samples the area under the curve, of several the
    mean F1 where the smallest has less than a third of the largest. In a regression guessing the median
    scores 0.
    """
    if is_regression(dataset):
        median = np.median(dataset.y_train)
        error = float(np.abs(dataset.y_train - median).mean())
        return AbsoluteError(name="mean_absolute_error", scale=int(np.clip(round(error), 1, MAX_SCALE)))
    counts = np.bincount(dataset.y_train, minlength=dataset.classes)
    if dataset.classes == 2:
        return "auc" if counts.min() < RARE_OF_TWO * counts.sum() else "accuracy"
    return "macro_f1" if counts.min() < RARE_OF_MANY * counts.max() else "accuracy"


def is_regression(dataset: DataSet) -> bool:
    """Return whether labels are steps of a target: as the preparation says, else where they are many."""
    if dataset.preparation is not None:
        return isinstance(dataset.preparation.target, NumberTarget)
    return dataset.classes > TARGETS_OF_A_REGRESSION and dataset.classes > len(dataset.y_train) ** 0.5


def class_names(dataset: DataSet) -> tuple[str, ...]:
    """Return what the owner calls the classes, their numbers where no preparation tells."""
    target = None if dataset.preparation is None else dataset.preparation.target
    if isinstance(target, ClassTarget):
        return target.names
    return tuple(map(str, range(dataset.classes)))


def unit_of(dataset: DataSet) -> tuple[float, str]:
    """Return the size of a step of a regression's target, and the unit that it is in."""
    target = None if dataset.preparation is None else dataset.preparation.target
    if isinstance(target, NumberTarget):
        return target.step, target.unit or target.column
    return 1.0, "steps"
