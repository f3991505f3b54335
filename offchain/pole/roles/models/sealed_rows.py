"""Rows that are encrypted: the test set that a round released, and new rows under the same master key."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, IntegrityError
from pole.ipfe.scheme import Ciphertexts, decrypt, encrypt_with_public_key
from pole.learning.data.noise import RandomBytes, with_noise
from pole.learning.data.quantisation import apply
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.formats.encrypted_set import Shard, read_loose_shard, write_shard
from pole.protocol.mapping.layer import arrange, largest_feature
from pole.roles.models.record import ModelRecord
from pole.roles.ports import Published, Store
from pole.roles.receiving.decryption import Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskReader


@dataclass(frozen=True, slots=True)
class SealedRows:
    """The encrypted rows of a kept model's round, by a chain and a store; `folder` keeps what is fetched.

    Its methods raise what `TaskReader` raises: DataFault, NotHadError, UnreachableError.
    """

    record: ModelRecord
    chain: Published
    store: Store
    folder: Path

    def test_set(self) -> Samples:
        """Return the released test samples as the committee saw them; raises InputError without any."""
        points = PointCache(self.folder / "points", 0)
        means = Means(self.store, time.monotonic, 1, points)
        data = RoundData(self.chain, self.folder, means, os.urandom, lanes=1, served_as=None)
        samples = data.test_set(self.chain.round(self.record.round_id))
        if samples is None:
            raise InputError(
                f"Round {self.record.round_id} released no test set: give rows with their target by --rows."
            )
        return samples

    def open(self, content: bytes) -> NDArray[np.int64]:
        """Return the features of ciphertexts in a shard's file, by the round's functional keys.

        Raises IntegrityError where they are no ciphertexts of this master key.
        """
        task = self._reader().task(self.chain.round(self.record.round_id))
        shard = read_loose_shard(content, task.manifest.dimension)
        bound = largest_feature(task.specification, task.plan, largest_value=2**task.manifest.bits - 1)
        products = decrypt(Ciphertexts(shard.ct0, shard.ct), task.plan, task.keys, bound)
        if products.bad.any():
            raise IntegrityError(
                f"Row {int(products.bad.argmax()) + 1} does not decrypt: it is encrypted under another "
                f"master key than that of task {self.record.task_id}."
            )
        return arrange(products.values, task.specification)

    def seal(self, trained: TrainedModel, samples: NDArray[Any], random_bytes: RandomBytes) -> bytes:
        """Return samples encrypted under the task's master public key, as the file of a shard."""
        key = self._reader().master_public_key(self.chain.task(self.record.task_id))
        values = apply(trained.quantisation, samples).values
        noised = with_noise(values, trained.model.specification, random_bytes)
        sealed = encrypt_with_public_key(key, noised, random_bytes)
        return write_shard(Shard(sealed.ct0, sealed.ct, np.zeros(len(values), dtype=np.uint16)))

    def _reader(self) -> TaskReader:
        return TaskReader(self.chain, self.store, self.folder / "files", os.urandom)
