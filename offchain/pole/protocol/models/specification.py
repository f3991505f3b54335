"""The model specification: the JSON document in which a data node says what is to be trained.

It names the input, the secure mapping layer, the network as a graph of whitelisted layers, the classes and
the limits. Reading one runs no code; every shape and size is checked in plain Python before any tensor
library is touched (protocol.md section 3). docs/model-specification.md describes each field.
"""

import json
from math import prod
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from pole.errors import InputError
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import (
    Mapping,
    Shape,
    check_geometry,
    feature_shape,
    largest_noise,
    noise_columns,
    window_count,
    window_size,
)
from pole.protocol.models.documents import parse_json, sentence
from pole.protocol.models.graph import Node, count_activations, count_multiplications, count_parameters, trace
from pole.protocol.models.layers import Layer, MultiheadAttention
from pole.protocol.models.metrics import AbsoluteError, Metric
from pole.quoting import reason

MAX_DOCUMENT_BYTES: Final = 2**16
MAX_INPUTS: Final = 2**16
MAX_LAYERS: Final = 256
MAX_CLASSES: Final = 2**15
MAX_PARAMETERS: Final = 50_000_000
MAX_MODEL_BYTES: Final = 2**28
MAX_ACTIVATIONS: Final = 2**22
MAX_MULTIPLICATIONS: Final = 2**32
MAX_INNER_PRODUCT: Final = 2**32


class Input(BaseModel):
    """One sample as it is encrypted: [D], [height, width] or [channels, height, width] unsigned integers."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    shape: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=3)]
    bits: Annotated[int, Field(ge=1, le=8)]


class ModelSpecification(BaseModel):
    """What a task wants trained; `parse_specification` and `mlp` make one and check it whole."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    version: Literal[1, 2] = 1
    input: Input
    mapping: Mapping
    graph: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=MAX_LAYERS)]
    classes: Annotated[int, Field(ge=2, le=MAX_CLASSES)]
    metric: Metric = "accuracy"
    max_parameters: Annotated[int, Field(ge=1, le=MAX_PARAMETERS)]
    max_bytes: Annotated[int, Field(ge=1, le=MAX_MODEL_BYTES)]

    @property
    def dimension(self) -> int:
        """Return D, the number of values in one encrypted sample."""
        return prod(self.input.shape)

    @property
    def columns(self) -> int:
        """Return how many elements encrypt one sample: its D values, and its noise where it has any."""
        return self.dimension + noise_columns(self.mapping, self.input.shape)

    @property
    def outputs(self) -> int:
        """Return how many values the last layer makes: one for each class, in regression one."""
        return 1 if isinstance(self.metric, AbsoluteError) else self.classes

    @property
    def max_inner_product(self) -> int:
        """Return a bound on all inner products; the vectors of one seed have a lower one of their own."""
        weights = window_size(self.mapping, self.input.shape)
        largest = weights * ((1 << self.mapping.bits) - 1) * ((1 << self.input.bits) - 1)
        return largest + largest_noise(self.mapping)

    def nodes(self) -> tuple[Node, ...]:
        """Return the graph with its names and shapes worked out.

        Raises InputError at the first layer that does not fit.
        """
        return trace(self.graph, feature_shape(self.mapping, self.input.shape))

    def canonical_bytes(self) -> bytes:
        """Return the one byte string of this specification.

        UTF-8 JSON with sorted keys, no spaces and all defaults written out; no noise is not written.
        """
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()

    def digest(self) -> bytes:
        """Return the keccak-256 of the canonical bytes (32 bytes)."""
        return keccak256(self.canonical_bytes())


