"""What plain learners reach on the samples in the clear: the price of encryption, and of few queries.

Guessing, scikit-learn's linear or logistic regression, and its gradient boosting, each with its defaults.
Scores are those of the task's metric, in the same arithmetic as a committee's.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.data.datasets import DataSet
from pole.protocol.models.metrics import AbsoluteError, Metric, score

LOGIT_STEPS: Final = 2**30
MAX_ITERATIONS: Final = 300

Readings = NDArray[np.int64]
Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a learner says of every training and test sample, in the metric's readings, and its seconds."""

    name: str
    train: Readings
    test: Readings
    seconds: float


def baselines(
    dataset: DataSet, metric: Metric, clock: Callable[[], float] = time.perf_counter
) -> tuple[Learned, ...]:
    """Return what guessing, a linear learner and gradient boosting make of the samples in the clear.

    Raises InputError where scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import (  # type: ignore[import-untyped]
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )
        from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]
        from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
        from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(
            "Baselines are scikit-learn's, which is not installed; install scikit-learn."
        ) from error
    if isinstance(metric, AbsoluteError):
        learners = {
            "linear regression": make_pipeline(StandardScaler(), LinearRegression()),
            "gradient boosting": HistGradientBoostingRegressor(loss="absolute_error", random_state=0),
        }
    else:
        logistic = LogisticRegression(max_iter=MAX_ITERATIONS)
        learners = {
            "logistic regression": make_pipeline(StandardScaler(), logistic),
            "gradient boosting": HistGradientBoostingClassifier(random_state=0),
        }
    learned = [_learned(name, each, dataset, metric, clock) for name, each in learners.items()]
    return (_guessed(dataset, metric), *learned)


def score_of(learned: Learned, dataset: DataSet, metric: Metric) -> tuple[int, int]:
    """Return a learner's scores on both sets, whole numbers from 0 to the number of samples."""
    return score(metric, learned.train, dataset.y_train), score(metric, learned.test, dataset.y_test)


def _guessed(dataset: DataSet, metric: Metric) -> Learned:
    if isinstance(metric, AbsoluteError):
        guess = int(np.median(dataset.y_train))
    else:
        # For the area under the curve any constant is half right.
        guess = 0 if metric == "auc" else int(np.bincount(dataset.y_train).argmax())
    train, test = (np.full(len(y), guess, dtype=np.int64) for y in (dataset.y_train, dataset.y_test))
    return Learned("guessing", train, test, seconds=0.0)


def _learned(
    name: str, learner: Any, dataset: DataSet, metric: Metric, clock: Callable[[], float]
) -> Learned:
    started = clock()
    with warnings.catch_warnings():
        # That it did not converge in so many iterations is no reason to stop: it is a baseline.
        warnings.simplefilter("ignore")
        learner.fit(_flat(dataset.x_train), dataset.y_train)
    train, test = (
        _readings(learner, _flat(x), metric, dataset.classes) for x in (dataset.x_train, dataset.x_test)
    )
    return Learned(name, train, test, clock() - started)


def _readings(learner: Any, x: Samples, metric: Metric, classes: int) -> Readings:
    if metric == "auc":
        said = np.asarray(learner.predict_proba(x), dtype=np.float64)[:, 1] * LOGIT_STEPS
    else:
        said = np.clip(np.asarray(learner.predict(x), dtype=np.float64), 0, classes - 1)
    whole: Readings = np.rint(said).astype(np.int64)
    return whole


def _flat(x: NDArray[Any]) -> Samples:
    flat: Samples = x.reshape(len(x), -1).astype(np.float64)
    return flat
