"""Noise of features: a value of the discrete Gaussian for each feature of a sample, encrypted beside it.

Canonne, Kamath and Steinke (2020), "The Discrete Gaussian for Differential Privacy", definition 1: with
deviation s a whole number e comes with a probability proportional to exp(-e^2 / (2 s^2)). Here it is cut off
at 8 s, and shifted by 8 s because encrypted values are not negative.

It is looked up in a table of 64-bit fractions, so the distribution is not quite that. The total variation
distance of one value from it is below 2^-44: less than 2^-49 by the cut, the rest by rounding each of the at
most 2^20 + 1 probabilities to 2^-64.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.mapping.kinds import NOISE_REACH
from pole.protocol.models.specification import ModelSpecification

RandomBytes = Callable[[int], bytes]
Table = NDArray[np.uint64]

DRAW_BITS: Final = 64
# Weights are products of up to 2^19 factors, each rounded down: this is enough for 64 bits of their sums.
WEIGHT_BITS: Final = 192


def with_noise(
    values: NDArray[np.uint8], specification: ModelSpecification, random_bytes: RandomBytes
) -> NDArray[np.unsignedinteger]:
    """Return samples (n, D) with fresh noise beside them, (n, columns), as they are encrypted.

    `random_bytes(n)` must return n bytes from a cryptographic generator. Without noise in the specification
    the samples are returned as they are.
    """
    deviation, columns = specification.mapping.noise, specification.columns - specification.dimension
    if not deviation:
        return values
    noise = draw_noise(deviation, len(values) * columns, random_bytes)
    return np.hstack([values.astype(np.uint32), noise.reshape(len(values), columns)])


def draw_noise(deviation: int, count: int, random_bytes: RandomBytes) -> NDArray[np.uint32]:
    """Return `count` values of noise of this deviation (at least 1), each from 0 to 16 times as much.

    8 deviations are to be subtracted for a mean of 0. Uses 8 bytes a value, in order.
    """
    draws = np.frombuffer(random_bytes(DRAW_BITS // 8 * count), dtype="<u8")
    return np.searchsorted(_cumulative(deviation), draws, side="right").astype(np.uint32)


@lru_cache(maxsize=2)
def _cumulative(deviation: int) -> Table:
    """Return the probabilities, in units of 2^-64, that noise is below 1, 2, up to 16 deviations."""
    half = _weights(deviation)
    weights = [*half[:0:-1], *half]
    total = sum(weights)
    return np.array([(below << DRAW_BITS) // total for below in accumulate(weights[:-1])], dtype=np.uint64)


def _weights(deviation: int) -> list[int]:
    """Return exp(-e^2 / (2 s^2)) for e = 0 to 8 s in units of 2^-192, each too small by 2^-150 at most.

    The quotient of two that follow each other is exp(-(2 e + 1) / (2 s^2)), a geometric sequence itself.
    """
    ratio = _exp_of_minus(1, 2 * deviation**2)
    step = (ratio * ratio) >> WEIGHT_BITS
    weights = [1 << WEIGHT_BITS]
    for _ in range(NOISE_REACH * deviation):
        weights.append((weights[-1] * ratio) >> WEIGHT_BITS)
        ratio = (ratio * step) >> WEIGHT_BITS
    return weights


def _exp_of_minus(numerator: int, denominator: int) -> int:
    """Return exp(-numerator / denominator), a fraction of at most 1, in units of 2^-192, by its series."""
    term = total = 1 << WEIGHT_BITS
    order = 0
    while term:
        order += 1
        term = term * numerator // (denominator * order)
        total += -term if order % 2 else term
    return total
