"""From a user's torch module to a model specification: `pole spec from-torch`.

The module takes what the mapping layer makes of a sample, (n, *feature_shape), and returns logits. What of
its graph is on the list of layers becomes a specification; the rest is refused, all of it, with the lines.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pole.learning.importing.graph import Found, read_graph
from pole.learning.importing.inspection import (
    alterations,
    failure_to_take_features,
    in_another_mode,
    type_of,
)
from pole.learning.importing.layers import Source
from pole.learning.importing.likeness import as_it_was, fill, require_likeness
from pole.learning.importing.lines import TheirError, after_comma, their_code
from pole.learning.importing.trace import UnsupportedError, differences, trace
from pole.learning.networks.network import Network
from pole.protocol.mapping import kinds
from pole.protocol.mapping.kinds import Shape
from pole.protocol.models.graph import count_parameters
from pole.protocol.models.metrics import Metric
from pole.protocol.models.specification import (
    MAX_MODEL_BYTES,
    MAX_PARAMETERS,
    ModelSpecification,
    model_bytes_bound,
    parse_specification,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a specification says beside its graph; `classes` None means as many as the module has outputs."""

    input_shape: Shape
    input_bits: int
    mapping: kinds.Mapping
    metric: Metric
    classes: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A specification, and the part of the user's module that each of its layers was made of."""

    specification: ModelSpecification
    sources: Mapping[str, Source]


def export(module: nn.Module, wanted: Wanted) -> Exported:
    """Return a module's specification, whose limits are just what it needs.

    The specification's own network must answer like the module whatever the weights of both, which the module
    has back afterwards. Raises UnsupportedError with every part of the module that is on no list, each with
    its line and remedy, and InputError where the specification would be unusable.
    """
    kinds.check_geometry(wanted.mapping, wanted.input_shape)
    features = kinds.feature_shape(wanted.mapping, wanted.input_shape)
    with as_it_was(module), torch.device("cpu"):
        found = _found(module, features)
        document = _document(wanted, found.layers, found.shape)
        unlimited = parse_specification(json.dumps(document))
        try:
            require_likeness(module, unlimited, found.sources)
        except UnsupportedError as error:
            raise _refusal([str(error)]) from error
    limits = {
        "max_parameters": max(1, count_parameters(unlimited.nodes())),
        "max_bytes": model_bytes_bound(unlimited),
    }
    return Exported(unlimited.model_copy(update=limits), found.sources)


def with_weights(exported: Exported) -> Network:
    """Return the specification's network with the weights of the module that it was made of."""
    network = Network(exported.specification).eval()
    fill(network, exported.sources)
    return network


def _found(module: nn.Module, features: Shape) -> Found:
    """Return the layers of a module; raises UnsupportedError with all that is none."""
    failure = failure_to_take_features(module)
    if failure:
        raise _refusal([failure])
    kind = type_of(module)
    _begin(module.train)
    trained = trace(module, features, kind)
    modes = list(in_another_mode(module))
    _begin(module.eval)
    evaluated = trace(module, features, kind)
    modes += in_another_mode(module)
    different = list(differences(evaluated, trained))
    found = read_graph(evaluated, features, kind)
    obstacles = [*alterations(module), *found.obstacles, *different, *modes]
    if obstacles:
        raise _refusal(obstacles)
    return found


def _begin(mode: Callable[[], object]) -> None:
    try:
        with their_code():
            mode()
    except TheirError as error:
        raise _refusal([f"as it cannot change its mode{after_comma(error.line)}: {error.reason}"]) from error


def _refusal(obstacles: Sequence[str]) -> UnsupportedError:
    """Return the error that lists what stands in the way of an export, each once."""
    if len(obstacles) == 1:
        return UnsupportedError(f"The module cannot be exported {obstacles[0]}.", obstacles)
    listed = "; ".join(f"({number}) {text}" for number, text in enumerate(obstacles, start=1))
    return UnsupportedError(
        f"The module cannot be exported for {len(obstacles)} reasons: {listed}.", obstacles
    )


def _document(wanted: Wanted, layers: list[dict[str, Any]], outputs: Shape) -> dict[str, Any]:
    metric = wanted.metric if isinstance(wanted.metric, str) else wanted.metric.model_dump()
    return {
        "input": {"shape": wanted.input_shape, "bits": wanted.input_bits},
        "mapping": wanted.mapping.model_dump(),
        "graph": layers,
        "classes": wanted.classes or outputs[0],
        "metric": metric,
        "max_parameters": MAX_PARAMETERS,
        "max_bytes": MAX_MODEL_BYTES,
    }
