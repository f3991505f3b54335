"""Encrypted training and test sets: a manifest, and shards of ciphertexts with their labels in the clear."""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.canonical_json import (
    Document,
    check_fields,
    checked_whole,
    read_cid,
    read_document,
    read_floats,
    read_hex,
    read_list,
    read_whole,
    write_document,
)
from pole.protocol.formats.tensors import (
    MAX_FILE_BYTES,
    TensorType,
    file_bytes,
    read_tensors,
    write_tensors,
)
from pole.protocol.state import FileRef
from pole.quoting import quoted

FORMAT: Final = "pole.encrypted-set"
VERSION: Final = 2
SHARD_FORMAT: Final = "pole.encrypted-shard"
MAX_MANIFEST_BYTES: Final = 2**23
MAX_SHARDS: Final = 2**14
MAX_COUNT: Final = 2**32 - 1
MAX_DIMENSION: Final = 2**16
MAX_CLASSES: Final = 2**15
MAX_BITS: Final = 16
ELEMENT_BYTES: Final = 32
DIGEST_BYTES: Final = 32

_SHARD_METADATA: Final = {"format": SHARD_FORMAT, "version": "1"}
_FIELDS: Final = (
    "part",
    "count",
    "inputShape",
    "dimension",
    "noiseColumns",
    "classes",
    "bits",
    "quantisation",
    "masterPublicKey",
    "shards",
)


class Part(StrEnum):
    """Which set of a task a manifest describes."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class ShardRef:
    """Where a shard is: CID, SHA-256 in lower-case hex, length in bytes, samples in it."""

    cid: str
    digest: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class EncryptedSetManifest:
    """A whole encrypted set.

    `count` samples of `input_shape` (D values each, unsigned of `bits` bits) in `classes` classes. A
    ciphertext has `dimension` columns: the D values, and after them `noise_columns` that noise the features.
    A real value v of column j was quantised to round((v - offset_j) / scale_j); both lists have
    one entry for all columns or one for each. `master_public_key` is named by CID and keccak-256. Raises
    InputError when the fields contradict each other.
    """

    part: Part
    count: int
    input_shape: tuple[int, ...]
    dimension: int
    noise_columns: int
    classes: int
    bits: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    master_public_key: FileRef
    shards: tuple[ShardRef, ...]

    def __post_init__(self) -> None:
        values = self.dimension - self.noise_columns
        if math.prod(self.input_shape) != values:
            raise InputError(f"An input of shape {list(self.input_shape)} has not {values} values.")
        if sum(shard.rows for shard in self.shards) != self.count:
            raise InputError(
                f"The shards hold {sum(shard.rows for shard in self.shards)} samples, not {self.count}."
            )
        for name, given in (("scale", self.scale), ("offset", self.offset)):
            if len(given) not in (1, values):
                raise InputError(f"Quantisation needs 1 or {values} values of {name}, not {len(given)}.")
        if min(self.scale) <= 0:
            raise InputError("Every scale of the quantisation must be positive.")

    def shard_name(self, number: int) -> str:
        """Return what messages call shard `number`: its number, CID and part."""
        return f"shard {number} ({self.shards[number].cid}) of the {self.part.value} set"


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """Some samples: ct0 is uint8 (rows, 32), ct uint8 (rows, dimension, 32), labels uint16 (rows,)."""

    ct0: NDArray[np.uint8]
    ct: NDArray[np.uint8]
    labels: NDArray[np.uint16]


def write_manifest(manifest: EncryptedSetManifest) -> bytes:
    """Return the manifest's canonical bytes, whose keccak-256 the task commits to."""
    return write_document(
        {
            "format": FORMAT,
            "version": VERSION,
            "part": manifest.part.value,
            "count": manifest.count,
            "inputShape": list(manifest.input_shape),
            "dimension": manifest.dimension,
            "noiseColumns": manifest.noise_columns,
            "classes": manifest.classes,
            "bits": manifest.bits,
            "quantisation": {
                "scale": [float(value) for value in manifest.scale],
                "offset": [float(value) for value in manifest.offset],
            },
            "masterPublicKey": {
                "cid": manifest.master_public_key.cid,
                "digest": "0x" + manifest.master_public_key.digest.hex(),
            },
            "shards": [
                {"cid": shard.cid, "digest": shard.digest, "bytes": shard.size, "rows": shard.rows}
                for shard in manifest.shards
            ],
        }
    )


