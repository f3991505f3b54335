"""Reads the graph of a traced torch module, node by node, into layers of a model specification."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from pole.errors import InputError
from pole.learning.importing import functions
from pole.learning.importing.layers import Flow, LayerList, Source
from pole.learning.importing.lines import after_comma, first_line, line_of_forward, line_of_making
from pole.learning.importing.modules import ATTENTION, require_known
from pole.learning.importing.trace import (
    EXAMPLE,
    FORBIDDEN,
    LINE,
    SAMPLES,
    Trace,
    UnsupportedError,
    call_of,
    fetch,
)
from pole.learning.importing.transformers import add_attention, add_encoder, add_encoder_layer
from pole.protocol.mapping.kinds import Shape

NAMES: Final = {"axis": "dim"}
"""What torch calls an argument where it follows NumPy."""
UNKNOWN: Final = "?"
"""The name of what no layer makes."""
CALLED: Final = re.compile(r"^[\w.<>]+\(\) ")
"""How Python begins its sentence on a function called with the wrong arguments: with our name of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Layers as JSON values, the shape of the result, where the weights are, and what cannot be exported."""

    layers: list[dict[str, Any]]
    shape: Shape
    sources: Mapping[str, Source]
    obstacles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The number of samples, which no layer may depend on."""


def read_graph(traced: Trace, features: Shape, dtype: torch.dtype) -> Found:
    """Return the layers of a graph over samples of shape `features`.

    What is no layer is an obstacle, with node, line and remedy; reading goes on with the shape that it made.
    """
    reader, obstacles = _Reader(traced.root, features, dtype), dict[tuple[str, str], str]()
    for node in traced.graph.nodes:
        try:
            reader.read(node)
        except (InputError, TypeError, ValueError, IndexError) as error:
            place, lines, reason = _obstacle(traced.root, node, error)
            reader.values[node] = _unknown(node.meta.get(EXAMPLE))
            failed = EXAMPLE not in node.meta and node.op != "output"
            if reader.is_unknown(node) and type(error) is InputError:
                continue
            if failed or not traced.line or node.meta[LINE] != traced.line:
                obstacles.setdefault((lines or place, reason), f"at its {place}{lines}: {reason}")
            if failed:
                break
    else:
        obstacles[traced.failure, ""] = traced.failure
    found = tuple(filter(None, obstacles.values()))
    return Found(reader.layers.layers, reader.result.shape, reader.layers.sources, found)


