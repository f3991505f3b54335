"""The puzzle of an idle round: public samples that a teacher network labels, all made of the round's seeds.

The teacher has one hidden layer of six saturating units between twelve inputs and four classes. It is odd
about the middle of the inputs' range and has no biases, so no class is much more frequent than another, and
two units' products are out of reach of a linear model. Everything is whole numbers below 2^31 and so the same
bits on every machine.

Bytes come from SHAKE-256 (FIPS 202) of PUZZLE_DOMAIN, a purpose and a seed: the teacher and the training
inputs of the round's seed, the test inputs of the test seed.
"""

from dataclasses import dataclass
from hashlib import shake_256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.protocol.encoding.domains import PUZZLE_DOMAIN

INPUTS: Final = 12
HIDDEN: Final = 6
CLASSES: Final = 4
LARGEST_WEIGHT: Final = 7
SATURATION: Final = 1020

_MIDDLE: Final = 255
"""Twice the middle of the inputs' range 0..255: inputs count as 2x - 255."""


@dataclass(frozen=True, slots=True, eq=False)
class PuzzleSet:
    """Samples: inputs uint8 (n, 12), labels int64 (n,) in 0..3."""

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """Weights, int64 in -7..7: `hidden` (6, 12), `output` (4, 6)."""

    hidden: NDArray[np.int64]
    output: NDArray[np.int64]

    def label(self, inputs: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the class with the highest logit of each sample, the lowest class among equals."""
        centred = 2 * inputs.astype(np.int64) - _MIDDLE
        units = np.clip(centred @ self.hidden.T, -SATURATION, SATURATION)
        return np.asarray((units @ self.output.T).argmax(axis=1), dtype=np.int64)


def teacher(seed: bytes) -> Teacher:
    """Return the teacher of the round with this seed."""
    return Teacher(_weights(seed, b"hidden", (HIDDEN, INPUTS)), _weights(seed, b"output", (CLASSES, HIDDEN)))


def training_set(seed: bytes, count: int) -> PuzzleSet:
    """Return `count` training samples of the round with this seed."""
    return _samples(seed, seed, b"train", count)


def test_set(seed: bytes, test_seed: bytes, count: int) -> PuzzleSet:
    """Return `count` test samples: inputs of the test seed, labelled by the teacher of the round's seed."""
    return _samples(seed, test_seed, b"test", count)


def _samples(seed: bytes, inputs_seed: bytes, purpose: bytes, count: int) -> PuzzleSet:
    inputs = _bytes(inputs_seed, purpose, count * INPUTS).reshape(count, INPUTS)
    return PuzzleSet(inputs, teacher(seed).label(inputs))


def _weights(seed: bytes, purpose: bytes, shape: tuple[int, int]) -> NDArray[np.int64]:
    drawn = _bytes(seed, purpose, shape[0] * shape[1]).astype(np.int64)
    return (drawn % (2 * LARGEST_WEIGHT + 1) - LARGEST_WEIGHT).reshape(shape)


def _bytes(seed: bytes, purpose: bytes, count: int) -> NDArray[np.uint8]:
    expanded = shake_256(PUZZLE_DOMAIN + seed + purpose).digest(count)
    return np.frombuffer(expanded, dtype=np.uint8)
