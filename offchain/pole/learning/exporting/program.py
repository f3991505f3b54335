"""A model as a list of steps, each an operation of ONNX: written once, and run by every kind of file.

All arithmetic is in float64, and every step is exact or correctly rounded by IEEE 754, so whoever runs the
steps in their order gets the bits of canonical evaluation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.learning.evaluation.fixed_point import CLAMP, WEIGHT_ONE

Constant = NDArray[Any]
Attribute = int | str | tuple[int, ...] | tuple[str, ...]

FLOAT: Final = "float64"
WHOLE: Final = "int64"
BYTE: Final = "uint8"
TEXT: Final = "str"

OWN: Final = "pole/"
"""What names of values begin with that are neither inputs nor outputs: columns have any name."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: its name, its type (FLOAT, WHOLE, BYTE or TEXT), and the shape of one row."""

    name: str
    type: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """An operation of ONNX on named values, under its name there, with its attributes."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Program:
    """Steps in order from inputs to outputs, whose first dimension is the rows, as many as there are."""

    inputs: tuple[Port, ...]
    constants: Mapping[str, Constant]
    steps: tuple[Step, ...]
    outputs: tuple[Port, ...]


@dataclass(slots=True)
class Builder:
    """Writes a program step by step; values are known by names that it gives."""

    constants: dict[str, Constant] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def constant(self, value: Any, name: str = "constant") -> str:
        """Return the name of a constant, which begins with `name`; floats and numbers are float64."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float64)
        for known, other in self.constants.items():
            alike = other.dtype == array.dtype and other.shape == array.shape
            if alike and array.size <= 1 and np.array_equal(other, array):
                return known
        chosen = f"{OWN}{name}_{len(self.constants)}"
        self.constants[chosen] = array
        return chosen

    def apply(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a step and return the name of what it makes."""
        output = f"{OWN}{op.lower()}_{len(self.steps)}"
        self.steps.append(Step(op, inputs, output, attributes))
        return output

    def name(self, value: str, name: str) -> None:
        """Give a value the name of an output."""
        self.steps.append(Step("Identity", (value,), name, {}))

    def scaled(self, value: str, factor: Any, name: str = "factor") -> str:
        """Return value * factor."""
        return self.apply("Mul", value, self.constant(np.asarray(factor, dtype=np.float64), name))

    def divided(self, value: str, divisor: float) -> str:
        """Return value / divisor, correctly rounded."""
        return self.apply("Div", value, self.constant(float(divisor), "divisor"))

    def added(self, value: str, offset: Any, name: str = "offset") -> str:
        """Return value + offset."""
        return self.apply("Add", value, self.constant(np.asarray(offset, dtype=np.float64), name))

    def clipped(self, value: str, low: float, high: float) -> str:
        """Return values limited to low .. high."""
        return self.apply("Clip", value, self.constant(float(low), "low"), self.constant(float(high), "high"))

    def clamped(self, value: str) -> str:
        """Return activations limited to their range."""
        return self.clipped(value, -CLAMP, CLAMP)

    def to_activations(self, sums: str) -> str:
        """Return sums of weight-activation products (grid 2^-22) as clamped activations (grid 2^-10)."""
        return self.clamped(self.apply("Round", self.divided(sums, WEIGHT_ONE)))

    def reshaped(self, value: str, *shape: int) -> str:
        """Return rows of another shape, which leaves out the rows themselves."""
        return self.apply("Reshape", value, self.constant(np.array([0, *shape]), "shape"))

    def summed(self, value: str, axis: int) -> str:
        """Return sums over one dimension, which stays with the length 1."""
        return self.apply("ReduceSum", value, self.constant(np.array([axis]), "axes"), keepdims=1)

    def largest(self, value: str, axis: int) -> str:
        """Return maxima over one dimension, which stays with the length 1."""
        return self.apply("ReduceMax", value, self.constant(np.array([axis]), "axes"), keepdims=1)

    def gathered(self, value: str, places: NDArray[np.int64], axis: int) -> str:
        """Return the values at places of one dimension, which the shape of the places replaces."""
        return self.apply("Gather", value, self.constant(places.astype(np.int64), "places"), axis=axis)

    def padded(self, value: str, rank: int, fill: float) -> str:
        """Return values with one more, `fill`, at the end of the last of `rank` dimensions."""
        pads = np.zeros(2 * rank, dtype=np.int64)
        pads[-1] = 1
        return self.apply("Pad", value, self.constant(pads, "pads"), self.constant(float(fill), "fill"))

    def looked_up(self, table: NDArray[np.float64], places: str, name: str) -> str:
        """Return the entries of a table at places that are whole numbers in float64."""
        return self.apply("Gather", self.constant(table, name), self.apply("Cast", places, to=WHOLE), axis=0)
