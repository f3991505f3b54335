"""The model file: a canonical model as safetensors bytes, one byte string for each model (docs/formats.md).

The layout is that of safetensors (8 bytes little-endian header length, JSON header, data), written in one
way only: tensors sorted by name, data in that order without gaps, header keys sorted, header padded with
spaces to a multiple of 8. Tensors are those of `CanonicalModel` (I32) plus `features.offset` (I64) and
`features.scale` (F32); metadata holds the format, the specification's digest and the seed of the mapping
layer, in hexadecimal.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from pole.learning.canonical import CanonicalModel
from pole.learning.features import FeatureMap
from pole.learning.fixed_point import MalformedModelError
from pole.protocol.model_spec import ModelSpecification

FORMAT: Final = "pole-model-1"
OFFSET: Final = "features.offset"
SCALE: Final = "features.scale"
TYPES: Final[Mapping[str, str]] = {"I32": "<i4", "I64": "<i8", "F32": "<f4"}


def save(model: CanonicalModel) -> bytes:
    """Return the model's file; raises MalformedModelError where it is larger than its limit."""
    tensors: dict[str, NDArray[Any]] = {
        **model.tensors,
        OFFSET: model.feature_map.offset,
        SCALE: model.feature_map.scale,
    }
    header: dict[str, Any] = {"__metadata__": _metadata(model.specification, model.seed)}
    parts = []
    position = 0
    for name in sorted(tensors):
        kind = _type_name(tensors[name])
        part = tensors[name].astype(TYPES[kind]).tobytes()
        offsets = [position, position + len(part)]
        header[name] = {"dtype": kind, "shape": list(tensors[name].shape), "data_offsets": offsets}
        position += len(part)
        parts.append(part)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file = b"".join([len(text).to_bytes(8, "little"), text, *parts])
    _demand_size(file, model.specification)
    return file


def load(file: bytes, specification: ModelSpecification, seed: bytes) -> CanonicalModel:
    """Return the model that a file holds, for this specification and seed and no other.

    Raises MalformedModelError where the file is too large, no safetensors, for another specification or
    seed, has missing, extra or misshaped tensors, numbers that are not finite, weights that allow inexact
    sums, or is not written in the one canonical way.
    """
    _demand_size(file, specification)
    try:
        arrays = {name: _array(name, view) for name, view in deserialize(file)}  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise MalformedModelError(
            f"The model file is not safetensors ({error}); the miner must save it again."
        ) from error
    _demand_metadata(file, _metadata(specification, seed))
    offset, scale = (_take(arrays, name, kind) for name, kind in ((OFFSET, np.int64), (SCALE, np.float32)))
    model = CanonicalModel(specification, seed, FeatureMap(offset, scale), arrays)
    if save(model) != file:
        raise MalformedModelError(
            "The model file is not written in the canonical way; save it with PoLe's own writer."
        )
    return model


def _metadata(specification: ModelSpecification, seed: bytes) -> dict[str, str]:
    return {"format": FORMAT, "seed": seed.hex(), "specification": specification.digest().hex()}


def _demand_size(file: bytes, specification: ModelSpecification) -> None:
    if len(file) > specification.max_bytes:
        raise MalformedModelError(
            f"The model file has {len(file)} bytes, more than the {specification.max_bytes} its "
            "specification allows."
        )


def _demand_metadata(file: bytes, expected: dict[str, str]) -> None:
    # deserialize() has checked that the header is there and is JSON.
    length = int.from_bytes(file[:8], "little")
    found = json.loads(file[8 : 8 + length]).get("__metadata__") or {}
    for key, value in expected.items():
        if found.get(key) != value:
            raise MalformedModelError(
                f"The model file's {key} is {found.get(key, 'missing')}, not {value}; it is not a "
                "solution of this round."
            )


def _type_name(array: NDArray[Any]) -> str:
    return f"{array.dtype.kind.upper()}{8 * array.dtype.itemsize}"


def _array(name: str, view: Mapping[str, Any]) -> NDArray[Any]:
    if view["dtype"] not in TYPES:
        raise MalformedModelError(
            f"The model's tensor {name!r} has the type {view['dtype']}, which no model file has."
        )
    return np.frombuffer(view["data"], dtype=TYPES[view["dtype"]]).reshape(view["shape"])


def _take(arrays: dict[str, NDArray[Any]], name: str, kind: type[np.generic]) -> NDArray[Any]:
    array = arrays.pop(name, None)
    if array is None or array.dtype != kind or array.ndim != 1:
        raise MalformedModelError(
            f"The model lacks the tensor {name!r} of type {kind.__name__} with one dimension."
        )
    return array
