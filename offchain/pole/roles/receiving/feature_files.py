"""Features on a worker's own disk, a file for each shard: what was decrypted once is not decrypted again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.protocol.formats.encrypted_set import ShardRef
from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors
from pole.protocol.mapping.layer import feature_type
from pole.roles.receiving.samples import OpenedRows, Samples
from pole.roles.support.files import read_with_digest, with_digest, write_durably

_KINDS: Final = {
    np.dtype(held): kind for kind, held in (("U8", "u1"), ("U16", "<u2"), ("I32", "<i4"), ("I64", "<i8"))
}
KINDS: Final = frozenset(_KINDS.values())
"""The types that features have in tensor files."""


def smallest_type(bound: int) -> tuple[str, np.dtype[Any]]:
    """Return the smallest integer type that holds 0 .. `bound`, as tensor files and numpy call it.

    Whatever it is, the canonical evaluation takes its first difference in int64 and so gives the same bits.
    """
    held = feature_type(bound)
    return _KINDS[held], held


def with_kind(features: NDArray[np.integer[Any]]) -> tuple[NDArray[np.integer[Any]], str]:
    """Return features in a type that tensor files know, and what these call it."""
    held = features if features.dtype in _KINDS else features.astype(np.int64)
    return held, _KINDS[held.dtype]


@dataclass(frozen=True, slots=True)
class FeatureFiles:
    """The features of one set under one round's keys, in a folder of their own.

    `shape` is that of one sample's features, `bound` the largest of them.
    """

    folder: Path
    shape: tuple[int, ...]
    bound: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type that features are kept in."""
        return smallest_type(self.bound)[1]

    def read(self, number: int, ref: ShardRef, rows: int) -> OpenedRows | None:
        """Return `rows` samples of a shard, None where they are not here or the file was damaged."""
        content = read_with_digest(self._path(number))
        if content is None:
            return None
        types = {
            "features": TensorType(smallest_type(self.bound)[0], (rows, *self.shape)),
            "labels": TensorType("U16", (rows,)),
            "bad": TensorType("U8", (rows,)),
        }
        try:
            tensors = read_tensors(content, what="features", types=types, metadata=_metadata(ref))
        except IntegrityError:
            return None
        samples = Samples(tensors["features"], tensors["labels"].astype(np.int64))
        return OpenedRows(samples, tensors["bad"].astype(np.bool_))

    def write(self, number: int, ref: ShardRef, opened: OpenedRows) -> None:
        """Keep samples of a shard durably."""
        tensors: dict[str, NDArray[Any]] = {
            "features": opened.samples.features,
            "labels": opened.samples.labels.astype(np.uint16),
            "bad": opened.bad.astype(np.uint8),
        }
        write_durably(self._path(number), with_digest(write_tensors(tensors, _metadata(ref))))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}"


def _metadata(ref: ShardRef) -> dict[str, str]:
    return {"format": "pole.features", "version": "2", "shard": ref.digest}
