"""Attacks on projections: what can be computed back of samples whose inner products are known.

Whoever decrypts a round's features knows A x of every sample x, where the rows of A are the query vectors.
Samples are float64 (n, D) between 0 and 1, projections float64 (n, R).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.protocol.mapping.layer import inner_products_in_clear
from pole.protocol.mapping.plan import PADDING, QueryPlan

SMALLEST_SINGULAR_VALUE: Final = 1e-12
RIDGE: Final = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How close reconstructions come to the samples.

    `mse` is the mean squared error of values between 0 and 1, `psnr` is -10 log10 of it in decibels (infinite
    for no error), `correlation` the mean over samples of Pearson's coefficient (0 for a sample or a
    reconstruction that is constant), `exact` the share of values that are right once rounded to the samples'
    own steps.
    """

    mse: float
    psnr: float
    correlation: float
    exact: float


def projections(plans: Sequence[QueryPlan], samples: NDArray[np.uint8], largest: int) -> Floats:
    """Return all inner products (n, R) of quantised samples (n, D), divided by `largest`.

    That is the highest value of a sample, here taken for 1. Raises InputError where a plan does not fit the
    samples.
    """
    products = [inner_products_in_clear(plan, samples).reshape(len(samples), -1) for plan in plans]
    return np.concatenate(products, axis=1) / largest


def matrix_of(plans: Sequence[QueryPlan], dimension: int) -> Floats:
    """Return the matrix A (R, D) of all query vectors, rows in the order of `projections`."""
    blocks = []
    for plan in plans:
        windows, queries = len(plan.windows), len(plan.vectors)
        block = np.zeros((windows, queries, dimension + 1))
        # PADDING is -1: it writes to the last column, which is cut off.
        block[np.arange(windows)[:, None], :, plan.windows] = plan.vectors.T
        blocks.append(block[:, :, :PADDING].reshape(windows * queries, dimension))
    return np.concatenate(blocks)


def least_squares(matrix: Floats, known: Floats) -> Floats:
    """Return the samples of least norm (n, D) that have the projections `known` (n, R) under `matrix` (R, D).

    Needs nothing but the keys. Exact up to rounding where the matrix has rank D. Values are limited to 0..1.
    """
    solved = np.linalg.lstsq(matrix, known.T, rcond=SMALLEST_SINGULAR_VALUE)[0]
    return np.asarray(np.clip(solved.T, 0.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class LinearAttack:
    """The affine map from projections to samples that fits an attacker's own samples best."""

    offset: Floats
    weights: Floats
    mean: Floats

    def apply(self, known: Floats) -> Floats:
        """Return reconstructions (n, D), limited to 0..1, of samples with these projections (n, R)."""
        return np.clip((known - self.offset) @ self.weights + self.mean, 0.0, 1.0)


def fit_linear_attack(known: Floats, samples: Floats) -> LinearAttack:
    """Return the ridge regression of samples (n, D) on their projections (n, R).

    It knows the distribution that `samples` come from: their mean and how their values go together. Raises
    InputError for fewer than two samples.
    """
    if len(samples) < 2:
        raise InputError("An attack learns from two samples or more: give it more with --known.")
    offset, mean = known.mean(axis=0), samples.mean(axis=0)
    centred = known - offset
    gram = centred.T @ centred
    ridge = RIDGE * np.trace(gram) / len(gram) + np.finfo(np.float64).tiny
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), centred.T @ (samples - mean))
    return LinearAttack(offset, weights, mean)


def likeness(samples: Floats, reconstructions: Floats, largest: int) -> Likeness:
    """Return how close reconstructions (n, D) come to samples (n, D) that have steps of 1 / `largest`."""
    mse = float(np.mean((samples - reconstructions) ** 2))
    steps = np.rint(samples * largest) == np.rint(reconstructions * largest)
    return Likeness(
        mse=mse,
        psnr=-10.0 * float(np.log10(mse)) if mse > 0 else float("inf"),
        correlation=_correlation(samples, reconstructions),
        exact=float(steps.mean()),
    )


def _correlation(samples: Floats, reconstructions: Floats) -> float:
    left = samples - samples.mean(axis=1, keepdims=True)
    right = reconstructions - reconstructions.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return float(
        np.divide((left * right).sum(axis=1), scale, out=np.zeros(len(scale)), where=scale > 0).mean()
    )
