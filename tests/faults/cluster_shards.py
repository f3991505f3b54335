"""Shards for a cluster under test: rows to encrypt, and what this machine makes of them."""

import numpy as np
from tests.faults.cluster_processes import has, wait_until
from tests.unit.roles.conftest import numbers

from pole.adapters.machine.cluster.client import Cluster
from pole.ipfe.scheme import Ciphertexts, encrypt, generate_keys
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.publishing.encryption_shards import encryption_shard

COLUMNS = 400
LONG = 512
"""Rows that keep a worker busy long enough to be killed at them."""

SECRET, PUBLIC = generate_keys(COLUMNS, numbers(1))


def shard_of(seed: int, rows: int) -> tuple[WorkShard, Ciphertexts]:
    """Return rows to encrypt, and what this machine makes of them by the owner's path."""
    values = np.random.default_rng(seed).integers(0, 256, (rows, COLUMNS)).astype(np.uint8)
    randomness = numbers(seed)(64 * rows)
    return encryption_shard(PUBLIC, values, randomness), encrypt(SECRET, values, lambda _: randomness)


def expect(result: ShardResult, sealed: Ciphertexts) -> None:
    assert result.content.endswith(sealed.ct.tobytes() + sealed.ct0.tobytes())


def begun(cluster: Cluster, shard: WorkShard) -> str:
    """Return the address of the worker that has a shard, once one has it."""
    wait_until(lambda: bool(has(cluster, shard.name)), "a worker had the shard")
    return has(cluster, shard.name)[0]
