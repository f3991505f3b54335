"""The graph of a network: which layer reads which, what shapes flow between them, and what it all costs."""

from dataclasses import dataclass
from typing import Final

from pole.errors import InputError
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.layers import INPUT, Layer
from pole.protocol.models.shapes import (
    activation_count,
    multiplication_count,
    output_shape,
    parameter_count,
)

RESERVED_NAMES: Final = frozenset({INPUT, "features"})


@dataclass(frozen=True, slots=True)
class Node:
    """A layer in its place.

    `inputs` are the names it reads (`input` stands for the features), `shape` is what it makes of them.
    """

    layer: Layer
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape


def trace(graph: tuple[Layer, ...], features: Shape) -> tuple[Node, ...]:
    """Return the graph's layers in order with names and shapes worked out, for features of the given shape.

    A layer without inputs reads the layer before it, the first one the features. Raises InputError at the
    first layer that does not fit, and where a layer is read by nobody.
    """
    shapes: dict[str, Shape] = {INPUT: features}
    previous, found = INPUT, []
    for layer in graph:
        if layer.name in shapes or layer.name in RESERVED_NAMES:
            raise InputError(
                f"The model specification cannot call a second layer {layer.name!r}; rename that layer."
            )
        inputs = layer.inputs or (previous,)
        _require_known(layer, inputs, shapes)
        input_shapes = tuple(shapes[name] for name in inputs)
        node = Node(layer, inputs, input_shapes, output_shape(layer, input_shapes))
        shapes[layer.name], previous = node.shape, layer.name
        found.append(node)
    _require_all_read(found)
    return tuple(found)


def readers(nodes: tuple[Node, ...]) -> dict[str, tuple[Node, ...]]:
    """Return for each layer name, and for `input`, the nodes that read it."""
    names = [INPUT, *(node.layer.name for node in nodes)]
    return {name: tuple(node for node in nodes if name in node.inputs) for name in names}


def count_parameters(nodes: tuple[Node, ...]) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter_count(node.layer, node.input_shapes[0]) for node in nodes)


def count_multiplications(nodes: tuple[Node, ...]) -> int:
    """Return what one sample costs in all layers, in multiplications of matrix products."""
    return sum(multiplication_count(node.layer, node.input_shapes, node.shape) for node in nodes)


def count_activations(nodes: tuple[Node, ...]) -> int:
    """Return the number of values that all layers together make of one sample."""
    return sum(activation_count(node.layer, node.input_shapes[0], node.shape) for node in nodes)


def _require_known(layer: Layer, inputs: tuple[str, ...], shapes: dict[str, Shape]) -> None:
    for name in inputs:
        if name not in shapes:
            raise InputError(
                f"Layer {layer.name!r} of the model specification reads {name!r}, which no layer before "
                "it is called; "
                f"name an earlier layer or {INPUT!r}."
            )


def _require_all_read(nodes: list[Node]) -> None:
    read = {name for node in nodes for name in node.inputs}
    for node in nodes[:-1]:
        if node.layer.name not in read:
            raise InputError(
                f"No layer of the model specification reads layer {node.layer.name!r}; remove it or name "
                "it in an input."
            )
