"""The test set that a round released, as its committee saw it: features by decryption."""

import os
import time
from pathlib import Path

from pole.errors import InputError
from pole.roles.models.record import ModelRecord
from pole.roles.ports import Published, Store
from pole.roles.receiving.decryption import Means
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.round_data import RoundData
from pole.roles.receiving.samples import Samples
from pole.roles.receiving.task_data import TaskReader


def fetch_test_set(record: ModelRecord, chain: Published, store: Store, folder: Path) -> Samples:
    """Return the released test samples of a kept model's round, fetched, checked and decrypted in `folder`.

    Raises InputError where the round released none, DataFault and NotHadError as for miners and verifiers.
    """
    reader = TaskReader(chain, store, folder / "files", os.urandom)
    data = RoundData(reader, folder, Means(store, time.monotonic, 1, PointCache(folder / "points", 0)))
    samples = data.test_set(chain.round(record.round_id))
    if samples is None:
        raise InputError(
            f"Round {record.round_id} released no test set: give rows with their target by --rows FILE."
        )
    return samples
