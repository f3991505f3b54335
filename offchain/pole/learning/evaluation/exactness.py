"""Whether a device computes in float64 as canonical evaluation needs it."""

from collections.abc import Iterator

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.evaluation.arrays import Array, Place
from pole.learning.evaluation.fixed_point import quotient

DIVISORS = (3, 9, 36, 49, 96, 8.0**0.5 * 1024)
"""Windows of average pooling, widths of layers, roots of widths."""


def require_exact(place: Place, name: str) -> None:
    """Raise InputError unless a place computes products near 2^53, quotients, roots and ties as NumPy does.

    A library may be told, from outside, to emulate float64 with less than its precision.
    """
    if not all(np.array_equal(expected, place.take(found)) for expected, found in _pairs(place)):
        raise InputError(
            f"The device {name} does not compute with float64 as IEEE 754 asks: unset what makes its library "
            "emulate it, or use --device cpu."
        )


def _pairs(place: Place) -> Iterator[tuple[NDArray[np.float64], Array]]:
    """Yield what NumPy computes, and the place."""
    random = np.random.default_rng(0)
    weights = random.integers(-(2**19), 2**19, (96, 1500)).astype(np.float64)
    activations = random.integers(-(2**23), 2**23, (1500, 700)).astype(np.float64)
    halves = np.arange(-1000, 1001) / 2
    a, b = place.put(weights), place.put(activations)
    yield weights @ activations, a @ b
    yield activations[:96] / weights[:, :700].clip(1), b[:96] / a[:, :700].clip(1)
    yield np.sqrt(np.abs(weights)), array_namespace(a).sqrt(abs(a))
    yield halves.round(), place.put(halves).round()
    for divisor in DIVISORS:
        yield activations / divisor, quotient(b, divisor)
