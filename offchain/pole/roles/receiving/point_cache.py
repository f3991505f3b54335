"""Decoded points of shards on local disk: who decrypts a set again under other keys decodes nothing again.

Twice the bytes of the shards (64 a point). Files are named by the digest of the shard they were made of, so
that rounds, wallets and processes of one machine share them.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import IntegrityError
from pole.ipfe.scheme import AffineCiphertexts, Ciphertexts
from pole.protocol.formats.encrypted_set import EncryptedSetManifest, ShardRef
from pole.protocol.formats.tensors import MAX_FILE_BYTES, TensorType, read_tensors, write_tensors
from pole.roles.support.files import read_with_digest, sha256, write_whole

AFFINE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class SealedRows:
    """Rows of a shard: their ciphertexts, with points encoded or decoded, and labels uint16 (rows,)."""

    ciphertexts: Ciphertexts | AffineCiphertexts
    labels: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class PointCache:
    """Decoded shards in `folder`, at most `max_bytes` of them; a bound of 0 keeps nothing.

    Files are written whole and checked against their own digest before use. Only the shard itself says that a
    row does not decrypt: where cached points say so, drop them and decrypt the shard.
    """

    folder: Path
    max_bytes: int

    def find(self, manifest: EncryptedSetManifest, number: int) -> SealedRows | None:
        """Return a manifest's shard `number` decoded, None where it is not here, was damaged or is faulty."""
        ref = manifest.shards[number]
        content = read_with_digest(self._path(ref))
        if content is None:
            return None
        types = {
            "ct0": TensorType("U8", (ref.rows, AFFINE_BYTES)),
            "ct": TensorType("U8", (ref.rows, manifest.dimension, AFFINE_BYTES)),
            "labels": TensorType("U16", (ref.rows,)),
        }
        try:
            tensors = read_tensors(content, what="point cache", types=types, metadata=_metadata(ref))
        except IntegrityError:
            return None
        if (tensors["labels"] >= manifest.classes).any():
            # Kept for a task of more classes: only the shard itself says that it is faulty in this one.
            return None
        return SealedRows(AffineCiphertexts(tensors["ct0"], tensors["ct"]), tensors["labels"])

    def keep(self, manifest: EncryptedSetManifest, number: int, rows: SealedRows) -> None:
        """Keep a decoded shard where there is room, or older shards of other sets to make room."""
        ref = manifest.shards[number]
        size = 2 * ref.size
        if size > MAX_FILE_BYTES or not self._make_room(size, manifest):
            return
        tensors: dict[str, NDArray[Any]] = {
            "ct0": rows.ciphertexts.ct0,
            "ct": rows.ciphertexts.ct,
            "labels": rows.labels,
        }
        content = write_tensors(tensors, _metadata(ref))
        write_whole(self._path(ref), sha256(content), content)

    def drop(self, manifest: EncryptedSetManifest, number: int) -> None:
        """Delete what is kept of a shard."""
        self._path(manifest.shards[number]).unlink(missing_ok=True)

    def _make_room(self, size: int, manifest: EncryptedSetManifest) -> bool:
        """Return whether `size` more bytes fit, having deleted what is oldest and not of this manifest.

        To throw away a set's first shards for its last would leave nothing that the next reader needs first.
        """
        own = {ref.digest for ref in manifest.shards}
        kept = list(self._files()) if self.max_bytes else []
        room = self.max_bytes - sum(stat.st_size for _, stat in kept)
        others = [(path, stat) for path, stat in kept if path.name not in own]
        for path, stat in sorted(others, key=lambda entry: entry[1].st_mtime):
            if room >= size:
                break
            path.unlink(missing_ok=True)
            room += stat.st_size
        return room >= size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield the finished files; other workers make and delete some at the same time."""
        for path in self.folder.glob("[!.]*"):
            with suppress(FileNotFoundError):
                yield path, path.stat()

    def _path(self, ref: ShardRef) -> Path:
        return self.folder / ref.digest


def _metadata(ref: ShardRef) -> dict[str, str]:
    return {"format": "pole.points", "version": "1", "shard": ref.digest}
