"""Reads the graph of a traced torch module, node by node, into layers of a model specification."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import fx, nn

from pole.errors import InputError
from pole.learning.importing import functions
from pole.learning.importing.layers import Flow, LayerList, Source
from pole.learning.importing.trace import UnsupportedError, first_line, line_of
from pole.learning.importing.transformers import add_attention, add_encoder, add_encoder_layer
from pole.protocol.mapping.kinds import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Layers as JSON values, the shape of the last one's result, and where the weights of each are."""

    layers: list[dict[str, Any]]
    shape: Shape
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The number of samples, which no layer may depend on."""


def read_graph(module: nn.Module, graph: fx.Graph, features: Shape) -> Found:
    """Return the layers of a graph over samples of shape `features`.

    Raises UnsupportedError, with node, line and remedy, at the first node that is no layer.
    """
    reader = _Reader(module, features)
    for node in graph.nodes:
        try:
            reader.read(node)
        except (InputError, TypeError) as error:
            place = f"{node.op.replace('_', ' ')} {node.name!r}{line_of(node)}"
            reason = first_line(error)
            raise UnsupportedError(f"The module cannot be exported at its {place}: {reason}.") from error
    return Found(reader.layers.layers, reader.result.shape, reader.layers.sources)


class _Reader:
    """What every node stands for: a Flow, a parameter, a size, or the number of samples."""

    def __init__(self, root: nn.Module, features: Shape) -> None:
        self.root, self.layers = root, LayerList(features)
        self.result = self.layers.start
        self.values: dict[fx.Node, Any] = {}

    def read(self, node: fx.Node) -> None:
        """Work out one node."""
        arguments: Any = fx.node.map_arg((node.args, node.kwargs), lambda each: self.values[each])
        args, kwargs = arguments
        if not args and "input" in kwargs:
            args, kwargs = (kwargs["input"],), {k: v for k, v in kwargs.items() if k != "input"}
        match node.op:
            case "placeholder":
                self.values[node] = self._placeholder(args)
            case "get_attr":
                self.values[node] = _attribute(self.root, str(node.target))
            case "call_module":
                self.values[node] = self._module(node, args, kwargs)
            case "output":
                self.result = _require_flow(args[0])
                self._require_last()
            case _:
                self.values[node] = self._function(node, args, kwargs)

    def _placeholder(self, args: tuple[Any, ...]) -> Any:
        if not self.values:
            return self.layers.start
        if args:
            return args[0]
        raise UnsupportedError("forward must take the features alone, or have defaults for the rest")

    def _module(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        module, flow = self.root.get_submodule(str(node.target)), _require_flow(args[0])
        if isinstance(module, nn.MultiheadAttention):
            if any(each != flow for each in args[:3]) or len(args) != 3 or _masks(kwargs):
                raise UnsupportedError(
                    "attention must be of one input to itself, attention(x, x, x), unmasked"
                )
            return add_attention(self.layers, module, node.name, flow), None
        if len(args) > 1 or _masks(kwargs):
            raise UnsupportedError("a layer takes one input, without masks: leave the others out")
        if isinstance(module, nn.TransformerEncoder):
            return add_encoder(self.layers, module, node.name, flow)
        if isinstance(module, nn.TransformerEncoderLayer):
            return add_encoder_layer(self.layers, module, node.name, flow)
        return self.layers.add_module(module, node.name, flow)

    def _function(self, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = node.target
        if key in functions.CONCATENATIONS:
            return self._concatenation(node, *args, **kwargs)
        if key in functions.ADDITIONS and any(isinstance(each, Flow) for each in args):
            return self._addition(node, *args)
        if not isinstance(args[0], Flow):
            return _whole_number(node, args)
        flow, rest = args[0], args[1:]
        if key in functions.MODULES:
            return self.layers.add_module(functions.MODULES[key](*rest, **kwargs), node.name, flow)
        if key is getattr and rest == ("shape",):
            return (BatchSize(), *flow.shape)
        if key == "size":
            sizes = (BatchSize(), *flow.shape)
            return sizes[rest[0]] if rest else sizes
        if key in functions.NOTHING:
            return flow
        return self._rearrangement(node, flow, rest, kwargs)

    def _rearrangement(
        self, node: fx.Node, flow: Flow, rest: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Flow:
        order = tuple(rest[0]) if rest and isinstance(rest[0], tuple | list) else rest
        if node.target in functions.RESHAPES and order:
            return self._reshaped(node, flow, order)
        if node.target in functions.TRANSPOSITIONS:
            if order not in ((1, 2), (2, 1), (-1, -2), (-2, -1), (0, 2, 1)):
                raise UnsupportedError("only the two dimensions of tokens can be exchanged: transpose(1, 2)")
            return self.layers.add("Transpose", node.name, flow)
        if node.target in functions.MEANS:
            return self._mean(node, flow, *rest, **kwargs)
        raise UnsupportedError(
            f"it is no layer of a model specification: "
            f"{functions.REMEDIES.get(node.target, functions.ANY_REMEDY)}"
        )

    def _addition(self, node: fx.Node, first: Any, second: Any) -> Flow:
        flow, other = (first, second) if isinstance(first, Flow) else (second, first)
        if isinstance(other, Flow):
            return self.layers.add("Add", node.name, flow, other)
        if not isinstance(other, nn.Parameter):
            raise UnsupportedError("only another layer or an nn.Parameter can be added")
        shape = tuple(other.shape)
        if shape[-len(flow.shape) :] != flow.shape or prod(shape) != prod(flow.shape):
            raise UnsupportedError(
                f"a parameter of {list(shape)} cannot be added to {list(flow.shape)}: give it that shape"
            )
        return self.layers.add("Position", node.name, flow, source=other)

    def _concatenation(self, node: fx.Node, tensors: Any, dim: int = 0) -> Flow:
        flows = [_require_flow(each) for each in tensors]
        if dim != 1 and not (dim == -1 and len(flows[0].shape) == 1):
            raise UnsupportedError("tensors can be joined along dimension 1 only: torch.cat(..., dim=1)")
        return self.layers.add("Concat", node.name, *flows)

    def _reshaped(self, node: fx.Node, flow: Flow, sizes: tuple[Any, ...]) -> Flow:
        first, target = sizes[0], list(sizes[1:])
        kept = isinstance(first, BatchSize) or first == -1
        if not kept or any(isinstance(size, BatchSize) for size in target):
            raise UnsupportedError("samples must stay apart: keep the first dimension, x.flatten(1)")
        if -1 in target:
            known = prod(size for size in target if size != -1)
            target[target.index(-1)] = prod(flow.shape) // max(1, known)
        shape = tuple(target)
        if shape == flow.shape:
            return flow
        if len(shape) == 1:
            return self.layers.add("Flatten", node.name, flow)
        if len(flow.shape) == 1:
            return self.layers.add("Unflatten", node.name, flow, unflattened_size=shape)
        if len(flow.shape) == 3 and shape == (flow.shape[0], prod(flow.shape[1:])):
            return self.layers.add("Flatten", node.name, flow, start_dim=2)
        raise UnsupportedError(f"{list(flow.shape)} cannot become {list(shape)}: flatten it first")

    def _mean(self, node: fx.Node, flow: Flow, dim: Any = None, **options: Any) -> Flow:
        rank = len(flow.shape)
        dims = sorted(each % (rank + 1) for each in ((dim,) if isinstance(dim, int) else dim or ()))
        if not any(options.values()) and rank == 2 and dims == [1]:
            return self.layers.add("Mean", node.name, flow)
        if not any(options.values()) and rank == 3 and dims == [2, 3]:
            pooled = self.layers.add_module(nn.AdaptiveAvgPool2d(1), f"{node.name}_pool", flow)
            return self.layers.add("Flatten", node.name, pooled)
        raise UnsupportedError(
            "a mean must be over all tokens, mean(dim=1), or over all pixels, mean((2, 3))"
        )

    def _require_last(self) -> None:
        """Raise UnsupportedError unless the result is what the last layer makes."""
        if not self.layers.layers or self.layers.layers[-1]["name"] != self.result.name:
            raise UnsupportedError("forward must return what its last layer makes")


def _attribute(root: nn.Module, path: str) -> Any:
    folder, _, name = path.rpartition(".")
    return getattr(root.get_submodule(folder), name)


def _whole_number(node: fx.Node, args: tuple[Any, ...]) -> Any:
    if node.target not in functions.ARITHMETIC or any(isinstance(each, BatchSize) for each in args):
        raise UnsupportedError(
            f"it is no layer of a model specification: "
            f"{functions.REMEDIES.get(node.target, functions.ANY_REMEDY)}"
        )
    return functions.ARITHMETIC[node.target](*args)


def _require_flow(value: Any) -> Flow:
    if not isinstance(value, Flow):
        raise UnsupportedError("it must take what a layer makes, one tensor")
    return value


def _masks(kwargs: dict[str, Any]) -> bool:
    return any(
        value is not None and value is not False
        for name, value in kwargs.items()
        if name not in ("need_weights", "average_attn_weights")
    )
