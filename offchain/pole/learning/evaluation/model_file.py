"""The model file: a canonical model as a tensor file, one byte string for each model (docs/formats.md).

Tensors are those of `CanonicalModel` (I32) plus `features.offset` (I64) and `features.scale` (F32); metadata
holds the format, its version, the specification's digest and the seed of the mapping layer, in hexadecimal.
"""

from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.learning.evaluation.canonical import CanonicalModel, tensor_shapes
from pole.learning.evaluation.features import FeatureMap
from pole.learning.evaluation.fixed_point import MalformedModelError
from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors
from pole.protocol.mapping.layer import feature_shape
from pole.protocol.models.specification import ModelSpecification

FORMAT: Final = "pole.model"
OFFSET: Final = "features.offset"
SCALE: Final = "features.scale"


def save(model: CanonicalModel) -> bytes:
    """Return the model's file; raises MalformedModelError where it is larger than its limit."""
    tensors: dict[str, NDArray[Any]] = {
        **model.tensors,
        OFFSET: model.feature_map.offset,
        SCALE: model.feature_map.scale,
    }
    file = write_tensors(tensors, _metadata(model.specification, model.seed))
    _require_size(file, model.specification)
    return file


def load(file: bytes, specification: ModelSpecification, seed: bytes) -> CanonicalModel:
    """Return the model that a file holds, for this specification and seed and no other.

    Raises MalformedModelError where the file is too large, no tensor file, for another specification or
    seed, has missing, extra or misshaped tensors, numbers that are not finite, weights that allow inexact
    sums, or is not written in the one canonical way.
    """
    _require_size(file, specification)
    try:
        tensors = read_tensors(
            file, what="model", types=_types(specification), metadata=_metadata(specification, seed)
        )
    except IntegrityError as error:
        raise MalformedModelError(f"{error} It is no solution of this round.") from error
    offset, scale = tensors.pop(OFFSET), tensors.pop(SCALE)
    return CanonicalModel(specification, seed, FeatureMap(offset, scale), tensors)


def _types(specification: ModelSpecification) -> Mapping[str, TensorType]:
    channels = feature_shape(specification)[:1]
    weights = {name: TensorType("I32", shape) for name, shape in tensor_shapes(specification).items()}
    return {**weights, OFFSET: TensorType("I64", channels), SCALE: TensorType("F32", channels)}


def _metadata(specification: ModelSpecification, seed: bytes) -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": "1",
        "seed": seed.hex(),
        "specification": specification.digest().hex(),
    }


def _require_size(file: bytes, specification: ModelSpecification) -> None:
    if len(file) > specification.max_bytes:
        raise MalformedModelError(
            f"The model file has {len(file)} bytes, more than the {specification.max_bytes} its "
            "specification allows."
        )
