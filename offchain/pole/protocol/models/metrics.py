"""What a model's logits are worth: predictions, and a whole-number score that every committee member shares.

A score lies between 0 and the number of samples, so it stands wherever the contracts count correct
predictions. It is exact integer arithmetic on exact logits and does not depend on the order of the samples.
"""

from collections import Counter
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Integers = NDArray[np.int64]

LOGIT_ONE: Final = 2**10
TARGET_RANGE: Final = 8
MAX_SCALE: Final = 2**15
ABSOLUTE_ERROR: Final = "mean_absolute_error"


class AbsoluteError(BaseModel):
    """Regression: score n * (1 - MAE / scale), rounded down, at least 0; `scale` in steps of the target."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Literal["mean_absolute_error"]
    scale: Annotated[int, Field(ge=1, le=MAX_SCALE)]


def _kind(metric: object) -> str:
    return "with arguments" if isinstance(metric, dict | AbsoluteError) else "by name"


Metric = Annotated[
    Annotated[Literal["accuracy", "macro_f1", "auc"], Tag("by name")]
    | Annotated[AbsoluteError, Tag("with arguments")],
    Discriminator(_kind),
]


def readings(metric: Metric, logits: Integers, classes: int) -> Integers:
    """Return the one number (n,) that each sample's logits, in multiples of 2^-10, come down to.

    The class with the largest logit, the lowest among equals; for `auc` the logit of class 1 less that of
    class 0; for the absolute error the step 0 .. classes - 1 of the target's grid, which spreads the output
    from -4 to 4.
    """
    if metric == "auc":
        return logits[:, 1] - logits[:, 0]
    if isinstance(metric, AbsoluteError):
        span = TARGET_RANGE * LOGIT_ONE
        steps: Integers = (logits[:, 0] + span // 2) * classes // span
        return np.clip(steps, 0, classes - 1).astype(np.int64)
    return np.asarray(np.argmax(logits, axis=1), dtype=np.int64)


def predictions(metric: Metric, found: Integers) -> NDArray[np.uint16]:
    """Return the predicted labels (n,) of readings: classes, or steps of the target's grid."""
    return (found > 0 if metric == "auc" else found).astype(np.uint16)


def score(metric: Metric, found: Integers, labels: Integers) -> int:
    """Return what readings (n,) are worth beside the labels (n,): a whole number from 0 to n."""
    match metric:
        case "macro_f1":
            return _macro_f1(found, labels)
        case "auc":
            return _area_under_curve(found, labels)
        case AbsoluteError():
            error = int(np.abs(found - labels).sum())
            return max(0, (len(labels) * metric.scale - error) // metric.scale)
    return int(np.count_nonzero(found == labels))


def _macro_f1(found: Integers, labels: Integers) -> int:
    """Return n times the mean over all classes that occur of 2 TP / (2 TP + FP + FN), rounded down."""
    size = 1 + max(_largest(found), _largest(labels))
    predicted, actual = np.bincount(found, minlength=size), np.bincount(labels, minlength=size)
    hits = np.bincount(labels[found == labels], minlength=size)
    occurring = predicted + actual
    # Few denominators differ, since they sum to 2n: so the exact sum stays small.
    by_denominator: Counter[int] = Counter()
    for count, hit in zip(occurring.tolist(), hits.tolist(), strict=True):
        by_denominator[count] += 2 * hit
    del by_denominator[0]
    classes = int(np.count_nonzero(occurring))
    total = sum((Fraction(above, below) for below, above in by_denominator.items()), Fraction(0))
    return int(total * len(labels) / classes) if classes else 0


def _area_under_curve(found: Integers, labels: Integers) -> int:
    """Return n times the share of pairs of both classes in the right order, ties half, rounded down.

    0 where a class is missing: there are no pairs to judge by.
    """
    positive, negative = found[labels == 1], np.sort(found[labels == 0])
    below = np.searchsorted(negative, positive, side="left").astype(object).sum()
    not_above = np.searchsorted(negative, positive, side="right").astype(object).sum()
    pairs = len(positive) * len(negative)
    return int(len(labels) * (below + not_above) // (2 * pairs)) if pairs else 0


def _largest(values: NDArray[np.integer[Any]]) -> int:
    return int(values.max()) if values.size else 0
