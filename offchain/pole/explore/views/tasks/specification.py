"""What a specification asks for, as a page shows it: layers with their shapes, and what is disclosed."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pole.errors import InputError
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, Mapping, window_count, window_size
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import Node, count_multiplications, count_parameters
from pole.protocol.models.layers import INPUT
from pole.protocol.models.metrics import AbsoluteError
from pole.protocol.models.shapes import multiplication_count, parameter_count
from pole.protocol.models.specification import (
    ModelSpecification,
    disclosed_rank,
    model_bytes_bound,
    parse_specification,
)

FEATURES: Final = "features"
"""What layers read that read no other layer: no layer can be called so."""

_KEPT: Final = 64
"""Specifications that are not read again for the next page."""


@dataclass(frozen=True, slots=True)
class LayerLine:
    """A layer: what it is set to, what it reads, the shape it makes of a sample, and what that costs."""

    name: str
    op: str
    settings: str
    reads: tuple[str, ...]
    makes: tuple[int, ...]
    parameters: int
    multiplications: int


@dataclass(frozen=True, slots=True)
class MappingLine:
    """The secure mapping layer, and what its keys give away of every sample.

    `window` is the tile of `blocks` and the kernel of `conv`, None for `linear`. `functions` is how many
    independent functions of a sample its keys open, of the `dimension` that it has; `by_rank` whether that
    breaks the key budget's rule `rank` whatever the data are. `noise` is a deviation, 0 for none: where there
    is any, no function is exact.
    """

    kind: str
    bits: int
    queries: int
    window: tuple[int, int] | None
    windows: int
    weights: int
    noise: int
    makes: tuple[int, ...]
    functions: int
    dimension: int
    by_rank: bool


@dataclass(frozen=True, slots=True)
class SpecificationView:
    """A specification, from the samples that go in to the classes that come out.

    `steps` is whether the classes are steps of a number's grid, as a regression has them. `model_bytes`
    bounds the size of a model file.
    """

    shape: tuple[int, ...]
    bits: int
    classes: int
    steps: bool
    metric: str
    mapping: MappingLine
    layers: tuple[LayerLine, ...]
    parameters: int
    multiplications: int
    model_bytes: int


@lru_cache(maxsize=_KEPT)
def read_view(document: bytes) -> SpecificationView:
    """Return what a specification's canonical bytes say; raises InputError where they are no usable one."""
    specification = parse_specification(document)
    if specification.canonical_bytes() != document:
        raise InputError("The model specification is not in canonical encoding: no worker takes it.")
    return view_of(specification)


def view_of(specification: ModelSpecification) -> SpecificationView:
    """Return a specification as a page shows it."""
    nodes = specification.nodes()
    is_regression = isinstance(specification.metric, AbsoluteError)
    return SpecificationView(
        shape=specification.input.shape,
        bits=specification.input.bits,
        classes=specification.classes,
        steps=is_regression,
        metric=_metric(specification),
        mapping=_mapping(specification),
        layers=tuple(map(_layer, nodes)),
        parameters=count_parameters(nodes),
        multiplications=count_multiplications(nodes),
        model_bytes=model_bytes_bound(specification),
    )


def _metric(specification: ModelSpecification) -> str:
    metric = specification.metric
    return metric.name if isinstance(metric, AbsoluteError) else metric


def _mapping(specification: ModelSpecification) -> MappingLine:
    mapping, shape = specification.mapping, specification.input.shape
    functions = disclosed_rank(specification)
    return MappingLine(
        kind=mapping.kind,
        bits=mapping.bits,
        queries=mapping.queries,
        window=_window(mapping),
        windows=window_count(mapping, shape),
        weights=window_size(mapping, shape),
        noise=mapping.noise,
        makes=feature_shape(specification),
        functions=functions,
        dimension=specification.dimension,
        by_rank=not mapping.noise and functions >= specification.dimension - 1,
    )


def _window(mapping: Mapping) -> tuple[int, int] | None:
    match mapping:
        case BlocksMapping():
            return mapping.tile
        case ConvMapping():
            return mapping.kernel
    return None


def _layer(node: Node) -> LayerLine:
    layer = node.layer
    given = layer.model_dump(mode="json", exclude={"name", "op", "inputs"})
    return LayerLine(
        name=layer.name,
        op=layer.op,
        settings=", ".join(f"{name} {_said(value)}" for name, value in given.items() if value is not None),
        reads=tuple(FEATURES if name == INPUT else name for name in node.inputs),
        makes=node.shape,
        parameters=parameter_count(layer, node.input_shapes[0]),
        multiplications=multiplication_count(layer, node.input_shapes, node.shape),
    )


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "×".join(map(str, value)) if isinstance(value, list) else str(value)
