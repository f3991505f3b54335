"""Decrypting a set: what is wrong is named, nothing half-written is used, nothing is done twice."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles import sealed_sets
from tests.unit.roles.sealed_sets import LABELS, OTHER_SEED, ROWS, SHARDS, SealedSet, in_clear, sealed_set

from pole.errors import AbandonedError
from pole.protocol.formats.encrypted_set import Shard
from pole.roles.publishing import encryption
from pole.roles.receiving.decryption import Means, decrypt_set
from pole.roles.receiving.point_cache import PointCache
from pole.roles.receiving.task_data import DataFault
from pole.roles.support.files import NotHadError


@pytest.fixture(params=[1, 3])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SealedSet:
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    return sealed_set(tmp_path, threads=request.param)


def feature_file(data: SealedSet, number: int) -> Path:
    return data.home / "features-1" / f"{number:05}"


def with_row(shard: Shard, row: int, point: bytes) -> Shard:
    ct = shard.ct.copy()
    ct[row, 2] = np.frombuffer(point, dtype=np.uint8)
    return replace(shard, ct=ct)


def test_a_point_off_the_group_is_named_by_shard_row_and_sample(data: SealedSet) -> None:
    data.change_shard(2, lambda shard: with_row(shard, 1, b"\xff" * 32))
    with pytest.raises(DataFault, match=r"shard 2 \(bafk.*\) of the train set, row 1 \(sample 7 .*column 2"):
        data.decrypt()


def test_a_ciphertext_of_nothing_is_named_by_shard_row_and_sample(data: SealedSet) -> None:
    data.change_shard(3, lambda shard: with_row(shard, 0, shard.ct[1, 2].tobytes()))
    with pytest.raises(
        DataFault, match=r"shard 3 .*row 0 \(sample 9 of the set\), window 0, query 0 decrypts"
    ):
        data.decrypt()


def test_an_audited_row_is_named_by_its_place_in_the_whole_set(data: SealedSet) -> None:
    data.change_shard(2, lambda shard: with_row(shard, 1, b"\xff" * 32))
    assert np.array_equal(data.decrypt(rows=[1, 6, 8]).features, in_clear()[[1, 6, 8]])
    with pytest.raises(DataFault, match=r"shard 2 .*row 1 \(sample 7 "):
        data.decrypt(OTHER_SEED, rows=[1, 7, 8])


def test_a_label_that_is_no_class_is_the_data_node_s_fault(data: SealedSet) -> None:
    data.change_shard(1, lambda shard: replace(shard, labels=shard.labels + 3))
    with pytest.raises(DataFault, match=r"shard 1 .* has the label 3 in row 0"):
        data.decrypt()


def test_a_shard_that_is_not_announced_so_is_named_and_nobody_s_fault(data: SealedSet) -> None:
    ref = data.manifest.shards[2]
    for wrong in (b"", data.store.files[ref.cid][:-1], data.store.files[data.manifest.shards[1].cid]):
        data.store.lies[ref.cid] = wrong
        with pytest.raises(NotHadError, match=rf"shard 2 \({ref.cid}\) of the train set is not to be had"):
            data.decrypt()
    data.store.lies.clear()
    assert np.array_equal(data.decrypt().features, in_clear())


def test_shards_that_changed_places_are_the_data_node_s_fault(data: SealedSet) -> None:
    first, *middle, last = data.manifest.shards
    data.manifest = replace(
        data.manifest,
        shards=(replace(last, rows=first.rows), *middle, replace(first, rows=last.rows)),
    )
    with pytest.raises(DataFault, match="shard 0 "):
        data.decrypt()


def test_work_that_nobody_needs_is_abandoned_and_taken_up_again(data: SealedSet) -> None:
    asked = iter([False, False, True])
    means = Means(data.store, data.clock, data.threads, PointCache(data.home, 0))
    with pytest.raises(AbandonedError):
        decrypt_set(data.request(), means, stop=lambda: next(asked))
    assert feature_file(data, 1).exists()
    assert np.array_equal(data.decrypt().features, in_clear())


@pytest.mark.parametrize("at", range(SHARDS))
def test_who_died_at_a_shard_goes_on_with_it(data: SealedSet, at: int) -> None:
    data.store.dies_at = at
    with pytest.raises(KeyboardInterrupt):
        data.decrypt()
    finished = [number for number in range(SHARDS) if feature_file(data, number).exists()]
    data.store.dies_at = None
    before = len(data.store.fetched)
    samples = data.decrypt()
    assert np.array_equal(samples.features, in_clear())
    assert np.array_equal(samples.labels, LABELS)
    again = data.store.fetched[before:]
    assert not {data.manifest.shards[number].cid for number in finished} & set(again)


def test_what_is_decrypted_is_not_fetched_again(data: SealedSet) -> None:
    data.decrypt()
    data.store.down = True
    assert np.array_equal(data.decrypt().features, in_clear())
    assert list((data.home / "shards").iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "swapped", "half a write"])
def test_a_damaged_file_of_features_is_made_again(data: SealedSet, damage: str) -> None:
    data.decrypt()
    path, whole = feature_file(data, 1), feature_file(data, 1).read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[:-1])
        case "emptied":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        case "swapped":
            path.write_bytes(feature_file(data, 0).read_bytes())
        case _:
            path.rename(path.with_name(".00001.4711"))
    fetched = len(data.store.fetched)
    assert np.array_equal(data.decrypt().features, in_clear())
    assert data.store.fetched[fetched:] == [data.manifest.shards[1].cid]


@pytest.mark.parametrize("left", [b"", b"rotten"])
def test_half_a_shard_on_disk_is_fetched_again(data: SealedSet, left: bytes) -> None:
    ref = data.manifest.shards[0]
    path = data.home / "shards" / "00000" / ref.digest
    path.parent.mkdir(parents=True)
    path.write_bytes(data.store.files[ref.cid][:100] + left)
    assert np.array_equal(data.decrypt().features, in_clear())
    assert data.store.fetched.count(ref.cid) == 1


def test_features_take_the_smallest_type_that_holds_their_bound(data: SealedSet) -> None:
    samples = data.decrypt()
    assert samples.features.dtype == np.uint16
    assert samples.labels.dtype == np.int64


def test_shards_without_an_audited_sample_are_not_fetched(data: SealedSet) -> None:
    samples = data.decrypt(rows=[3, 10])
    assert np.array_equal(samples.features, in_clear()[[3, 10]])
    assert np.array_equal(samples.labels, LABELS[[3, 10]])
    assert set(data.store.fetched) == {data.manifest.shards[1].cid, data.manifest.shards[3].cid}


def test_a_cached_set_needs_no_store_under_other_keys(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    assert np.array_equal(data.decrypt().features, in_clear())
    data.store.down = True
    assert np.array_equal(data.decrypt(OTHER_SEED).features, in_clear(OTHER_SEED))


def test_a_cache_that_lies_harms_nobody(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    data.decrypt()
    one, two = (data.home / "points" / data.manifest.shards[number].digest for number in (0, 1))
    one.write_bytes(two.read_bytes())
    two.write_bytes(two.read_bytes()[:-1])
    assert np.array_equal(data.decrypt(OTHER_SEED).features, in_clear(OTHER_SEED))


def test_cached_points_that_give_nothing_are_replaced_by_the_shard_s(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    cache = PointCache(data.home / "points", data.cache_bytes)
    data.decrypt()
    found = cache.find(data.manifest, 0)
    assert found is not None
    points = replace(found.ciphertexts, ct=np.ascontiguousarray(found.ciphertexts.ct[::-1]))
    cache.keep(data.manifest, 0, replace(found, ciphertexts=points))
    assert np.array_equal(data.decrypt(OTHER_SEED).features, in_clear(OTHER_SEED))
    restored = cache.find(data.manifest, 0)
    assert restored is not None
    assert np.array_equal(restored.ciphertexts.ct, found.ciphertexts.ct)


def test_files_of_the_cache_that_vanish_meanwhile_do_no_harm(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    (data.home / "points").mkdir(parents=True)
    (data.home / "points" / "gone").symlink_to(data.home / "deleted")
    (data.home / "points" / ".unfinished").write_bytes(bytes(10**6))
    data.decrypt()
    cache = PointCache(data.home / "points", data.cache_bytes)
    assert cache.find(data.manifest, 0) is not None


def test_progress_is_told_with_rate_and_time_left(data: SealedSet, caplog: pytest.LogCaptureFixture) -> None:
    times = iter(range(0, 1000, 4))
    data.clock = lambda: float(next(times))
    with caplog.at_level("INFO", "pole"):
        data.decrypt()
    told = [record for record in caplog.records if vars(record)["event"] == "decrypted-so-far"]
    details = vars(told[0])["details"]
    assert details["of"] == ROWS
    assert details["samples"] < ROWS
    assert details["left"] > 0
    assert "samples of the train set" in told[0].getMessage()


KILLED = """
import os, sys, time
from pathlib import Path
from tests.unit.roles import sealed_sets
from pole.roles.publishing import encryption

encryption.SHARD_BYTES = sealed_sets.SHARD_BYTES
data = sealed_sets.sealed_set(Path(sys.argv[1]))
fetch = data.store.fetch

def slow(cid, path, *, max_bytes, within=None):
    if cid == data.manifest.shards[2].cid:
        path.write_bytes(b"half")
        while not (data.home / "features-1" / "00001").exists():
            time.sleep(0.01)
        print("killable", flush=True)
        time.sleep(60)
    fetch(cid, path, max_bytes=max_bytes)

data.store.fetch = slow
data.decrypt()
"""


def test_a_killed_process_leaves_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"killable\n"
        process.send_signal(signal.SIGKILL)
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    again = sealed_set(tmp_path / "again")
    again.home = tmp_path / "home"
    assert np.array_equal(again.decrypt().features, in_clear())
    # Whether the shard after that one was on disk already, is for the threads to say.
    assert again.store.fetched[0] == again.manifest.shards[2].cid
    assert set(again.store.fetched) <= {ref.cid for ref in again.manifest.shards[2:]}
