"""Attacks on answers to queries: what can be computed back of samples by linear algebra and by rounding.

Samples are float64 (n, D) in steps of quantisation, answers float64 (n, R), `matrix` (R, D) has the query
vectors. `known` are samples (m, D) of the same kind that the attacker has.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError

SMALLEST_SINGULAR_VALUE: Final = 1e-12
RIDGE: Final = 1e-6
ROUNDING_VARIANCE: Final = 1e-6
"""What a whole number that is known exactly is taken to vary by, for the arithmetic's sake."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How close reconstructions come to the samples.

    `mse` is the mean squared error of values between 0 and 1, `psnr` is -10 log10 of it in decibels (infinite
    for no error), `correlation` the mean over samples of Pearson's coefficient (0 for a sample or a
    reconstruction that is constant), `exact` the share of the values of columns that vary which are right
    once rounded to steps, `whole` the share of samples of which every value is.
    """

    mse: float
    psnr: float
    correlation: float
    exact: float
    whole: float


def least_squares(matrix: Floats, answers: Floats) -> Floats:
    """Return the samples of least norm (n, D) that have the answers.

    Needs nothing but the keys. Exact up to rounding where the matrix has rank D.
    """
    return np.asarray(np.linalg.lstsq(matrix, answers.T, rcond=SMALLEST_SINGULAR_VALUE)[0].T)


def within_hull(matrix: Floats, known: Floats, answers: Floats) -> Floats:
    """Return the samples (n, D) of the known samples' affine hull that have the answers.

    Exact up to rounding where the query vectors have the hull's rank: constant columns, one-hot groups and
    fixed sums need no keys of their own.
    """
    mean = known.mean(axis=0)
    _, lengths, directions = np.linalg.svd(known - mean, full_matrices=False)
    hull = directions[lengths > SMALLEST_SINGULAR_VALUE * max(1.0, lengths[0]) * len(known)]
    inside = least_squares(matrix @ hull.T, answers - mean @ matrix.T)
    return np.asarray(inside @ hull + mean)


@dataclass(frozen=True, slots=True, eq=False)
class LinearAttack:
    """The affine map from answers to samples that fits an attacker's own samples best."""

    offset: Floats
    weights: Floats
    mean: Floats

    def apply(self, answers: Floats) -> Floats:
        """Return reconstructions (n, D) of samples with these answers (n, R)."""
        return np.asarray((answers - self.offset) @ self.weights + self.mean)


def fit_linear_attack(answers: Floats, known: Floats) -> LinearAttack:
    """Return the ridge regression of known samples (m, D) on their answers (m, R).

    It knows the distribution that the samples come from: their mean and how their values go together. Raises
    InputError for fewer than two samples.
    """
    if len(known) < 2:
        raise InputError("An attack learns from two samples or more: give it more with --known.")
    offset, mean = answers.mean(axis=0), known.mean(axis=0)
    centred, samples = answers - offset, known - mean
    # The shorter side is solved for; both give the same weights.
    dual = len(known) < answers.shape[1]
    gram = centred @ centred.T if dual else centred.T @ centred
    ridge = RIDGE * np.trace(gram) / len(gram) + np.finfo(np.float64).tiny
    gram[np.diag_indices_from(gram)] += ridge
    if dual:
        weights = centred.T @ np.linalg.solve(gram, samples)
    else:
        weights = np.linalg.solve(gram, centred.T @ samples)
    return LinearAttack(offset, weights, mean)


def rounded_one_by_one(matrix: Floats, noise: Floats, known: Floats, answers: Floats) -> Floats:
    """Return reconstructions (n, D), rounded value by value, each helping with those that follow.

    Of all values the one that the answers and the known samples leave least open, taken for normal, is
    rounded first, and the others are estimated anew: Babai's nearest plane, with a prior. `noise` (R,) is the
    standard deviation of the answers' noise. Costs D^3 + n D^2 multiplications.
    """
    mean, covariance = known.mean(axis=0), np.atleast_2d(np.cov(known.T, bias=True))
    seen = covariance @ matrix.T
    inner = matrix @ seen + np.diag(np.maximum(noise**2, ROUNDING_VARIANCE))
    gain = np.linalg.lstsq(inner, seen.T, rcond=SMALLEST_SINGULAR_VALUE)[0]
    estimates = (answers - mean @ matrix.T) @ gain + mean
    left = covariance - seen @ gain
    low, high = known.min(axis=0), known.max(axis=0)
    open_columns = np.ones(len(mean), dtype=bool)
    for _ in range(len(mean)):
        variances = np.where(open_columns, left.diagonal(), np.inf)
        column = int(variances.argmin())
        open_columns[column] = False
        whole = np.clip(np.rint(estimates[:, column]), low[column], high[column])
        if variances[column] > ROUNDING_VARIANCE:
            effect = left[column] / left[column, column]
            estimates += np.where(open_columns, effect, 0.0) * (whole - estimates[:, column])[:, None]
            left -= np.outer(left[column], effect)
        estimates[:, column] = whole
    return np.asarray(estimates)


def snapped(known_estimates: Floats, known: Floats, estimates: Floats) -> Floats:
    """Return estimates (n, D), those near the most common value of their column replaced by it.

    How near is what gets most of the known samples' values right.
    """
    common = np.array([np.bincount(column.astype(np.int64)).argmax() for column in known.T])

    def near(values: Floats, distance: float) -> Floats:
        return np.where(np.abs(values - common) <= distance, common, np.rint(values))

    distances = [0.5 * 2**step for step in range(10)]
    best = max(distances, key=lambda each: np.count_nonzero(near(known_estimates, each) == known))
    return near(estimates, best)


def likeness(samples: Floats, reconstructions: Floats, largest: int) -> Likeness:
    """Return how close reconstructions (n, D) come to samples (n, D) in steps from 0 to `largest`."""
    limited = np.clip(reconstructions, 0, largest)
    mse = float(np.mean(((samples - limited) / largest) ** 2))
    varying = samples.min(axis=0) < samples.max(axis=0)
    right = np.rint(limited) == samples
    return Likeness(
        mse=mse,
        psnr=-10.0 * float(np.log10(mse)) if mse > 0 else float("inf"),
        correlation=_correlation(samples, limited),
        exact=float((right[:, varying] if varying.any() else right).mean()),
        whole=float(right.all(axis=1).mean()),
    )


def _correlation(samples: Floats, reconstructions: Floats) -> float:
    left = samples - samples.mean(axis=1, keepdims=True)
    right = reconstructions - reconstructions.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(
        np.divide((left * right).sum(axis=1), scale, out=np.zeros(len(scale)), where=scale > 0).mean()
    )
