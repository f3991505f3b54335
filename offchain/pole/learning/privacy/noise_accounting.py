"""What noise on features guarantees, in the terms of differential privacy.

The local model: it bounds how well anybody who sees the features of one sample can tell which of two inputs
it is, whatever else they know. Noise of deviation s on features that differ by d in Euclidean norm is
rho-zCDP for rho = d^2 / (2 s^2) (Canonne, Kamath and Steinke 2020, "The Discrete Gaussian for Differential
Privacy", its multivariate form), and rho of several views of one sample add up. Labels, the number of samples
and which class a sample is of are not covered.
"""

from collections.abc import Sequence
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from pole.learning.privacy.views import Floats, View
from pole.protocol.mapping.layer import inner_products_in_clear

ROWS_AT_ONCE = 1024


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
