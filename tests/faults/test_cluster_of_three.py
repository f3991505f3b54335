"""Rows of CIFAR-10 through three workers, one killed in each part of the work: the bytes of one machine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.encryption.whole_set import PARTS, Cluster, alone, losing, take_through
from tests.faults.cluster_processes import joined, running

from pole.adapters.storage.data_publishers import is_here
from pole.learning.data.datasets import DataSet, data_directory, fetched_directory, load, subset
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.models.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from pole.protocol.models.specification import Input, ModelSpecification
from pole.roles.judging import evaluation_shards
from pole.roles.ports import Shards
from pole.roles.publishing import encryption
from pole.roles.support.slots import Slots

ROWS, ROWS_IN_SHARD = 128, 8
WORKERS = ("worker-a", "worker-b", "worker-c")
SMALL = ModelSpecification(
    input=Input(shape=(3, 32, 32), bits=8),
    mapping=ConvMapping(bits=3, queries=1, kernel=(3, 3)),
    graph=(
        Conv2d(name="filters", out_channels=32, kernel_size=3, padding=1),
        ReLU(name="relu"),
        MaxPool2d(name="pool", kernel_size=2, stride=2),
        Flatten(name="flat"),
        Linear(name="logits", out_features=10),
    ),
    classes=10,
    max_parameters=2**20,
    max_bytes=2**23,
)


@pytest.fixture
def rows() -> DataSet:
    folder = data_directory(os.environ, Path.cwd()) or fetched_directory()
    if not is_here("cifar10", folder):
        pytest.skip("CIFAR-10 is not here (see `pole data fetch`)")
    return subset(load("cifar10", folder), ROWS, 1, 0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running(tmp_path, WORKERS, {"OMP_NUM_THREADS": "1"}) as processes, joined(processes) as caller:
        yield caller


@pytest.fixture
def shards_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rows make some shards for each worker, in each part of the work."""
    row_bytes = (3 * 32 * 32 + 1) * 32 + 2
    monkeypatch.setattr(encryption, "SHARD_BYTES", ROWS_IN_SHARD * row_bytes)
    monkeypatch.setattr(evaluation_shards, "SHARD_WORK", 2**24)
    monkeypatch.setattr(evaluation_shards, "WORK_OF_A_BYTE", 0)


def busy_with_something_else(slots: Slots, _: Callable[[], Any], there: Callable[[Shards], Any]) -> Any:
    assert slots._shards is not None
    return there(slots._shards)


@pytest.mark.usefixtures("shards_are_small")
def test_a_set_is_encrypted_decrypted_and_judged_as_on_one_machine_whoever_is_killed(
    rows: DataSet, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = take_through(SMALL, rows, tmp_path / "alone", alone)
    assert here.shards == ROWS // ROWS_IN_SHARD
    # This machine's thread, which knows the secret, would do most of so little work.
    monkeypatch.setattr(Slots, "run", busy_with_something_else)
    half = here.shards // 2
    helping, killed = losing(cluster, dict(zip(PARTS, (half, half, 4), strict=True)))
    found = take_through(SMALL, rows, tmp_path / "three", helping)
    assert found.outcome == here.outcome
    assert len(killed) == len(PARTS)
