"""Canonical evaluation: what a model predicts, bit for bit the same on every machine (protocol.md section 7).

A canonical model is made of integers only (see `fixed_point`). A layer makes integers of
integers: sums that are exact in float64, one division by a power of two, one rounding, one clamp. BatchNorm
is folded into the Linear or Conv2d before it where nothing else reads that layer, and is a scale and shift
per channel elsewhere. Dropout does nothing. Average pooling divides an exact sum once. Sigmoid, Tanh, GELU
and the exponentials of attention come from tables over the activation grid. No value can be NaN or infinite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.evaluation import layers
from pole.learning.evaluation.arrays import PROCESSOR, Array, Place
from pole.learning.evaluation.convolutions import Filters, are_mostly_beyond, convolve, filters_of, is_narrow
from pole.learning.evaluation.features import FeatureMap, batches
from pole.learning.evaluation.fixed_point import ACTIVATION_ONE, MalformedModelError, require_exact_sums
from pole.learning.evaluation.steps import Step, folded_norms, steps_of
from pole.learning.machine.threads import Stop, never
from pole.protocol.mapping.kinds import Shape
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import Node, count_activations
from pole.protocol.models.layers import (
    INPUT,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    LayerNorm,
    Linear,
    MultiheadAttention,
    Position,
)
from pole.protocol.models.metrics import predictions, readings, score
from pole.protocol.models.specification import ModelSpecification

ACTIVATIONS_AT_ONCE: Final = 2**23
"""Of a batch in all layers, 64 MiB: reading the weights of a wide layer pays for several samples only."""
SUMS: Final = (
    ("weight", "bias"),
    ("scale", "shift"),
    ("in_proj_weight", "in_proj_bias"),
    ("out_proj_weight", "out_proj_bias"),
)


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalModel:
    """A trained model as it is shipped and judged.

    `tensors` holds int32 arrays named `<layer>.weight`, `.bias`, `.scale` or `.shift`, in multiples of
    2^-12, with the shapes of `tensor_shapes`. Raises MalformedModelError for other tensors and for weights
    that allow sums beyond 2^53.
    """

    specification: ModelSpecification
    seed: bytes
    feature_map: FeatureMap
    tensors: Mapping[str, NDArray[np.int32]]

    def __post_init__(self) -> None:
        channels = feature_shape(self.specification)[:1]
        if self.feature_map.offset.shape != channels or self.feature_map.scale.shape != channels:
            raise MalformedModelError(
                f"The feature map is not for the {channels[0]} features or channels of the specification."
            )
        _require_shapes(self.tensors, tensor_shapes(self.specification))
        for node in self.specification.nodes():
            _require_exact(node, self.tensors)


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A model as a place evaluates it: tensors in float64, and filters for what 16 bits can do."""

    steps: tuple[Step, ...]
    tensors: Mapping[str, Array]
    filters: Mapping[str, Filters]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model predicts on a data set: every predicted label (n,), and what that is worth.

    `correct` is the score of the specification's metric, from 0 to n: for accuracy the number of labels
    predicted correctly (see pole.protocol.models.metrics).
    """

    correct: int
    predictions: NDArray[np.uint16]


def evaluate(
    model: CanonicalModel,
    features: NDArray[np.integer[Any]],
    labels: NDArray[np.int64],
    place: Place = PROCESSOR,
    stop: Stop = never,
) -> Evaluation:
    """Return the model's predictions on features (n, *feature_shape), and their score by the labels (n,).

    The place they are computed at changes no bit of them. Raises AbandonedError when `stop` says so.

    Ties go to the lowest class. Memory is bounded whatever n is, for each thread that `limit_threads` allows.
    Raises InputError where features or labels have another shape.
    """
    specification = model.specification
    expected = feature_shape(specification)
    if features.shape[1:] != expected or labels.shape != features.shape[:1]:
        raise InputError(
            f"Features {features.shape} and labels {labels.shape} do not fit this model, which takes (n, "
            f"{', '.join(map(str, expected))}) and (n,); compute them with the model's own specification."
        )
    return worth(specification, read_samples(model, features, place, stop), labels)


def read_samples(
    model: CanonicalModel,
    features: NDArray[np.integer[Any]],
    place: Place = PROCESSOR,
    stop: Stop = never,
) -> NDArray[np.int64]:
    """Return the one number (n,) that the model makes of each of n samples' features: see `readings`.

    Each depends on its own sample alone. Raises AbandonedError when `stop` says so.
    """
    specification = model.specification
    found = np.empty(len(features), dtype=np.int64)
    ready = _ready(model, place)

    def read(rows: slice) -> None:
        logits = _logits(model, ready, features[rows], place)
        found[rows] = readings(specification.metric, logits, specification.classes)

    size = prod(feature_shape(specification)) + count_activations(specification.nodes())
    share = -(-len(features) // place.threads()) * size
    maximum = min(ACTIVATIONS_AT_ONCE * place.share, share)
    place.side_by_side(read, batches(len(features), size, maximum), stop)
    return found


def worth(
    specification: ModelSpecification, found: NDArray[np.int64], labels: NDArray[np.int64]
) -> Evaluation:
    """Return what was read of samples (n,) is worth beside their labels (n,)."""
    metric = specification.metric
    return Evaluation(score(metric, found, labels), predictions(metric, found))


def logits(
    model: CanonicalModel, features: NDArray[np.integer[Any]], place: Place = PROCESSOR
) -> NDArray[np.int64]:
    """Return the last layer's activations (n, classes) as integers, in multiples of 2^-10."""
    return _logits(model, _ready(model, place), features, place)


