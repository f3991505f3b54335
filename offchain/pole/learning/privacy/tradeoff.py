"""What noise on features costs a learner, and what it costs an attacker, on one data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.disclosure import reconstruct
from pole.learning.privacy.measure import AttackMeasure
from pole.learning.privacy.noise_accounting import epsilon, rho_of_any, rho_of_own
from pole.learning.privacy.views import Floats, View, answers

RIDGE: Final = 1e-3
DELTA: Final = 1e-5


@dataclass(frozen=True, slots=True)
class TradeOff:
    """What noise of one deviation does.

    `learner` is the share of test samples that a linear classifier of the features gets right, or in a
    regression the share of the target's variance that it explains. `attack` is what attacks recover.
    `epsilon_any` is a guarantee for each sample's input, whatever values its bits allow, at delta 1e-5, and
    infinite without noise; `epsilon_own` is that number for the samples at hand, which guarantees nothing.
    """

    noise: int
    learner: float
    attack: AttackMeasure
    epsilon_any: float
    epsilon_own: float


def trade_off(
    dataset: DataSet, views: Sequence[View], noise: int, *, bits: int, steps: int, classifies: bool
) -> TradeOff:
    """Return what noise of a deviation, 0 for none, does to views of a data set.

    Raises InputError where the views do not fit the samples.
    """
    noisy = [replace(view, noise=noise) for view in views]
    quantisation = fit(dataset.x_train, bits, dataset.bounds)
    train, test = (apply(quantisation, x).values for x in (dataset.x_train, dataset.x_test))
    random = np.random.default_rng(noise)
    learn = _accuracy if classifies else _explained
    shown = answers(noisy, train, random), answers(noisy, test, random)
    return TradeOff(
        noise=noise,
        learner=learn(*shown, dataset.y_train, dataset.y_test),
        attack=reconstruct(dataset, noisy, bits=bits, steps=steps).measure,
        epsilon_any=epsilon(rho_of_any(noisy, train.shape[1], 2**bits - 1), DELTA),
        epsilon_own=epsilon(rho_of_own(noisy, train), DELTA),
    )


def _accuracy(train: Floats, test: Floats, y_train: NDArray[np.int64], y_test: NDArray[np.int64]) -> float:
    targets = np.eye(int(y_train.max()) + 1)[y_train]
    return float((_linear(train, targets)(test).argmax(axis=1) == y_test).mean())


def _explained(train: Floats, test: Floats, y_train: NDArray[np.int64], y_test: NDArray[np.int64]) -> float:
    found = _linear(train, y_train.astype(np.float64)[:, None])(test)[:, 0]
    return float(1 - ((found - y_test) ** 2).mean() / max(float(y_test.var()), np.finfo(np.float64).tiny))


def _linear(features: Floats, targets: Floats) -> Callable[[Floats], Floats]:
    """Return the ridge regression of targets (n, c) on standardised features (n, R)."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    x, offset = (features - mean) / scale, targets.mean(axis=0)
    gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (targets - offset))
    return lambda rows: np.asarray((rows - mean) / scale @ weights + offset)
