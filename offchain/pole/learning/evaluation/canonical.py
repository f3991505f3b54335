"""Canonical evaluation: what a model predicts, bit for bit the same on every machine (protocol.md section 7).

A canonical model is made of integers only (see `fixed_point`). A layer makes integers of
integers: sums that are exact in float64, one division by a power of two, one rounding, one clamp. BatchNorm
is folded into the Linear or Conv2d before it where nothing else reads that layer, and is a scale and shift
per channel elsewhere. Dropout does nothing. Average pooling divides an exact sum once. Sigmoid, Tanh, GELU
and the exponentials of attention come from tables over the activation grid. No value can be NaN or infinite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError
from pole.learning.evaluation import layers
from pole.learning.evaluation.arrays import PROCESSOR, Array, Place
from pole.learning.evaluation.features import FeatureMap, batches
from pole.learning.evaluation.fixed_point import MalformedModelError, require_exact_sums
from pole.learning.threads import Stop, never
from pole.protocol.mapping.kinds import Shape
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.graph import Node, count_activations, readers
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
    expected, metric = feature_shape(specification), specification.metric
    if features.shape[1:] != expected or labels.shape != features.shape[:1]:
        raise InputError(
            f"Features {features.shape} and labels {labels.shape} do not fit this model, which takes (n, "
            f"{', '.join(map(str, expected))}) and (n,); compute them with the model's own specification."
        )
    found = np.empty(len(features), dtype=np.int64)
    tensors = _placed(model, place)

    def read(rows: slice) -> None:
        found[rows] = readings(metric, _logits(model, tensors, features[rows], place), specification.classes)

    size = count_activations(specification.nodes())
    share = -(-len(features) // place.threads()) * size
    maximum = min(ACTIVATIONS_AT_ONCE * place.share, share)
    place.side_by_side(read, batches(len(features), size, maximum), stop)
    return Evaluation(score(metric, found, labels), predictions(metric, found))


def logits(
    model: CanonicalModel, features: NDArray[np.integer[Any]], place: Place = PROCESSOR
) -> NDArray[np.int64]:
    """Return the last layer's activations (n, classes) as integers, in multiples of 2^-10."""
    return _logits(model, _placed(model, place), features, place)


def _placed(model: CanonicalModel, place: Place) -> dict[str, Array]:
    return {name: place.put(values.astype(np.float64)) for name, values in model.tensors.items()}


def _logits(
    model: CanonicalModel, tensors: Mapping[str, Array], features: NDArray[np.integer[Any]], place: Place
) -> NDArray[np.int64]:
    nodes = model.specification.nodes()
    folded = folded_norms(nodes)
    values = {INPUT: model.feature_map.apply(features, place)}
    for node in nodes:
        inputs = [values[name] for name in node.inputs]
        name = node.layer.name
        values[name] = inputs[0] if name in folded else layers.apply(node.layer, inputs, tensors)
    return place.take(values[nodes[-1].layer.name]).astype(np.int64)


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
