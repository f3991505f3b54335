"""Right calls of the evaluation's kernel at random, and what they must give: the layers in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scripts.stress.sanitize.valid import Call

from pole.learning.evaluation import layers
from pole.protocol.models.layers import Conv2d, MaxPool2d, ReLU

# Of weights and activations; the last one makes sums that have to be carried.
MAGNITUDES = (1, 100, 2**15 - 1)
UNFIT = (2.0**15, -(2.0**15) - 1, float("nan"), float("inf"), 1e300)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Convolver:
    """Makes calls of a build of the kernel."""

    native: ModuleType
    rng: Random

    def paths(self) -> list[str]:
        """Return the names of the code paths."""
        return [name for name, _ in self.native.paths()]

    def make(self, call: Call) -> Any:
        """Call the module."""
        return getattr(self.native, call.function)(*call.arguments)

    def any_call(self) -> Call:
        """Return a right call."""
        pick, random = self.rng.randint, np.random.default_rng(self.rng.getrandbits(32))
        kernel, padding, stride = pick(1, 4), pick(0, 2), pick(1, 3)
        sides = [pick(max(1, kernel - 2 * padding), 9) for _ in range(2)]
        x = self._numbers((pick(0, 9), pick(1, 5), *sides), random).astype(np.float64)
        weight = self._numbers((pick(1, 20), x.shape[1], kernel, kernel), random)
        layer = Conv2d(name="a", out_channels=len(weight), kernel_size=kernel, padding=padding, stride=stride)
        made = [(side + 2 * padding - kernel) // stride + 1 for side in sides]
        pooling = MaxPool2d(name="p", kernel_size=pick(1, min(made)), stride=pick(1, 2))
        following = [pooling, *([ReLU(name="r")] if pick(0, 1) else [])]
        expected = x[:0] if len(x) == 0 else _in_float64(layer, following, x, weight)
        unfit = [place for place in range(len(x)) if pick(0, 9) == 0]
        for place in unfit:
            x[place, 0, 0, 0] = self.rng.choice(UNFIT)
        path, lanes = self.rng.choice(self.native.paths())
        pooled = [(side - pooling.kernel_size) // (pooling.stride or 1) + 1 for side in made]
        found, marks = np.full((len(x), len(weight), *pooled), 7.0), np.full(len(x), 7, dtype=np.uint8)
        arguments = (
            *(path, x.shape, (len(weight), kernel, stride, padding)),
            *((pooling.kernel_size, pooling.stride, len(following) - 1), x, _packed(weight, lanes)),
            *(np.zeros(-(-len(weight) // lanes) * lanes, dtype=np.int32), found, marks),
        )
        return Call("convolve", arguments, _gives(found, marks, expected, unfit), (7, 8))

    def _numbers(self, shape: tuple[int, ...], random: np.random.Generator) -> Numbers:
        largest = self.rng.choice(MAGNITUDES)
        return random.integers(-largest, largest, shape, endpoint=True)


def _in_float64(layer: Conv2d, following: list[Any], x: NDArray[np.float64], weight: Numbers) -> Any:
    found = layers.apply(layer, [x], {"a.weight": weight.astype(np.float64)})
    for after in following:
        found = layers.apply(after, [found], {})
    return found


def _packed(weight: Numbers, lanes: int) -> NDArray[np.int16]:
    """Return (outputs, channels, side, side) as the kernel reads it, number by number."""
    outputs, channels, side, _ = weight.shape
    pairs, blocks = side * side * ((channels + 1) // 2), -(-outputs // lanes)
    packed = np.zeros((blocks, pairs, lanes, 2), dtype=np.int16)
    for (output, channel, i, j), value in np.ndenumerate(weight):
        pair = (i * side + j) * ((channels + 1) // 2) + channel // 2
        packed[output // lanes, pair, output % lanes, channel % 2] = value
    return packed


def _gives(found: Any, marks: Any, expected: Any, unfit: list[int]) -> Callable[[Any], None]:
    def check(result: Any) -> None:
        assert result is None, f"returned {result!r}"
        assert np.flatnonzero(marks).tolist() == unfit, "marked other samples than those that do not fit"
        fit = marks == 0
        assert np.array_equal(found[fit], expected[fit] if len(expected) else found[fit]), "other bits"

    return check
