"""What samples are, and what keys give away of them, in the numbers that the key budget's rules compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import apply, fit
from pole.learning.privacy.hull import AffineHull, affine_hull
from pole.learning.privacy.information import bits_of_answers, bits_of_samples
from pole.learning.privacy.views import View, matrix_of, noise_of
from pole.protocol.mapping.rank import RankTooLargeError

VALUES_MEASURED: Final = 2**24
"""Values above which covariances are taken over a random part of the samples."""
SEED: Final = 0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DataMeasure:
    """What can be told of one sample at most.

    Of `dimension` columns the samples fill `affine_rank` dimensions exactly, and `numerical_rank` by more
    than the rounding to steps explains. A sample has at most so many `bits`. Where `measured` is less than
    `samples`, numerical rank and bits are those of a random part.
    """

    dimension: int
    affine_rank: int
    numerical_rank: int
    bits: int
    samples: int
    measured: int


@dataclass(frozen=True, slots=True)
class KeysMeasure:
    """What keys give away: so many independent exact functions of a sample, and at most so many bits of it.

    Noisy functions count by their bits alone. Where `exact` is False there were too many functions to compute
    their rank, and they are counted.
    """

    functions: int = 0
    bits: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Best:
    """The least mean squared error, the most exact values, the most whole samples; shares from 0 to 1."""

    mse: float
    exact: float
    whole: float


@dataclass(frozen=True, slots=True)
class AttackMeasure:
    """What attacks recover of samples, and what guessing without any answer does."""

    attack: Best
    guess: Best

    @property
    def gain(self) -> float:
        """Return the share of the values that guessing gets wrong which an attack gets right."""
        missed = 1 - self.guess.exact
        return max(0.0, (self.attack.exact - self.guess.exact) / missed) if missed > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class DataProfile:
    """The samples of a data set as keys are held against them: measure, hull, covariance (D, D).

    `equal` samples have a twin: their features are equal too, whatever the keys.
    """

    measure: DataMeasure
    hull: AffineHull
    covariance: Floats
    equal: int

    def given_by(self, views: Sequence[View], modulus: int) -> KeysMeasure:
        """Return what views of the samples give away together, ranks as in `AffineHull.functions_of`."""
        if not views:
            return KeysMeasure()
        dimension = self.measure.dimension
        exact_plans = [view.plan for view in views if not view.noise]
        try:
            functions, exact = self.hull.functions_of(exact_plans, modulus), True
        except RankTooLargeError:
            count = sum(plan.windows.shape[0] * plan.vectors.shape[0] for plan in exact_plans)
            functions, exact = min(self.hull.rank, count), False
        bits = bits_of_answers(matrix_of(views, dimension), noise_of(views), self.covariance)
        return KeysMeasure(functions, ceil(bits), exact)


def profile(dataset: DataSet, bits: int) -> DataProfile:
    """Return the profile of training and test samples together, quantised to `bits` bits as a task would.

    Costs seconds for MNIST and CIFAR-10.
    """
    quantisation = fit(dataset.x_train, bits, dataset.bounds)
    samples = np.concatenate([apply(quantisation, x).values for x in (dataset.x_train, dataset.x_test)])
    random = np.random.default_rng(SEED)
    hull = affine_hull(samples, random)
    count, dimension = samples.shape
    measured = min(count, max(2 * dimension, VALUES_MEASURED // dimension))
    part = samples if measured == count else samples[random.permutation(count)[:measured]]
    covariance = np.atleast_2d(np.cov(part.T.astype(np.float64), bias=True))
    measure = DataMeasure(
        dimension=dimension,
        affine_rank=hull.rank,
        numerical_rank=min(hull.rank, numerical_rank(covariance, measured)),
        bits=floor(bits_of_samples(part, hull, covariance)),
        samples=count,
        measured=measured,
    )
    # As bytes of one length, of which zeros at the end do not matter.
    _, twins = np.unique(samples.view(f"S{dimension}"), return_counts=True)
    equal = int(twins[twins > 1].sum())
    return DataProfile(measure, hull, covariance, equal)


def numerical_rank(covariance: Floats, samples: int) -> int:
    """Return how many principal directions vary by more than rounding to whole numbers explains.

    Rounding adds a variance of 1/12 to every direction, whose estimates from so many samples reach up to
    (1 + sqrt(D / samples))^2 / 12 (Marchenko and Pastur 1967).
    """
    edge = (1 + np.sqrt(len(covariance) / samples)) ** 2 / 12
    return int(np.count_nonzero(np.linalg.eigvalsh(covariance) > edge))
