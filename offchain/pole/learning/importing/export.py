"""From a user's torch module to a model specification: `pole spec from-torch`.

The module takes what the mapping layer makes of a sample, (n, *feature_shape), and returns logits. What of
its graph is on the list of layers becomes a specification; the rest is refused, with the line.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from pole.learning.importing.graph import read_graph
from pole.learning.importing.layers import Source
from pole.learning.importing.trace import UnsupportedError, first_line, line_of_error, trace
from pole.learning.networks.network import AddedPosition, Network, SelfAttention
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

SAMPLES: Final = 4
TOLERANCE: Final = 1e-4


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

    The specification's own network, given the module's weights, must answer like the module. Raises
    UnsupportedError with node, line and remedy where a part of the module is on no list, and InputError
    where the specification would be unusable.
    """
    kinds.check_geometry(wanted.mapping, wanted.input_shape)
    features = kinds.feature_shape(wanted.mapping, wanted.input_shape)
    # The tracer looks into the outermost module, even where that is a layer.
    whole = nn.Sequential(module) if type(module).__module__.startswith("torch.nn.") else module
    found = read_graph(whole, trace(whole), features)
    document = _document(wanted, found.layers, found.shape)
    unlimited = parse_specification(json.dumps(document))
    limits = {
        "max_parameters": max(1, count_parameters(unlimited.nodes())),
        "max_bytes": model_bytes_bound(unlimited),
    }
    exported = Exported(unlimited.model_copy(update=limits), found.sources)
    _require_likeness(module, exported, features)
    return exported


def with_weights(exported: Exported) -> Network:
    """Return the specification's network with the weights of the module that it was made of."""
    network = Network(exported.specification).eval()
    for name, source in exported.sources.items():
        _copy(source, network.module(name))
    return network


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


def _copy(source: Source, target: nn.Module) -> None:
    if isinstance(target, AddedPosition):
        with torch.no_grad():
            target.position.copy_(cast(Tensor, source).reshape(target.position.shape))
    else:
        inner = target.attention if isinstance(target, SelfAttention) else target
        inner.load_state_dict(cast(nn.Module, source).state_dict())


def _require_likeness(module: nn.Module, exported: Exported, features: Shape) -> None:
    """Raise UnsupportedError where the specification's network computes something else than the module."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn((SAMPLES, *features), generator=random)
    theirs = _answer(module, inputs)
    with torch.no_grad():
        ours = with_weights(exported)(inputs)
    scale = max(1.0, float(theirs.abs().max()))
    if theirs.shape != ours.shape or float((theirs - ours).abs().max()) > TOLERANCE * scale:
        raise UnsupportedError(
            "The module computes something else than the layers found in it, so it cannot be exported; write "
            "its forward with layers alone."
        )


def _answer(module: nn.Module, inputs: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            answer: Tensor = module(inputs)
    except Exception as error:
        raise UnsupportedError(
            f"The module fails on features of shape {list(inputs.shape[1:])}, which the mapping layer makes "
            f"of a sample{line_of_error(error)}: {first_line(error)}. Change one of them."
        ) from error
    return answer