def _ready(model: CanonicalModel, place: Place) -> _Ready:
    tensors = {name: place.put(values.astype(np.float64)) for name, values in model.tensors.items()}
    return _Ready(steps_of(model.specification.nodes()), tensors, _filters(model, place.path))


def _filters(model: CanonicalModel, path: str | None) -> dict[str, Filters]:
    """Return the filters of the layers, by name, that a code path can evaluate."""
    found: dict[str, Filters] = {}
    if path is None:
        return found
    for layer in model.specification.graph:
        if isinstance(layer, Linear | Conv2d) and not is_narrow(layer, path):
            weight = model.tensors[f"{layer.name}.weight"]
            bias = model.tensors.get(f"{layer.name}.bias", np.zeros(len(weight), dtype=np.int32))
            filters = filters_of(layer, weight, bias.astype(np.int64) * ACTIVATION_ONE, path)
            if filters is not None:
                found[layer.name] = filters
    return found


def _logits(
    model: CanonicalModel, ready: _Ready, features: NDArray[np.integer[Any]], place: Place
) -> NDArray[np.int64]:
    values = {INPUT: model.feature_map.apply(features, place)}
    for step in ready.steps:
        values[step.name] = _take(step, [values[name] for name in step.inputs], ready)
    return place.take(values[ready.steps[-1].name]).astype(np.int64)


def _take(step: Step, inputs: list[Array], ready: _Ready) -> Array:
    filters = ready.filters.get(step.layer.name)
    if filters is None:
        return _take_in_float64(step, inputs, ready)
    x = inputs[0]
    # A Linear takes each token by itself.
    rows = x.reshape(-1, x.shape[-1]) if isinstance(step.layer, Linear) else x
    if are_mostly_beyond(rows):
        return _take_in_float64(step, inputs, ready)
    found, unfit = convolve(filters, rows, step.following)
    if unfit.any():
        found[unfit] = _take_in_float64(step, [rows[unfit]], ready)
    return found.reshape(*x.shape[:-1], -1) if isinstance(step.layer, Linear) else found


def _take_in_float64(step: Step, inputs: list[Array], ready: _Ready) -> Array:
    found = layers.apply(step.layer, inputs, ready.tensors)
    for layer in step.following:
        found = layers.apply(layer, [found], ready.tensors)
    return found


def tensor_shapes(specification: ModelSpecification) -> dict[str, Shape]:
    """Return the name and shape of every tensor in a canonical model of this specification."""
    nodes = specification.nodes()
    folded = folded_norms(nodes)
    return {
        f"{node.layer.name}.{part}": shape
        for node in nodes
        if node.layer.name not in folded
        for part, shape in _parts(node, takes_norm=node.layer.name in folded.values()).items()
    }


def _parts(node: Node, *, takes_norm: bool) -> dict[str, Shape]:
    layer, shape = node.layer, node.input_shapes[0]
    match layer:
        case Linear():
            bias = {"bias": (layer.out_features,)} if layer.bias or takes_norm else {}
            return {"weight": (layer.out_features, shape[-1]), **bias}
        case Conv2d():
            bias = {"bias": (layer.out_channels,)} if layer.bias or takes_norm else {}
            return {"weight": (layer.out_channels, shape[0], layer.kernel_size, layer.kernel_size), **bias}
        case MultiheadAttention():
            width = shape[1]
            biases = {"in_proj_bias": (3 * width,), "out_proj_bias": (width,)} if layer.bias else {}
            return {"in_proj_weight": (3 * width, width), "out_proj_weight": (width, width), **biases}
        case BatchNorm1d() | BatchNorm2d():
            return {"scale": shape[:1], "shift": shape[:1]}
        case LayerNorm():
            return {"scale": shape[-1:], "shift": shape[-1:]}
        case Position():
            return {"position": shape}
    return {}


def _require_shapes(tensors: Mapping[str, NDArray[np.int32]], expected: Mapping[str, Shape]) -> None:
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise MalformedModelError(f"The model lacks the tensor {name!r} that its specification asks for.")
        if name not in expected:
            raise MalformedModelError(
                f"The model has a tensor {name!r} that its specification does not know."
            )
        if tensors[name].shape != expected[name] or tensors[name].dtype != np.int32:
            raise MalformedModelError(
                f"The model's tensor {name!r} is {tensors[name].dtype} of shape {tensors[name].shape}; "
                f"its specification asks for int32 of shape {expected[name]}."
            )


def _require_exact(node: Node, tensors: Mapping[str, NDArray[np.int32]]) -> None:
    name = node.layer.name
    nothing = np.zeros(1, dtype=np.int32)
    for weight, bias in SUMS:
        if f"{name}.{weight}" in tensors:
            require_exact_sums(tensors[f"{name}.{weight}"], tensors.get(f"{name}.{bias}", nothing), name)
