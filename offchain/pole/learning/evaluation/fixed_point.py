"""The arithmetic of canonical evaluation: integers carried in float64, and where they are rounded.

A weight w stands for the integer w * 2^12, an activation a for a * 2^10. Sums of their products are
integers below 2^53, so float64 holds them exactly whatever the order of summation, the thread count or the
use of fused multiply-add. Rounding back to the activation grid is half to even, then a clamp to +-2^23
(+-8192).
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.learning.evaluation.arrays import PROCESSOR, Array, Place

WEIGHT_ONE: Final = 2**12
ACTIVATION_ONE: Final = 2**10
CLAMP: Final = 2**23
EXACT: Final = 2**53
TABLE_END: Final = 16 * ACTIVATION_ONE
PROBABILITY_ONE: Final = 2**20

Floats = NDArray[np.float64]


class MalformedModelError(IntegrityError):
    """A model that is not what its specification asks for, or that cannot be evaluated exactly."""


def round_weights(values: Floats, name: str) -> NDArray[np.int32]:
    """Return real weights as multiples of 2^-12.

    Raises MalformedModelError where one is not finite or beyond +-2^19.
    """
    scaled = np.rint(values * WEIGHT_ONE)
    if not np.all(np.abs(scaled) < 2**31):
        raise MalformedModelError(
            f"The weights {name!r} are not finite or too large for a model file; train again with a lower "
            "learning rate."
        )
    return scaled.astype(np.int32)


def to_activations(sums: Array) -> Array:
    """Return sums of weight-activation products (grid 2^-22) as clamped activations (grid 2^-10)."""
    return clamp((sums / WEIGHT_ONE).round())


def clamp(values: Array) -> Array:
    """Return activations limited to the range that the bounds of all sums are computed for."""
    return values.clip(-CLAMP, CLAMP)


def require_exact_sums(weights: NDArray[np.int32], offsets: NDArray[np.int32], name: str) -> None:
    """Raise MalformedModelError where a sum over clamped activations could pass 2^53.

    `weights` is (outputs, ...) and `offsets` (outputs,); the bound of an output is sum |w| * 2^23 +
    |offset| * 2^10.
    """
    magnitudes = np.abs(weights.reshape(len(weights), -1).astype(np.int64)).sum(axis=1)
    # Python integers: the bound itself must not overflow.
    bound = int(magnitudes.max()) * CLAMP + int(np.abs(offsets.astype(np.int64)).max()) * ACTIVATION_ONE
    if bound > EXACT:
        raise MalformedModelError(
            f"The weights {name!r} allow sums of {bound}, beyond 2^53, where results would depend on the "
            "machine; "
            "the model cannot be evaluated."
        )


def quotient(values: Array, divisor: float) -> Array:
    """Return values over one number, correctly rounded.

    Written `values / divisor`, torch multiplies by the inverse on a GPU, which only powers of 2 survive.
    """
    xp = array_namespace(values)
    return values / xp.full((1,), divisor, dtype=values.dtype, device=device(values))


def sigmoid(values: Array) -> Array:
    """Return the logistic function on the activation grid, from a table."""
    return _look_up(_table(_real_sigmoid), values)


def tanh(values: Array) -> Array:
    """Return the hyperbolic tangent on the activation grid, from a table."""
    return _look_up(_table(math.tanh), values)


def gelu(values: Array) -> Array:
    """Return x * Phi(x) on the activation grid, from a table; beyond it the function is x or 0."""
    xp = array_namespace(values)
    return xp.where(values > TABLE_END, values, _look_up(_table(_real_gelu), values))


def decay(values: Array) -> Array:
    """Return exp(-a) in multiples of 2^-20 for activations a >= 0, from a table; 0 beyond it."""
    return _entries(_decay_table(), values.clip(0, TABLE_END))


def _look_up(table: Floats, values: Array) -> Array:
    return _entries(table, values.clip(-TABLE_END, TABLE_END) + TABLE_END)


def _entries(table: Floats, places: Array) -> Array:
    xp = array_namespace(places)
    return xp.asarray(table, device=device(places))[xp.astype(places, xp.int64)]


@cache
def _table(function: Callable[[float], float]) -> Floats:
    """Return round(function(a)) for every activation from -16 to 16.

    No value lies within 2^-30 of a rounding tie (a test goes through them all), so every libm gives the
    same table.
    """
    steps = range(-TABLE_END, TABLE_END + 1)
    return np.array(
        [round(function(step / ACTIVATION_ONE) * ACTIVATION_ONE) for step in steps], dtype=np.float64
    )


def _real_sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _real_gelu(x: float) -> float:
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


@cache
def _decay_table() -> Floats:
    """Return round(exp(-a) * 2^20) for every activation from 0 to 16, with as wide a berth from ties."""
    steps = range(TABLE_END + 1)
    return np.array(
        [round(math.exp(-step / ACTIVATION_ONE) * PROBABILITY_ONE) for step in steps], dtype=np.float64
    )


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


def float64_digest() -> str:
    """Return the SHA-256 digest of products near 2^53, quotients, roots and ties as NumPy computes them.

    It is the same on every machine whose library computes with float64 as IEEE 754 asks.
    """
    digest = hashlib.sha256()
    for computed, _ in _pairs(PROCESSOR):
        digest.update(np.ascontiguousarray(computed, dtype="<f8").tobytes())
    return digest.hexdigest()


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