def parse_specification(document: bytes | str) -> ModelSpecification:
    """Return the specification that a JSON document holds, checked whole.

    Raises InputError, one sentence that names the place and the remedy.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise InputError(
            f"The model specification is longer than {MAX_DOCUMENT_BYTES} bytes; shorten its graph."
        )
    try:
        parse_json(document)
        specification = ModelSpecification.model_validate_json(document)
    except ValidationError as error:
        raise InputError(sentence("The model specification", error, "docs/model-specification.md")) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The model specification is not valid JSON ({reason(error)}); correct it there."
        ) from error
    check_specification(specification)
    return specification


def mlp(
    *,
    input_shape: Shape,
    input_bits: int,
    mapping: Mapping,
    hidden: tuple[int, ...],
    classes: int,
    dropout: float = 0.0,
    metric: Metric = "accuracy",
) -> ModelSpecification:
    """Return a multilayer perceptron over the features.

    Each hidden width makes a Linear, BatchNorm1d and ReLU (and Dropout where `dropout` is not 0). Its
    limits are just what it needs. Raises InputError as `parse_specification` does.
    """
    graph: list[dict[str, Any]] = []
    for number, width in enumerate(hidden, start=1):
        # BatchNorm brings a bias of its own.
        graph += [
            {"name": f"hidden{number}", "op": "Linear", "out_features": width, "bias": False},
            {"name": f"norm{number}", "op": "BatchNorm1d"},
            {"name": f"relu{number}", "op": "ReLU"},
        ]
        if dropout > 0:
            graph.append({"name": f"dropout{number}", "op": "Dropout", "p": dropout})
    graph.append(
        {
            "name": "logits",
            "op": "Linear",
            "out_features": 1 if isinstance(metric, AbsoluteError) else classes,
        }
    )
    document = {
        "version": 2 if mapping.noise else 1,
        "input": {"shape": input_shape, "bits": input_bits},
        "mapping": mapping.model_dump(),
        "graph": graph,
        "classes": classes,
        "metric": metric.model_dump() if isinstance(metric, AbsoluteError) else metric,
        "max_parameters": MAX_PARAMETERS,
        "max_bytes": MAX_MODEL_BYTES,
    }
    unlimited = parse_specification(json.dumps(document))
    limits = {
        "max_parameters": count_parameters(unlimited.nodes()),
        "max_bytes": model_bytes_bound(unlimited),
    }
    return unlimited.model_copy(update=limits)


def check_specification(specification: ModelSpecification) -> None:
    """Raise InputError where the parts of a specification do not fit or pass a limit."""
    if specification.dimension > MAX_INPUTS:
        raise InputError(
            f"The input shape {list(specification.input.shape)} has {specification.dimension} values, "
            "more than the "
            f"{MAX_INPUTS} a sample may have; make the samples smaller."
        )
    check_geometry(specification.mapping, specification.input.shape)
    _check_noise(specification)
    if specification.max_inner_product > MAX_INNER_PRODUCT:
        raise InputError(
            f"Inner products up to {specification.max_inner_product} are too large to decrypt; "
            "use fewer bits in the input or the mapping layer, or less noise."
        )
    nodes = specification.nodes()
    _check_outputs(specification, nodes[-1])
    _check_cost(specification, nodes)


def model_bytes_bound(specification: ModelSpecification) -> int:
    """Return a size in bytes that no model file of this specification exceeds."""
    nodes = specification.nodes()
    folded_biases = sum(node.shape[0] for node in nodes)
    features = feature_shape(specification.mapping, specification.input.shape)[0]
    # Each tensor takes up to 128 bytes of the header; an attention has four, any other layer at most two.
    pairs = len(nodes) + sum(isinstance(node.layer, MultiheadAttention) for node in nodes)
    return 4 * (count_parameters(nodes) + folded_biases) + 12 * features + 256 * (pairs + 4)


def disclosed_rank(specification: ModelSpecification) -> int:
    """Return how many independent linear functions of a sample one round's keys give away, at most D.

    Exact for `linear` and `blocks`; for `conv`, whose windows overlap, the number of keys, which its rank
    seldom falls below.
    """
    mapping, shape = specification.mapping, specification.input.shape
    window = window_size(mapping, shape)
    keys = window_count(mapping, shape) * min(mapping.queries, window)
    return min(keys, specification.dimension)


def _check_noise(specification: ModelSpecification) -> None:
    if specification.mapping.noise and specification.version == 1:
        raise InputError(
            "Version 1 of the model specification has no noise in its mapping layer: set version to 2, or "
            "remove mapping.noise."
        )
    if specification.version == 2 and not specification.mapping.noise:
        raise InputError(
            "Version 2 of the model specification is for mapping layers with noise: set version to 1, or "
            "mapping.noise to the deviation that features get."
        )
    if specification.columns > MAX_INPUTS:
        raise InputError(
            f"With a column of noise for every feature a sample has {specification.columns} encrypted "
            f"values, more than the {MAX_INPUTS} allowed; ask for fewer queries or windows, or no noise."
        )


def _check_outputs(specification: ModelSpecification, last: Node) -> None:
    if specification.metric == "auc" and specification.classes != 2:
        raise InputError(
            f"The metric 'auc' ranks samples of two classes, but the model specification has "
            f"{specification.classes}; use 'macro_f1' or 'accuracy'."
        )
    if last.shape == (specification.outputs,):
        return
    wanted = (
        "one value, as a regression needs"
        if isinstance(specification.metric, AbsoluteError)
        else f"one value for each of the {specification.classes} classes"
    )
    raise InputError(
        f"The last layer {last.layer.name!r} makes {list(last.shape)} instead of {wanted}; end with a Linear "
        f"of {specification.outputs} features."
    )


def _check_cost(specification: ModelSpecification, nodes: tuple[Node, ...]) -> None:
    limits = (
        ("trainable parameters", count_parameters(nodes), specification.max_parameters, "max_parameters"),
        ("bytes in a model file", model_bytes_bound(specification), specification.max_bytes, "max_bytes"),
        ("values a sample in its layers", count_activations(nodes), MAX_ACTIVATIONS, ""),
        ("multiplications a sample", count_multiplications(nodes), MAX_MULTIPLICATIONS, ""),
    )
    for what, need, limit, field in limits:
        if need > limit:
            remedy = f"make it smaller or raise {field}" if field else "make it smaller"
            raise InputError(
                f"The network needs up to {need} {what}, more than the {limit} allowed; {remedy}."
            )
