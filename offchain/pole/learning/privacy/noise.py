"""What noise on features guarantees in the terms of differential privacy, and what it costs.

The local model: it bounds how well anybody who sees the features of one sample can tell which of two inputs
it is, whatever else they know. Noise of deviation s on features that differ by d in Euclidean norm is
rho-zCDP for rho = d^2 / (2 s^2) (Canonne, Kamath and Steinke 2020, "The Discrete Gaussian for Differential
Privacy", its multivariate form), and rho of several views of one sample add up. Labels, the number of samples
and which class a sample is of are not covered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.disclosure import AttackAll, attack_in_turn, reconstruct
from pole.learning.privacy.measure import AttackMeasure
from pole.learning.privacy.views import Floats, View, answers
from pole.protocol.mapping.layer import inner_products_in_clear

ROWS_AT_ONCE: Final = 1024
RIDGE: Final = 1e-3
DELTA: Final = 1e-5


def rho_of_any(views: Sequence[View], dimension: int, largest: int) -> float:
    """Return the rho of views for any two samples of `dimension` values from 0 to `largest`: a guarantee.

    Weights are not negative, so the sample of zeros and that of largest values differ most. It is infinite
    where a view has no noise.
    """
    ones = np.ones((1, dimension), dtype=np.uint8)
    return float((largest * _scaled(views, ones)[0] ** 2).sum() * largest / 2)


def rho_of_own(views: Sequence[View], samples: NDArray[np.uint8]) -> float:
    """Return the rho of views for the two of these samples (n, D) that they show furthest apart.

    It is no guarantee: it depends on the samples, says nothing of others, and tells something itself where it
    is published. Costs n^2 R multiplications. It is infinite where a view has no noise.
    """
    scaled = _scaled(views, samples)
    if not np.all(np.isfinite(scaled)):
        return inf
    scaled -= scaled.mean(axis=0)
    norms = (scaled**2).sum(axis=1)
    furthest = 0.0
    for start in range(0, len(scaled), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        furthest = max(furthest, float((norms[some, None] + norms - 2 * scaled[some] @ scaled.T).max()))
    return furthest / 2


def epsilon(rho: float, delta: float) -> float:
    """Return an epsilon for which rho-zCDP is (epsilon, delta)-differentially private.

    Bun and Steinke (2016), "Concentrated Differential Privacy", proposition 1.3.
    """
    return rho + 2 * sqrt(rho * log(1 / delta))


def _scaled(views: Sequence[View], samples: NDArray[np.uint8]) -> Floats:
    """Return the answers (n, R) without their noise, in units of its deviation."""
    parts = []
    for view in views:
        products = inner_products_in_clear(view.plan, samples).reshape(len(samples), -1)
        parts.append(products / view.noise if view.noise else np.full(products.shape, inf))
    return np.concatenate(parts, axis=1)


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
    dataset: DataSet,
    views: Sequence[View],
    noise: int,
    *,
    bits: int,
    steps: int,
    classifies: bool,
    attack_all: AttackAll = attack_in_turn,
) -> TradeOff:
    """Return what noise of a deviation, 0 for none, does to views of a data set attacked by `attack_all`.

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
        attack=reconstruct(dataset, noisy, bits=bits, steps=steps, attack_all=attack_all).measure,
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
