"""The point cache: bounded, and believed only where its files are whole."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles import sealed_sets
from tests.unit.roles.sealed_sets import SealedSet, sealed_set

from pole.ipfe.scheme import Ciphertexts, expand
from pole.protocol.formats.encrypted_set import read_shard
from pole.roles.publishing import encryption
from pole.roles.receiving.point_cache import PointCache, SealedRows


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SealedSet:
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    return sealed_set(tmp_path)


def decoded(data: SealedSet, number: int) -> SealedRows:
    shard = read_shard(data.store.files[data.manifest.shards[number].cid], data.manifest, number)
    return SealedRows(expand(Ciphertexts(shard.ct0, shard.ct)), shard.labels)


def kept(cache: PointCache) -> set[str]:
    return {path.name for path in cache.folder.glob("*")}


def test_what_is_not_there_is_not_found(data: SealedSet, tmp_path: Path) -> None:
    assert PointCache(tmp_path / "points", 10**6).find(data.manifest, 0) is None


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_damaged_file_is_not_found(data: SealedSet, tmp_path: Path, at: int) -> None:
    cache = PointCache(tmp_path / "points", 10**6)
    cache.keep(data.manifest, 0, decoded(data, 0))
    path = cache.folder / data.manifest.shards[0].digest
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert cache.find(data.manifest, 0) is None


def test_the_file_of_another_shard_is_not_found(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 10**6)
    cache.keep(data.manifest, 0, decoded(data, 0))
    first, second = (cache.folder / ref.digest for ref in data.manifest.shards[:2])
    first.rename(second)
    assert cache.find(data.manifest, 1) is None


def test_nothing_is_kept_beyond_the_bound(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 3000)
    for number in range(4):
        cache.keep(data.manifest, number, decoded(data, number))
    assert 0 < sum(path.stat().st_size for path in cache.folder.iterdir()) <= 3000
    assert kept(cache) == {ref.digest for ref in data.manifest.shards[: len(kept(cache))]}


def test_the_oldest_shards_of_other_sets_make_room(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 3000)
    cache.keep(data.manifest, 0, decoded(data, 0))
    cache.keep(data.manifest, 1, decoded(data, 1))
    os.utime(cache.folder / data.manifest.shards[1].digest, (0, 0))
    other = replace(data.manifest, count=2, shards=data.manifest.shards[3:])
    cache.keep(other, 0, decoded(data, 3))
    assert kept(cache) == {data.manifest.shards[number].digest for number in (0, 3)}


def test_a_bound_of_nothing_keeps_nothing(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 0)
    cache.keep(data.manifest, 0, decoded(data, 0))
    assert kept(cache) == set()


def test_a_shard_is_found_as_it_was_kept(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 10**6)
    rows = decoded(data, 0)
    cache.keep(data.manifest, 0, rows)
    found = cache.find(data.manifest, 0)
    assert found is not None
    assert np.array_equal(found.ciphertexts.ct, rows.ciphertexts.ct)
    assert np.array_equal(found.ciphertexts.ct0, rows.ciphertexts.ct0)
    assert np.array_equal(found.labels, rows.labels)


def test_a_dropped_shard_is_gone(data: SealedSet, tmp_path: Path) -> None:
    cache = PointCache(tmp_path / "points", 10**6)
    cache.keep(data.manifest, 0, decoded(data, 0))
    cache.drop(data.manifest, 0)
    cache.drop(data.manifest, 0)
    assert cache.find(data.manifest, 0) is None