def read_manifest(data: bytes, *, part: Part) -> EncryptedSetManifest:
    """Return the manifest of a training or test set; raises IntegrityError naming what is wrong in it.

    The caller has checked `data` against the digest on the chain.
    """
    document = read_document(
        data,
        kind=FORMAT,
        version=VERSION,
        fields=_FIELDS,
        max_bytes=MAX_MANIFEST_BYTES,
        renewal="pole task post",
    )
    if document["part"] != part.value:
        raise IntegrityError(
            f"The manifest describes the {quoted(document['part'])} set, not the {part.value} set."
        )
    dimension = read_whole(document, "dimension", minimum=1, maximum=MAX_DIMENSION)
    quantisation = check_fields(document["quantisation"], ["scale", "offset"], "quantisation")
    try:
        manifest = EncryptedSetManifest(
            part=part,
            count=read_whole(document, "count", minimum=1, maximum=MAX_COUNT),
            input_shape=_input_shape(document),
            dimension=dimension,
            noise_columns=read_whole(document, "noiseColumns", minimum=0, maximum=MAX_DIMENSION - 1),
            classes=read_whole(document, "classes", minimum=2, maximum=MAX_CLASSES),
            bits=read_whole(document, "bits", minimum=1, maximum=MAX_BITS),
            scale=read_floats(quantisation, "scale", maximum=dimension),
            offset=read_floats(quantisation, "offset", maximum=dimension),
            master_public_key=_file_ref(document["masterPublicKey"]),
            shards=tuple(
                _shard_ref(entry, index)
                for index, entry in enumerate(read_list(document, "shards", maximum=MAX_SHARDS))
            ),
        )
    except InputError as error:
        raise IntegrityError(f"The manifest of the {part.value} set contradicts itself: {error}") from error
    _require_possible(manifest)
    return manifest


def _require_possible(manifest: EncryptedSetManifest) -> None:
    """Raise IntegrityError where no shard of so many rows has so many bytes, or a shard is listed twice.

    Fresh randomness never gives the same shard again, and whoever pays for its bytes once shall not make
    others decrypt it thousands of times.
    """
    seen: dict[str, int] = {}
    sizes: dict[int, int] = {}
    for number, ref in enumerate(manifest.shards):
        if ref.rows not in sizes:
            sizes[ref.rows] = file_bytes(_shard_types(manifest, ref.rows), _SHARD_METADATA)
        if ref.size != sizes[ref.rows]:
            raise IntegrityError(
                f"The {manifest.shard_name(number)} is said to have {ref.size} bytes, but its {ref.rows} "
                f"samples take {sizes[ref.rows]}."
            )
        first = seen.setdefault(ref.digest, number)
        if first != number:
            raise IntegrityError(f"The {manifest.shard_name(number)} is shard {first} once more.")


def _input_shape(document: Document) -> tuple[int, ...]:
    shape = read_list(document, "inputShape", maximum=3)
    return tuple(checked_whole(size, "inputShape", minimum=1, maximum=MAX_DIMENSION) for size in shape)


def _file_ref(value: Any) -> FileRef:
    fields = check_fields(value, ["cid", "digest"], "masterPublicKey")
    return FileRef(read_cid(fields), read_hex(fields, "digest", length=DIGEST_BYTES))


