"""A small encrypted set of several shards on a store of plain Python, and what decrypts it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tests.unit.roles.conftest import numbers, specification
from tests.unit.roles.fake_storage import FakeStore

from pole.ipfe.scheme import derive_keys, generate_keys
from pole.learning.data.quantisation import Quantisation
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    read_manifest,
    read_shard,
    shard_ref,
    write_shard,
)
from pole.protocol.mapping.layer import arrange, inner_products_in_clear, query_plan
from pole.protocol.state import FileRef
from pole.roles.ports import Shards
from pole.roles.publishing.encryption import Sealing, encrypt_set
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.receiving.decryption import Decryption, DecryptionRequest, Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskData
from pole.roles.support.slots import Others

ROWS, SHARDS, ROWS_IN_SHARD = 11, 4, 3
SHARD_BYTES = ROWS_IN_SHARD * (5 * 32 + 2)
SEED, OTHER_SEED = b"\x01" * 32, b"\x02" * 32
IN_ORDER = np.arange(ROWS)
LABELS = np.arange(ROWS, dtype=np.int64) % 3
VALUES = np.random.default_rng(7).integers(0, 256, (ROWS, 4)).astype(np.uint8)


class CountingStore(FakeStore):
    """A store that counts how often each CID is fetched, and dies at the fetch number `dies_at`."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.dies_at: int | None = None

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        if len(self.fetched) == self.dies_at:
            raise KeyboardInterrupt
        self.fetched.append(cid)
        super().fetch(cid, path, max_bytes=max_bytes)


def sealing(store: FakeStore, folder: Path, *, threads: int = 1, shards: Shards | None = None) -> Sealing:
    secret, public = generate_keys(4, numbers(1))
    quantisation = Quantisation(8, (1.0,), (0.0,))
    key = FileRef("bafykey", bytes(32))
    where = TaskFolder(folder)
    return Sealing(
        specification(),
        quantisation,
        secret,
        key,
        where,
        store,
        numbers(2),
        threads,
        clock=lambda: 0.0,
        public=public,
        shards=shards,
    )


@dataclass
class SealedSet:
    """An encrypted set on its store, and the folder of who decrypts it."""

    store: CountingStore
    manifest: EncryptedSetManifest
    home: Path
    threads: int = 1
    cache_bytes: int = 0
    shards: Shards | None = None
    clock: Callable[[], float] = lambda: 0.0

    def request(self, seed: bytes = SEED) -> DecryptionRequest:
        secret, _ = generate_keys(4, numbers(1))
        plan = query_plan(specification(), seed)
        task = TaskData(specification(), self.manifest, plan, derive_keys(secret, plan))
        return DecryptionRequest(task, self.manifest, self.home / f"features-{seed[0]}", self.home / "shards")

    def decrypt(self, seed: bytes = SEED) -> Samples:
        with closing(self.decryption(seed)) as decryption:
            return decryption.samples(lambda: False)

    def decryption(self, seed: bytes = SEED) -> Decryption:
        points = PointCache(self.home / "points", self.cache_bytes)
        others = None if self.shards is None else Others(self.shards, numbers(5))
        return Decryption(self.request(seed), Means(self.store, self.clock, self.threads, points, others))

    def change_shard(self, number: int, change: Callable[[Shard], Shard]) -> None:
        """Let the owner publish another shard, under its own digest."""
        ref = self.manifest.shards[number]
        content = write_shard(change(read_shard(self.store.files[ref.cid], self.manifest, number)))
        path = self.home / "changed"
        path.write_bytes(content)
        changed = shard_ref(self.store.add(path), content, ref.rows)
        shards = [*self.manifest.shards]
        shards[number] = changed
        self.manifest = replace(self.manifest, shards=tuple(shards))


def in_clear(seed: bytes = SEED) -> np.ndarray:
    return arrange(inner_products_in_clear(query_plan(specification(), seed), VALUES), specification())


def sealed_set(folder: Path, *, threads: int = 1) -> SealedSet:
    store = CountingStore()
    owner = sealing(store, folder / "owner", threads=threads)
    content = encrypt_set(owner, Part.TRAIN, VALUES, LABELS, IN_ORDER)
    home = folder / "home"
    home.mkdir()
    return SealedSet(store, read_manifest(content, part=Part.TRAIN), home, threads)
