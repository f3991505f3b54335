"""A round's samples as miners and verifiers get them: features by decryption, computed once, kept on disk."""

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import PoleError
from pole.ipfe.scheme import Ciphertexts, bound_of, decrypt
from pole.protocol.audit_sample import audit_sample, is_whole_set
from pole.protocol.formats.encrypted_set import EncryptedSetManifest, ShardRef, read_shard
from pole.protocol.hashing import keccak256
from pole.protocol.mapping_layer import arrange
from pole.protocol.state import Round
from pole.roles.events import tell
from pole.roles.files import Wanted, fetch, sha256, write_durably
from pole.roles.learner import Samples
from pole.roles.ports import Store
from pole.roles.task_data import TaskData, TaskReader, blaming_data_node

LOG: Final = logging.getLogger("pole.data")
SHARDS_AT_ONCE: Final = 8

Stop = Callable[[], bool]
Rows = NDArray[np.int64]


class AbandonedError(PoleError):
    """The work was stopped because nobody needs it any more."""


@dataclass(slots=True)
class RoundData:
    """The samples of rounds, kept under `home`.

    Its methods raise what TaskReader's raise. `clock` times the decryption, which uses `threads` threads.
    """

    reader: TaskReader
    store: Store
    home: Path
    clock: Callable[[], float]
    threads: int = 1
    _task: tuple[int, TaskData] | None = field(default=None, init=False)
    _samples: dict[str, Samples] = field(default_factory=dict, init=False)

    def task(self, open_round: Round) -> TaskData:
        """Return the round's specification, manifest, plan and functional keys."""
        if self._task is None or self._task[0] != open_round.round_id:
            self._samples.clear()
            self._task = (open_round.round_id, self.reader.task(open_round))
        return self._task[1]

    def training_set(self, open_round: Round, *, stop: Stop = lambda: False) -> Samples:
        """Return all training samples; raises AbandonedError when `stop` says so on the way."""
        task = self.task(open_round)
        decrypt_all = partial(self._decrypt, task, task.manifest, None, stop)
        return self._kept(f"{open_round.round_id}-train", open_round.keys_digest, decrypt_all)

    def judged_training_set(self, open_round: Round) -> Samples:
        """Return the training samples that verifiers judge: all, or those drawn with the committee."""
        terms, task = open_round.terms, self.task(open_round)
        if is_whole_set(terms.audit_count, terms.train_count):
            return self.training_set(open_round)
        rows = audit_sample(open_round.entropy, count=terms.audit_count, total=terms.train_count)
        decrypt_rows = partial(self._decrypt, task, task.manifest, rows, lambda: False)
        return self._kept(f"{open_round.round_id}-audit", open_round.entropy, decrypt_rows)

    def test_set(self, open_round: Round) -> Samples | None:
        """Return the test samples, None where no test set was released."""
        task = self.task(open_round)
        manifest = self.reader.test_manifest(open_round, task)
        if manifest is None:
            return None
        decrypt_all = partial(self._decrypt, task, manifest, None, lambda: False)
        return self._kept(f"{open_round.round_id}-test", open_round.keys_digest, decrypt_all)

    def _kept(self, name: str, identity: bytes, compute: Callable[[], Samples]) -> Samples:
        """Return samples from memory, from disk, or computed and then kept in both."""
        if name not in self._samples:
            path = self.home / "features" / f"{name}-{keccak256(identity).hex()[:16]}.npz"
            if not path.exists():
                write_durably(path, _packed(compute()))
            self._samples[name] = _unpacked(path.read_bytes())
        return self._samples[name]

    def _decrypt(
        self, task: TaskData, manifest: EncryptedSetManifest, rows: Rows | None, stop: Stop
    ) -> Samples:
        """Return the samples of a manifest: all, or those with the given ascending indices."""
        started = self.clock()
        folder = self.home / "shards" / manifest.part.value
        found: list[Samples] = []
        first = 0
        for ref, content in self._shards(manifest, folder):
            if stop():
                raise AbandonedError("The round ended while its data was decrypted.")
            among = np.arange(first, first + ref.rows)
            chosen = among - first if rows is None else np.intersect1d(among, rows) - first
            with blaming_data_node():
                shard = read_shard(content, ref, manifest)
                ciphertexts = Ciphertexts(shard.ct0[chosen], shard.ct[chosen])
                found.append(
                    Samples(
                        self._features(task, manifest, ciphertexts), shard.labels[chosen].astype(np.int64)
                    )
                )
            first += ref.rows
        shutil.rmtree(folder)
        whole = Samples(
            np.concatenate([s.features for s in found]), np.concatenate([s.labels for s in found])
        )
        _tell_decrypted(manifest, whole, self.clock() - started)
        return whole

    def _features(
        self, task: TaskData, manifest: EncryptedSetManifest, sealed: Ciphertexts
    ) -> NDArray[np.int64]:
        bound = bound_of(task.plan, 2**manifest.bits - 1)
        products = decrypt(sealed, task.plan, task.keys, bound, threads=self.threads)
        return arrange(products, task.specification)

    def _shards(self, manifest: EncryptedSetManifest, folder: Path) -> Iterator[tuple[ShardRef, bytes]]:
        """Yield each shard's reference and bytes; some are fetched at the same time, links being slow."""
        with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
            for start in range(0, len(manifest.shards), SHARDS_AT_ONCE):
                refs = manifest.shards[start : start + SHARDS_AT_ONCE]
                yield from zip(refs, pool.map(partial(self._shard, folder), refs), strict=True)

    def _shard(self, folder: Path, ref: ShardRef) -> bytes:
        return fetch(self.store, Wanted(ref.cid, bytes.fromhex(ref.digest), ref.size, sha256), folder)


def _tell_decrypted(manifest: EncryptedSetManifest, samples: Samples, seconds: float) -> None:
    count, products = len(samples.features), samples.features[0].size
    sentence = (
        f"Decrypted {count} samples of the {manifest.part.value} set, {products} inner products each, "
        f"in {seconds:.1f} s."
    )
    tell(LOG, "decrypted", sentence, part=manifest.part.value, samples=count, seconds=round(seconds, 3))


def _packed(samples: Samples) -> bytes:
    file = io.BytesIO()
    np.savez(file, features=samples.features, labels=samples.labels)
    return file.getvalue()


def _unpacked(content: bytes) -> Samples:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Samples(arrays["features"], arrays["labels"])
