"""A program as a torch module in float64, and as a `.pt2` file by torch.export."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from pole.learning.exporting.program import Program, Step

TYPES: Final = {"float64": torch.float64, "int64": torch.int64, "uint8": torch.uint8}
SHAPED: Final = frozenset({"Clip", "Pad", "ReduceMax", "ReduceSum", "Reshape"})
SPLITTER: Final = float(2**27 + 1)


class ProgramModule(torch.nn.Module):
    """A program's steps as torch operations: inputs by position, outputs by name."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._steps = program.steps
        self._inputs = tuple(port.name for port in program.inputs)
        self._outputs = tuple(port.name for port in program.outputs)
        tensors = {name for step in self._steps for name in step.inputs[: _tensors_of(step)]}
        self._static = {name: value.tolist() for name, value in program.constants.items() if value.ndim < 2}
        self._names: dict[str, str] = {}
        for number, name in enumerate(sorted(tensors & program.constants.keys())):
            self._names[name] = f"constant{number}"
            self.register_buffer(self._names[name], torch.from_numpy(np.array(program.constants[name])))

    def forward(self, *given: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return logits (n, outputs) in multiples of 2^-10, labels (n,), and a regression's values."""
        values: dict[str, torch.Tensor] = {name: getattr(self, held) for name, held in self._names.items()}
        values |= zip(self._inputs, given, strict=True)
        for step in self._steps:
            count = _tensors_of(step)
            tensors = (values[name] for name in step.inputs[:count])
            numbers = (self._static[name] for name in step.inputs[count:])
            values[step.output] = OPERATIONS[step.op](*tensors, *numbers, **step.attributes)
        return {name: values[name] for name in self._outputs}


class TorchModel:
    """A `.pt2` file at work on the processor."""

    def __init__(self, path: Path, program: Program) -> None:
        self._module = torch.export.load(path).module()
        self._inputs = tuple(port.name for port in program.inputs)

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of rows by name."""
        given = (torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in self._inputs)
        return {name: value.numpy() for name, value in self._module(*given).items()}


def write_torch(program: Program, path: Path) -> None:
    """Write the `.pt2` file of a program, which takes any number of rows."""
    example = tuple(torch.zeros((3, *port.shape), dtype=TYPES[port.type]) for port in program.inputs)
    rows = torch.export.Dim("rows")
    exported = torch.export.export(
        ProgramModule(program).eval(), example, dynamic_shapes={"given": tuple({0: rows} for _ in example)}
    )
    torch.export.save(exported, path)


def _tensors_of(step: Step) -> int:
    """Return how many inputs of a step are tensors; those after them are known when it is exported."""
    return 1 if step.op in SHAPED else len(step.inputs)


def _reshape(value: torch.Tensor, shape: list[int]) -> torch.Tensor:
    return value.reshape([value.shape[place] if size == 0 else size for place, size in enumerate(shape)])


def _pad(value: torch.Tensor, pads: list[int], fill: float) -> torch.Tensor:
    more = value.new_full((*value.shape[:-1], pads[-1]), fill)
    return torch.cat([value, more], dim=-1)


def _gather(value: torch.Tensor, places: torch.Tensor, axis: int) -> torch.Tensor:
    found = value.index_select(axis, places.reshape(-1))
    return found.reshape([*value.shape[:axis], *places.shape, *value.shape[axis + 1 :]])


def _root(value: torch.Tensor) -> torch.Tensor:
    """Return square roots, correctly rounded: torch's own on the processor are off by a bit now and then.

    The residual of a root is exact (Dekker's product, 1971), and one step of Newton's method takes it away.
    """
    root = value.sqrt()
    scaled = root * SPLITTER
    high = scaled - (scaled - root)
    low = root - high
    square = root * root
    lost = ((high * high - square) + 2 * high * low) + low * low
    return root + ((value - square) - lost) / (2 * root)


OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "Add": torch.add,
    "ArgMax": lambda x, axis, keepdims: x.argmax(dim=axis),
    "Cast": lambda x, to: x.to(TYPES[to]),
    "Clip": torch.clamp,
    "Concat": lambda *given, axis: torch.cat(given, dim=axis),
    "Div": torch.div,
    "Floor": torch.floor,
    "Gather": _gather,
    "Greater": torch.gt,
    "Identity": lambda x: x.clone(),
    "Less": torch.lt,
    "MatMul": torch.matmul,
    "Mul": torch.mul,
    "Pad": _pad,
    "ReduceMax": lambda x, axes, keepdims: x.amax(dim=axes, keepdim=True),
    "ReduceSum": lambda x, axes, keepdims: x.sum(dim=axes, keepdim=True),
    "Reshape": _reshape,
    "Round": torch.round,
    "Sqrt": _root,
    "Sub": torch.sub,
    "Transpose": lambda x, perm: x.permute(perm),
    "Where": torch.where,
}