class _Reader:
    """What every node stands for: a Flow, a parameter, or the number of samples."""

    def __init__(self, root: nn.Module, features: Shape, dtype: torch.dtype) -> None:
        self.root, self.layers, self.dtype = root, LayerList(root, features), dtype
        self.result = self.layers.start
        self.values: dict[fx.Node, Any] = {}

    def read(self, node: fx.Node) -> None:
        """Work out one node."""
        if FORBIDDEN in node.meta:
            raise UnsupportedError(node.meta[FORBIDDEN])
        arguments: Any = fx.node.map_arg((node.args, node.kwargs), lambda each: self.values[each])
        args, kwargs = arguments
        match node.op:
            case "placeholder":
                value: Any = self.layers.start
            case "get_attr":
                value = fetch(self.root, str(node.target))
            case "call_module":
                value = self._module(node, args, kwargs)
            case "output":
                self.result = _require_flow(args[0], "forward must return one tensor of logits")
                return self._require_last()
            case _:
                value = self._function(node, args, kwargs)
        if self.is_unknown(node) or _is_unknown(value):
            value = _unknown(node.meta.get(EXAMPLE, value))
        elif isinstance(value, Flow) and EXAMPLE in node.meta:
            self._require_match(value, node.meta[EXAMPLE])
        self.values[node] = value
        return None

    def is_unknown(self, node: fx.Node) -> bool:
        """Whether a node reads what no layer makes."""
        return any(_is_unknown(self.values[each]) for each in node.all_input_nodes)

    def _module(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        module = self.root.get_submodule(str(node.target))
        if type(module) not in ATTENTION:
            require_known(module)
        given = inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments
        flow = _require_flow(given.pop(next(iter(given), ""), None))
        if isinstance(module, nn.MultiheadAttention):
            if any(given.pop(name, None) != flow for name in ("key", "value")) or _masks(given):
                raise UnsupportedError(
                    "attention must be of one input to itself, attention(x, x, x), unmasked"
                )
            return add_attention(self.layers, module, node.name, flow), None
        if _masks(given):
            raise UnsupportedError("a layer takes one input, without masks: leave the others out")
        if isinstance(module, nn.TransformerEncoder):
            return add_encoder(self.layers, module, node.name, flow)
        if isinstance(module, nn.TransformerEncoderLayer):
            return add_encoder_layer(self.layers, module, node.name, flow)
        return self.layers.add_module(module, node.name, flow)

    def _function(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = str(args[1]) if node.target is getattr else functions.name_of(node.target)
        kwargs = {NAMES.get(each, each): value for each, value in kwargs.items()}
        if not args and "input" in kwargs:
            args, kwargs = (kwargs["input"],), {k: v for k, v in kwargs.items() if k != "input"}
        if name in functions.CONCATENATIONS:
            return self._concatenation(node, *args, **kwargs)
        if name == "add" and any(isinstance(each, Flow) for each in (*args, *kwargs.values())):
            return self._addition(node, *args, **kwargs)
        if name == "getitem" and isinstance(args[0], tuple | list):
            return args[0][args[1]]
        if args and isinstance(args[0], BatchSize):
            raise UnsupportedError("the number of samples is the first size of a view, and nothing else")
        if not args or not isinstance(args[0], Flow):
            raise _no_layer(name, (*args, *kwargs.values()))
        flow, rest = args[0], args[1:]
        if name in functions.MODULES:
            return self.layers.add_module(functions.MODULES[name](*rest, **kwargs), node.name, flow)
        if name == "size":
            return BatchSize()
        if name in functions.NOTHING:
            return flow
        return self._rearrangement(node, name, flow, rest, kwargs)

    def _rearrangement(
        self, node: fx.Node, name: str, flow: Flow, rest: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Flow:
        order = (*rest, *kwargs.values())
        order = tuple(order[0]) if order and isinstance(order[0], tuple | list) else order
        if name in functions.RESHAPES and order:
            return self._reshaped(node, flow, order)
        if name in ("squeeze", "unsqueeze"):
            return self._to_shape(node, flow, _squeezed(name, flow.shape, *rest, **kwargs))
        if name in functions.TRANSPOSITIONS:
            pairs = ((1, 2), (2, 1), (-1, -2), (-2, -1), (1, -1), (-1, 1), (2, -2), (-2, 2), (0, 2, 1))
            if order not in pairs or len(flow.shape) != 2:
                raise UnsupportedError("only the two dimensions of tokens can be exchanged: transpose(1, 2)")
            return self.layers.add("Transpose", node.name, flow)
        if name == "mean":
            return self._mean(node, flow, *rest, **kwargs)
        raise _no_layer(name, (flow, *rest, *kwargs.values()))

    def _addition(self, node: fx.Node, first: Any, other: Any, *, alpha: float = 1) -> Flow:
        if alpha != 1:
            raise UnsupportedError(f"alpha is a factor: {functions.remedy('mul', (alpha,))}")
        flow, other = (first, other) if isinstance(first, Flow) else (other, first)
        if isinstance(other, Flow):
            return self.layers.add("Add", node.name, flow, other)
        if isinstance(other, int | float) and other == 0:
            return flow
        if not isinstance(other, nn.Parameter):
            raise UnsupportedError(
                "only another layer or an nn.Parameter can be added, no constant and no buffer: leave it "
                "out, or make it an nn.Parameter, which is learned"
            )
        shape = tuple(other.shape)
        if shape[-len(flow.shape) :] != flow.shape or prod(shape) != prod(flow.shape):
            raise UnsupportedError(
                f"a parameter of {list(shape)} cannot be added to {list(flow.shape)}: give it that shape"
            )
        return self.layers.add("Position", node.name, flow, source=other)

    def _concatenation(self, node: fx.Node, tensors: Any, dim: int = 0) -> Flow:
        flows = [
            _require_flow(each, "only layers can be joined; class tokens have none: use mean(dim=1)")
            for each in tensors
        ]
        if dim % (len(flows[0].shape) + 1) != 1:
            raise UnsupportedError("tensors can be joined along dimension 1 only: torch.cat(..., dim=1)")
        return self.layers.add("Concat", node.name, *flows) if len(flows) > 1 else flows[0]

    def _reshaped(self, node: fx.Node, flow: Flow, sizes: tuple[Any, ...]) -> Flow:
        first, target = sizes[0], list(sizes[1:])
        if not all(isinstance(size, int) for size in target):
            raise UnsupportedError("samples must stay apart: keep the first dimension, x.flatten(1)")
        if -1 in target:
            known = prod(size for size in target if size != -1)
            target[target.index(-1)] = prod(flow.shape) // max(1, known)
        kept = isinstance(first, BatchSize) or first == -1
        if not kept or prod(target) != prod(flow.shape):
            raise UnsupportedError("samples must stay apart: keep the first dimension, x.flatten(1)")
        return self._to_shape(node, flow, tuple(target))

    def _to_shape(self, node: fx.Node, flow: Flow, shape: Shape) -> Flow:
        if shape == flow.shape:
            return flow
        if len(shape) not in (1, 2, 3):
            raise UnsupportedError(f"no layer takes samples of shape {list(shape)}")
        if len(flow.shape) == 3 and shape == (flow.shape[0], prod(flow.shape[1:])):
            return self.layers.add("Flatten", node.name, flow, start_dim=2)
        if len(flow.shape) > 1:
            flow = self.layers.add("Flatten", node.name, flow)
        if len(shape) == 1:
            return flow
        return self.layers.add("Unflatten", node.name, flow, unflattened_size=shape)

    def _mean(self, node: fx.Node, flow: Flow, dim: Any = None, **options: Any) -> Flow:
        rank = len(flow.shape)
        dims = sorted(each % (rank + 1) for each in ((dim,) if isinstance(dim, int) else dim or ()))
        if not any(options.values()) and rank == 2 and dims == [1]:
            return self.layers.add("Mean", node.name, flow)
        if options in ({}, {"keepdim": True}, {"keepdim": False}) and rank == 3 and dims == [2, 3]:
            pooled = self.layers.add_module(nn.AdaptiveAvgPool2d(1), f"{node.name}_pool", flow)
            return pooled if options.get("keepdim") else self.layers.add("Flatten", node.name, pooled)
        raise UnsupportedError(
            "a mean must be over all tokens, mean(dim=1), or over all pixels, mean((2, 3))"
        )

    def _require_match(self, flow: Flow, example: Any) -> None:
        """Raise UnsupportedError where a layer makes something else of the example than the module did."""
        made = list(example.shape) if isinstance(example, Tensor) else type(example).__name__
        if made != [SAMPLES, *flow.shape]:
            raise UnsupportedError(
                f"it makes {made} of {SAMPLES} samples, and its layer {[SAMPLES, *flow.shape]}: samples must "
                "stay apart"
            )
        if example.dtype != self.dtype:
            raise UnsupportedError(f"it makes {example.dtype} of {self.dtype}: leave the conversion out")

    def _require_last(self) -> None:
        """Raise UnsupportedError unless the result is what the last layer makes."""
        last = self.layers.layers[-1]["name"] if self.layers.layers else UNKNOWN
        if self.result.name not in (last, UNKNOWN):
            raise UnsupportedError("forward must return what its last layer makes")


def _obstacle(root: nn.Module, node: fx.Node, error: Exception) -> tuple[str, str, str]:
    """Return what cannot be exported, its lines (where it is called, where a layer was made), and why not."""
    line, made = node.meta[LINE], ""
    if node.op == "call_module":
        made = line_of_making(root.get_submodule(str(node.target)))
    if node.op == "output":
        line = line_of_forward(root.get_submodule("0"))
    lines = after_comma(line) + (f", made in {made}" if made not in ("", line) else "")
    reason = first_line(error)
    if not isinstance(error, InputError):
        reason = f"no layer takes it as it is called ({CALLED.sub('', reason)})"
    return call_of(node), lines, reason


def _no_layer(name: str, args: tuple[Any, ...]) -> UnsupportedError:
    return UnsupportedError(f"it is no layer of a model specification: {functions.remedy(name, args)}")


def _unknown(example: Any) -> Any:
    """Return what an example stands for where no layer makes it: flows of its shapes."""
    if isinstance(example, Tensor):
        return Flow(UNKNOWN, tuple(example.shape[1:]))
    return tuple(map(_unknown, example)) if isinstance(example, tuple | list) else example


def _is_unknown(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_unknown, value))
    return isinstance(value, Flow) and value.name == UNKNOWN


def _require_flow(value: Any, otherwise: str = "it must take what a layer makes, one tensor") -> Flow:
    if not isinstance(value, Flow):
        raise UnsupportedError(otherwise)
    return value


def _squeezed(name: str, shape: Shape, dim: Any = None) -> Shape:
    if name == "unsqueeze" and isinstance(dim, int) and dim % (len(shape) + 2):
        place = dim % (len(shape) + 2) - 1
        return (*shape[:place], 1, *shape[place:])
    if name == "squeeze" and isinstance(dim, int) and dim % (len(shape) + 1):
        place = dim % (len(shape) + 1) - 1
        return (*shape[:place], *shape[place + (shape[place] == 1) :])
    raise UnsupportedError("samples must stay apart: name a dimension after the first")


def _masks(given: Mapping[str, Any]) -> bool:
    return any(
        value is not None and value is not False
        for name, value in given.items()
        if name not in ("need_weights", "average_attn_weights")
    )
