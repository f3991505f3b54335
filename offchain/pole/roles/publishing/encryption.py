"""From samples to an encrypted set: quantised, encrypted and handed to the store shard by shard.

Memory holds the samples and a few shards, never all ciphertexts.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.ipfe.scheme import Ciphertexts, MasterPublicKey, MasterSecretKey, encrypt
from pole.learning.data.noise import with_noise
from pole.learning.data.quantisation import Quantisation, apply
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    ShardRef,
    shard_ref,
    write_manifest,
    write_shard,
)
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import FileRef
from pole.roles.ports import Shards, Store
from pole.roles.publishing.encryption_shards import encrypt_elsewhere
from pole.roles.publishing.placed_shards import drop_notes, note_of, placed_shard
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.support.events import Progress, report
from pole.roles.support.files import write_durably, write_whole
from pole.roles.support.look_ahead import look_ahead
from pole.roles.support.slots import Slots

LOG: Final = logging.getLogger("pole.task")
SHARD_BYTES: Final = 2**23
POINT_BYTES: Final = 32
LABEL_BYTES: Final = 2
PLACED_AT_ONCE: Final = 2
BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Sealing:
    """How the sets of a task are encrypted, and where to.

    `public_key` is where the master public key `public` is; `threads` encrypt at a time, each with its own
    `random_bytes`, and the machines of `shards` beside them, which are never shown the secret.
    """

    specification: ModelSpecification
    quantisation: Quantisation
    secret: MasterSecretKey = field(repr=False)
    public_key: FileRef
    folder: TaskFolder
    store: Store
    random_bytes: Callable[[int], bytes] = field(repr=False)
    threads: int
    clock: Callable[[], float]
    public: MasterPublicKey
    shards: Shards | None = None


def encrypt_set(
    sealing: Sealing, part: Part, x: NDArray[Any], y: NDArray[np.int64], order: NDArray[np.int64]
) -> bytes:
    """Encrypt samples (n, ...) with labels (n,); return their manifest, also kept in the task's folder.

    Sample `order[i]` is number i of the encrypted set. Shards of a training set go to the store, those of a
    test set stay in the folder and are only named. Who was killed and calls it again goes on with what its
    folder does not hold. Beside the samples, at most 2 (`threads` + 4) shards of 8
    MiB are in memory, where `threads` counts what the cluster works on too. Raises UnreachableError when the
    store does not answer, and what `encrypt_elsewhere` raises, but for a cluster that does not answer.
    """
    progress = Progress(LOG, "encrypted", part, len(x), sealing.clock)
    work = _Work(sealing, part, x, y, order, Slots(sealing.threads, sealing.shards))
    refs: list[ShardRef] = []
    clipped = 0
    with closing(work.run()) as placed:
        for shard in placed:
            refs.append(shard.ref)
            clipped += shard.clipped
            progress.add(shard.ref.rows)
    if clipped:
        LOG.warning("%d values of the %s set are out of range and were clipped.", clipped, part.value)
    _report_encrypted(sealing, part, progress)
    manifest = write_manifest(_manifest(sealing, part, tuple(refs)))
    write_durably(sealing.folder.manifest(part.value), manifest)
    drop_notes(sealing.folder, part)
    return manifest


@dataclass(frozen=True, slots=True)
class _Encrypted:
    """A shard's number, bytes and samples, and how many of their values were clipped.

    Where the store had it before, the bytes are none and it is at `placed`.
    """

    number: int
    content: bytes = field(repr=False)
    rows: int
    clipped: int
    placed: ShardRef | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shard that has a CID."""

    ref: ShardRef
    clipped: int


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """One set being encrypted by several threads and machines."""

    sealing: Sealing
    part: Part
    x: NDArray[Any]
    y: NDArray[np.int64]
    order: NDArray[np.int64]
    slots: Slots

    def run(self) -> Generator[_Placed]:
        """Yield the shards in order; the store takes some while the next are encrypted."""
        at_once = self.slots.count
        count = -(-len(self.x) // self._rows)
        encrypted = look_ahead(self._encrypt, range(count), workers=at_once, maximum=at_once + 1)
        with closing(encrypted):
            yield from look_ahead(self._place, encrypted, workers=PLACED_AT_ONCE, maximum=PLACED_AT_ONCE)

    @property
    def _rows(self) -> int:
        row_bytes = (self.sealing.specification.columns + 1) * POINT_BYTES + LABEL_BYTES
        fitting = max(1, SHARD_BYTES // row_bytes)
        # Whole batches, because decryption takes so many rows at a time.
        return fitting - fitting % BATCH if fitting > BATCH else fitting

    def _encrypt(self, number: int) -> _Encrypted:
        some = self.order[number * self._rows : (number + 1) * self._rows]
        quantised = apply(self.sealing.quantisation, self.x[some])
        rows, folder = len(some), self.sealing.folder
        placed = placed_shard(folder, self.part, number, rows)
        if placed is not None:
            return _Encrypted(number, b"", rows, quantised.clipped, placed)
        path = folder.shard(self.part.value, number)
        if self._is_durable and path.is_file():
            return _Encrypted(number, path.read_bytes(), rows, quantised.clipped)
        values = with_noise(quantised.values, self.sealing.specification, self.sealing.random_bytes)
        sealed = self._seal(values)
        content = write_shard(Shard(sealed.ct0, sealed.ct, self.y[some].astype(np.uint16)))
        return _Encrypted(number, content, rows, quantised.clipped)

    @property
    def _is_durable(self) -> bool:
        """Return whether shards must outlive a crash of the machine: those that are kept or have noise."""
        specification = self.sealing.specification
        return self.part is Part.TEST or specification.columns > specification.dimension

    def _seal(self, values: NDArray[np.unsignedinteger]) -> Ciphertexts:
        owner = self.sealing
        return self.slots.run(
            lambda: encrypt(owner.secret, values, owner.random_bytes),
            lambda shards: encrypt_elsewhere(shards, owner.secret, owner.public, values, owner.random_bytes),
        )

    def _place(self, shard: _Encrypted) -> _Placed:
        if shard.placed is not None:
            return _Placed(shard.placed, shard.clipped)
        folder, store = self.sealing.folder, self.sealing.store
        write = write_durably if self._is_durable else write_whole
        path = folder.shard(self.part.value, shard.number)
        write(path, shard.content)
        cid = store.cid_of(path) if self.part is Part.TEST else store.add(path)
        ref = shard_ref(cid, shard.content, shard.rows)
        write(folder.note(self.part.value, shard.number), note_of(ref))
        if self.part is Part.TRAIN:
            path.unlink()
        return _Placed(ref, shard.clipped)


def _manifest(sealing: Sealing, part: Part, refs: tuple[ShardRef, ...]) -> EncryptedSetManifest:
    specification = sealing.specification
    return EncryptedSetManifest(
        part=part,
        count=sum(ref.rows for ref in refs),
        input_shape=specification.input.shape,
        dimension=specification.columns,
        noise_columns=specification.columns - specification.dimension,
        classes=specification.classes,
        bits=specification.input.bits,
        # The manifest divides by its scale where the quantisation multiplies.
        scale=tuple(1.0 / scale for scale in sealing.quantisation.scale),
        offset=sealing.quantisation.offset,
        master_public_key=sealing.public_key,
        shards=refs,
    )


def _report_encrypted(sealing: Sealing, part: Part, progress: Progress) -> None:
    dimension, seconds = sealing.specification.dimension, progress.seconds
    sentence = (
        f"Encrypted {progress.total} samples of the {part.value} set, {dimension} values each, "
        f"in {seconds:.1f} s."
    )
    details = {"samples": progress.total, "dimension": dimension, "seconds": round(seconds, 3)}
    report(LOG, "encrypted", sentence, part=part.value, **details)