def _shard_ref(value: object, index: int) -> ShardRef:
    fields = check_fields(value, ["cid", "digest", "bytes", "rows"], f"Shard {index}")
    return ShardRef(
        cid=read_cid(fields),
        digest=read_hex(fields, "digest", length=DIGEST_BYTES, prefix="").hex(),
        size=read_whole(fields, "bytes", minimum=1, maximum=MAX_FILE_BYTES),
        rows=read_whole(fields, "rows", minimum=1, maximum=MAX_COUNT),
    )


def write_shard(shard: Shard) -> bytes:
    """Return the shard's bytes; raises InputError when the arrays do not fit together."""
    rows = shard.labels.shape[0]
    if (
        shard.labels.shape != (rows,)
        or shard.ct0.shape != (rows, ELEMENT_BYTES)
        or shard.ct.ndim != 3
        or shard.ct.shape[::2] != (rows, ELEMENT_BYTES)
    ):
        raise InputError(
            f"A shard needs ct0 (rows, 32), ct (rows, dimension, 32), labels (rows,); these are "
            f"{shard.ct0.shape}, {shard.ct.shape} and {shard.labels.shape}."
        )
    tensors = {"ct0": shard.ct0, "ct": shard.ct, "labels": shard.labels.astype("<u2")}
    return write_tensors(tensors, _SHARD_METADATA)


def shard_ref(cid: str, data: bytes, rows: int) -> ShardRef:
    """Return the reference to a written shard."""
    return ShardRef(cid, hashlib.sha256(data).hexdigest(), len(data), rows)


def read_shard(data: bytes, manifest: EncryptedSetManifest, number: int) -> Shard:
    """Return shard `number` of a manifest, counted from 0, its arrays read-only.

    Raises IntegrityError, naming the shard, for any other bytes.
    """
    ref = manifest.shards[number]
    what = manifest.shard_name(number)
    if len(data) != ref.size:
        raise IntegrityError(f"The {what} has {len(data)} bytes instead of {ref.size}; fetch it again.")
    _check_sha256(data, ref.digest, what)
    types = _shard_types(manifest, ref.rows)
    tensors = read_tensors(data, what=what, types=types, metadata=_SHARD_METADATA)
    too_large = np.flatnonzero(tensors["labels"] >= manifest.classes)
    if len(too_large):
        row = int(too_large[0])
        raise IntegrityError(
            f"The {what} has the label {tensors['labels'][row]} in row {row}, but there are "
            f"{manifest.classes} classes."
        )
    return Shard(tensors["ct0"], tensors["ct"], tensors["labels"])


def read_loose_shard(data: bytes, dimension: int) -> Shard:
    """Return a shard that no manifest names, such as one of new rows, whose labels mean nothing.

    Raises IntegrityError for a file that is no shard of ciphertexts of so many columns.
    """
    types = {
        "ct0": TensorType("U8", (-1, ELEMENT_BYTES)),
        "ct": TensorType("U8", (-1, dimension, ELEMENT_BYTES)),
        "labels": TensorType("U16", (-1,)),
    }
    tensors = read_tensors(data, what="ciphertexts", types=types, metadata=_SHARD_METADATA)
    if len({len(tensor) for tensor in tensors.values()}) != 1:
        raise IntegrityError("The ciphertexts file has tensors for different numbers of rows.")
    return Shard(tensors["ct0"], tensors["ct"], tensors["labels"])


def _shard_types(manifest: EncryptedSetManifest, rows: int) -> dict[str, TensorType]:
    return {
        "ct0": TensorType("U8", (rows, ELEMENT_BYTES)),
        "ct": TensorType("U8", (rows, manifest.dimension, ELEMENT_BYTES)),
        "labels": TensorType("U16", (rows,)),
    }


def _check_sha256(data: bytes, digest: str, what: str) -> None:
    """Raise IntegrityError unless `data` has the SHA-256 `digest`, in lower-case hex."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise IntegrityError(f"The {what} is not the file that its SHA-256 {digest} names; fetch it again.")
