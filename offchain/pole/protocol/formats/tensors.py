"""Tensor files: safetensors in one canonical encoding, read without trusting a single length they claim.

A file is an 8-byte little-endian header length, a JSON header padded with spaces to a multiple of 8, and
the tensors' bytes one after the other, little-endian, in the order of their names. Every safetensors
library reads it. The same tensors and metadata always give the same bytes, so digests name contents; a file
in another layout is refused.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.quoting import differing, quoted

MAX_HEADER_BYTES: Final = 2**18
MAX_FILE_BYTES: Final = 2**28
_LENGTH_BYTES: Final = 8

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "U8": np.dtype("uint8"),
    "U16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
}
_NAMES: Final = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True, slots=True)
class TensorType:
    """What a tensor of a format must be; -1 in the shape stands for any length of at least 1."""

    dtype: str
    shape: tuple[int, ...]


def write_tensors(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the file's bytes; raises InputError when it would be larger than a reader accepts."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    offset = 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            held = ", ".join(map(str, _NAMES))
            raise InputError(f"Tensor {name} has dtype {array.dtype}; formats hold {held} only.")
        header[name] = _entry(_NAMES[dtype], array.shape, offset, array.nbytes)
        parts.append(array.astype(dtype, copy=False).tobytes())
        offset += array.nbytes
    head = _header_bytes(header)
    if offset + len(head) > MAX_FILE_BYTES:
        raise InputError(f"The file would have over {MAX_FILE_BYTES} bytes; put fewer rows into it.")
    return b"".join([head, *parts])


def file_bytes(types: Mapping[str, TensorType], metadata: Mapping[str, str]) -> int:
    """Return how many bytes the one encoding of tensors of these types, none of open length, has."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name in sorted(types):
        size = math.prod(types[name].shape) * _DTYPES[types[name].dtype].itemsize
        header[name] = _entry(types[name].dtype, types[name].shape, offset, size)
        offset += size
    return len(_header_bytes(header)) + offset


def _entry(dtype: str, shape: tuple[int, ...], offset: int, size: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}


def _header_bytes(header: Mapping[str, Any]) -> bytes:
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def read_tensors(
    data: bytes, *, what: str, types: Mapping[str, TensorType], metadata: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return read-only views of the tensors of a file that must hold exactly `types` and `metadata`.

    Raises IntegrityError that names `what` when anything is missing, additional, misshaped, too large or
    not canonical.
    """
    header, body = _read_header(data, what)
    found = header.pop("__metadata__", None)
    if found != dict(metadata):
        raise IntegrityError(f"The {what} file carries {quoted(found)}, but {dict(metadata)!r} is needed.")
    odd = differing(header, types)
    if odd:
        raise IntegrityError(f"The {what} file has missing or unknown tensors: {odd}.")
    tensors: dict[str, NDArray[Any]] = {}
    canonical: dict[str, Any] = {"__metadata__": found}
    offset = 0
    for name in sorted(types):
        shape = _checked_shape(header[name], types[name], f"{what} file's tensor {name}")
        dtype = _DTYPES[types[name].dtype]
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        canonical[name] = _entry(types[name].dtype, shape, offset, size)
        if offset + size > len(body):
            raise IntegrityError(f"The {what} file is shorter than its tensor {name}.")
        tensors[name] = np.frombuffer(body[offset : offset + size], dtype).reshape(shape)
        offset += size
    if offset != len(body) or _header_bytes(canonical) != data[: len(data) - len(body)]:
        raise IntegrityError(f"The {what} file is not in canonical encoding or has bytes behind its tensors.")
    return tensors


def read_metadata(data: bytes, what: str) -> dict[str, str]:
    """Return a file's metadata, for formats whose metadata say what is to be expected of the rest.

    Raises IntegrityError that names `what` when there are none. `read_tensors` has still to check the file.
    """
    found = _read_header(data, what)[0].get("__metadata__")
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise IntegrityError(f"The {what} file carries no metadata.")
    return found


def _read_header(data: bytes, what: str) -> tuple[dict[str, Any], memoryview]:
    if not _LENGTH_BYTES <= len(data) <= MAX_FILE_BYTES:
        raise IntegrityError(
            f"The {what} file has {len(data)} bytes; {_LENGTH_BYTES} to {MAX_FILE_BYTES} are accepted."
        )
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > min(MAX_HEADER_BYTES, len(data) - _LENGTH_BYTES):
        raise IntegrityError(f"The {what} file claims a header of {length} bytes, which it cannot have.")
    body = _LENGTH_BYTES + length
    try:
        header = json.loads(data[_LENGTH_BYTES:body])
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"The {what} file has no readable header: {error}.") from error
    if not isinstance(header, dict):
        raise IntegrityError(f"The {what} file's header is no object.")
    return header, memoryview(data)[body:]


def _checked_shape(entry: object, expected: TensorType, where: str) -> tuple[int, ...]:
    if not isinstance(entry, dict) or entry.get("dtype") != expected.dtype:
        raise IntegrityError(f"The {where} must be of type {expected.dtype}.")
    shape = entry.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != len(expected.shape)
        or not all(type(given) is int and 1 <= given <= MAX_FILE_BYTES for given in shape)
        or any(wanted not in (-1, given) for given, wanted in zip(shape, expected.shape, strict=True))
    ):
        raise IntegrityError(
            f"The {where} has shape {quoted(shape)}; {list(expected.shape)} is needed (-1: any)."
        )
    return tuple(shape)
