"""The layers of a network in the order and the groups in which they are evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass

from pole.protocol.models.graph import Node, readers
from pole.protocol.models.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A layer and what follows it, evaluated together; `name` is the last one's, whose values others read."""

    layer: Layer
    inputs: tuple[str, ...]
    following: tuple[ReLU | MaxPool2d, ...]
    name: str


def steps_of(nodes: tuple[Node, ...]) -> tuple[Step, ...]:
    """Return the steps of a network.

    To a Linear or Conv2d belong the BatchNorm that is folded into it, and a ReLU, a MaxPool2d without padding
    and Dropout that follow, each the only reader of the one before.
    """
    read_by, folded, steps = readers(nodes), folded_norms(nodes), []
    done: set[str] = set()
    for node in nodes:
        if node.layer.name in done:
            continue
        chain = [node.layer]
        while (after := _next(chain, read_by, folded)) is not None:
            chain.append(after)
        done.update(layer.name for layer in chain)
        following = tuple(layer for layer in chain[1:] if isinstance(layer, ReLU | MaxPool2d))
        steps.append(Step(node.layer, node.inputs, following, chain[-1].name))
    return tuple(steps)


def folded_norms(nodes: tuple[Node, ...]) -> dict[str, str]:
    """Return which BatchNorm layer is folded into which Linear or Conv2d.

    It is the one that the BatchNorm reads, if nothing else reads that.
    """
    by_name = {node.layer.name: node for node in nodes}
    read_by = readers(nodes)
    folded = {}
    for node in nodes:
        source = by_name.get(node.inputs[0])
        if not isinstance(node.layer, BatchNorm1d | BatchNorm2d) or source is None:
            continue
        if isinstance(source.layer, Linear | Conv2d) and len(read_by[source.layer.name]) == 1:
            folded[node.layer.name] = source.layer.name
    return folded


def _next(
    chain: list[Layer], read_by: Mapping[str, tuple[Node, ...]], folded: Mapping[str, str]
) -> Layer | None:
    """Return the layer that belongs to the chain next, if one does."""
    after = read_by[chain[-1].name]
    if len(after) != 1 or not isinstance(chain[0], Linear | Conv2d):
        return None
    layer = after[0].layer
    if layer.name in folded:
        return layer
    joins = isinstance(layer, ReLU | Dropout) or (
        isinstance(layer, MaxPool2d) and layer.padding == 0 and isinstance(chain[0], Conv2d)
    )
    return layer if joins and not any(isinstance(other, type(layer)) for other in chain) else None
