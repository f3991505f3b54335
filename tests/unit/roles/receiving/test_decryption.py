"""Decrypting a set: bad rows count as 0, nothing half-written is used, nothing is done twice."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.roles import sealed_sets
from tests.unit.roles.elsewhere import FakeShards
from tests.unit.roles.sealed_sets import (
    LABELS,
    OTHER_SEED,
    ROWS,
    SEED,
    SHARDS,
    SealedSet,
    in_clear,
    sealed_set,
)

from pole.errors import AbandonedError, UnreachableError
from pole.ipfe.scheme import Ciphertexts, decrypt, expand
from pole.learning.machine import disk_arrays
from pole.learning.machine.threads import never
from pole.protocol.formats.encrypted_set import Shard, read_shard
from pole.protocol.formats.tensors import MAX_HEADER_BYTES
from pole.roles.publishing import encryption
from pole.roles.receiving.point_cache import PointCache, SealedRows
from pole.roles.receiving.task_data import DataFault
from pole.roles.support import slots
from pole.roles.support.files import NotHadError


@pytest.fixture(params=[1, 3])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SealedSet:
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    return sealed_set(tmp_path, threads=request.param)


Spoil = Callable[[int], Callable[[Shard], Shard]]


def feature_file(data: SealedSet, number: int) -> Path:
    return data.home / "features-1" / f"{number:05}"


def no_point(row: int) -> Callable[[Shard], Shard]:
    """Let column 2 of a row be no group element."""
    return lambda shard: with_point(shard, row, np.full(32, 255, dtype=np.uint8))


def out_of_range(row: int) -> Callable[[Shard], Shard]:
    """Let column 2 of a row be its column 1, which hides behind another secret."""
    return lambda shard: with_point(shard, row, shard.ct[row, 1])


def with_point(shard: Shard, row: int, point: NDArray[np.uint8]) -> Shard:
    ct = shard.ct.copy()
    ct[row, 2] = point
    return replace(shard, ct=ct)


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[tuple[str, dict[str, object]]]:
    records = [record for record in caplog.records if getattr(record, "event", None) == name]
    return [(record.getMessage(), vars(record)["details"]) for record in records]


@pytest.fixture(params=[no_point, out_of_range])
def spoil(request: pytest.FixtureRequest) -> Spoil:
    spoiling: Spoil = request.param
    return spoiling


@pytest.mark.parametrize("cache_bytes", [0, 10**6])
def test_a_row_that_does_not_decrypt_has_features_of_zero_and_keeps_its_label(
    data: SealedSet, spoil: Spoil, cache_bytes: int
) -> None:
    data.cache_bytes = cache_bytes
    data.change_shard(2, spoil(1))
    data.change_shard(3, spoil(0))
    for seed in (SEED, OTHER_SEED, SEED):
        expected = in_clear(seed)
        expected[[7, 9]] = 0
        samples = data.decrypt(seed)
        assert np.array_equal(samples.features, expected)
        assert np.array_equal(samples.labels, LABELS)


def test_features_that_are_mapped_are_those_in_memory(
    data: SealedSet, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.change_shard(2, spoil(1))
    in_memory = data.decrypt()
    monkeypatch.setattr(disk_arrays, "SMALLEST", 1)
    # Once from shards, and once from the features that were kept.
    for home in (data.home / "again", data.home):
        data.home = home
        mapped = data.decrypt()
        assert mapped.features.dtype == in_memory.features.dtype
        assert mapped.features.tobytes() == in_memory.features.tobytes()
        assert mapped.labels.tolist() == in_memory.labels.tolist()
        kept = sorted(path.name for path in (home / "features-1").iterdir())
        assert kept == [f"{number:05}" for number in range(SHARDS)]


def test_rows_that_do_not_decrypt_are_reported_once_with_the_place_of_the_first(
    data: SealedSet, spoil: Spoil, caplog: pytest.LogCaptureFixture
) -> None:
    data.change_shard(2, spoil(1))
    data.change_shard(3, spoil(0))
    told = {"part": "train", "samples": 2, "of": ROWS, "shard": 2, "row": 1}
    for _ in ("decrypted", "kept from before"):
        caplog.clear()
        with caplog.at_level("INFO", "pole"):
            data.decrypt()
        [(sentence, details)] = events(caplog, "not-decrypted")
        assert details == told
        assert re.search(r"2 of 11 samples .* first of them in row 1 of shard 2 \(bafk", sentence)
        assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_set_that_decrypts_is_not_reported(data: SealedSet, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pole"):
        data.decrypt()
    assert events(caplog, "not-decrypted") == []


def test_a_set_of_which_most_rows_do_not_decrypt_is_warned_of(
    data: SealedSet, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil_all(shard: Shard) -> Shard:
        return replace(shard, ct0=np.full_like(shard.ct0, 255))

    for number in (0, 1):
        data.change_shard(number, spoil_all)
    assert data.decrypt().features[6:].any()
    assert "Most of the train set holds nothing" in caplog.text


def test_a_set_of_nothing_but_bad_rows_is_a_set_of_zeros(data: SealedSet, spoil: Spoil) -> None:
    for number, ref in enumerate(data.manifest.shards):
        for row in range(ref.rows):
            data.change_shard(number, spoil(row))
    samples = data.decrypt()
    assert not samples.features.any()
    assert np.array_equal(samples.labels, LABELS)


def test_only_the_shard_itself_says_that_a_row_does_not_decrypt(data: SealedSet, spoil: Spoil) -> None:
    data.cache_bytes = 10**6
    data.change_shard(2, spoil(1))
    cache = PointCache(data.home / "points", data.cache_bytes)
    shard = read_shard(data.store.files[data.manifest.shards[2].cid], data.manifest, 2)
    cache.keep(data.manifest, 2, SealedRows(expand(Ciphertexts(shard.ct0, shard.ct)), shard.labels))
    assert cache.find(data.manifest, 2) is not None
    data.decrypt()
    assert cache.find(data.manifest, 2) is None
    assert cache.find(data.manifest, 1) is not None


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
    with closing(data.decryption()) as decryption:
        with pytest.raises(AbandonedError):
            decryption.samples(lambda: next(asked))
        assert feature_file(data, 1).exists()
        before = len(data.store.fetched)
        assert np.array_equal(decryption.samples(never).features, in_clear())
        assert len(data.store.fetched) == len(data.manifest.shards)
        assert before


def test_what_takes_long_is_left_within_a_second_or_so(
    data: SealedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, asked = threading.Event(), iter([False, True])

    def slow(*given: Any, **named: Any) -> object:
        goes_on.wait()
        return decrypt(*given, **named)

    monkeypatch.setattr("pole.roles.receiving.decryption.decrypt", slow)
    with closing(data.decryption()) as decryption:
        with pytest.raises(AbandonedError):
            decryption.samples(lambda: next(asked))
        assert not goes_on.is_set()
        goes_on.set()
        assert np.array_equal(decryption.samples(never).features, in_clear())


def test_a_shard_that_was_not_to_be_had_is_asked_for_again_and_no_other(data: SealedSet) -> None:
    gone = data.manifest.shards[1].cid
    data.store.missing.add(gone)
    with closing(data.decryption()) as decryption:
        with pytest.raises(UnreachableError):
            decryption.samples(never)
        data.store.missing.clear()
        samples = decryption.samples(never)
    assert np.array_equal(samples.features, in_clear())
    assert np.array_equal(samples.labels, LABELS)
    assert all(
        data.store.fetched.count(shard.cid) <= 1 + (shard.cid == gone) for shard in data.manifest.shards
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_who_looks_on_may_take_the_same_set_meanwhile(data: SealedSet, threads: int) -> None:
    data.threads = threads
    looks, taken = iter([True]), []
    with closing(data.decryption()) as decryption:

        def stop() -> bool:
            if next(looks, False):
                taken.append(decryption.samples(never))
            return False

        taken.append(decryption.samples(stop))
    assert [np.array_equal(samples.features, in_clear()) for samples in taken] == [True, True]


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


def test_a_cached_set_needs_no_store_under_other_keys(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    assert np.array_equal(data.decrypt().features, in_clear())
    data.store.down = True
    assert np.array_equal(data.decrypt(OTHER_SEED).features, in_clear(OTHER_SEED))


def test_cached_labels_that_are_no_classes_of_another_task_are_the_data_node_s_fault(
    data: SealedSet,
) -> None:
    data.cache_bytes = 10**6
    data.decrypt()
    data.manifest = replace(data.manifest, classes=2)
    with pytest.raises(DataFault, match="has the label 2 in row"):
        data.decrypt(OTHER_SEED)


def test_a_cache_that_lies_harms_nobody(data: SealedSet) -> None:
    data.cache_bytes = 10**6
    data.decrypt()
    one, two = (data.home / "points" / data.manifest.shards[number].digest for number in (0, 1))
    one.write_bytes(two.read_bytes())
    two.write_bytes(two.read_bytes()[:-1])
    assert np.array_equal(data.decrypt(OTHER_SEED).features, in_clear(OTHER_SEED))


@pytest.mark.parametrize("zeros", [True, False], ids=["no points", "points of others"])
def test_cached_points_that_give_nothing_are_replaced_by_the_shard_s(data: SealedSet, zeros: bool) -> None:
    data.cache_bytes = 10**6
    cache = PointCache(data.home / "points", data.cache_bytes)
    data.decrypt()
    found = cache.find(data.manifest, 0)
    assert found is not None
    damage = np.zeros_like if zeros else np.flip
    points = replace(found.ciphertexts, ct=np.ascontiguousarray(damage(found.ciphertexts.ct)))
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
from tests.unit.roles.elsewhere import FakeShards
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


@pytest.mark.parametrize("lasts", [0, 1, None], ids=["away", "lost after one", "there"])
@pytest.mark.parametrize("cache", [0, 2**20], ids=["without cache", "with cache"])
def test_a_cluster_beside_threads_gives_the_features_of_one_machine(
    data: SealedSet, lasts: int | None, cache: int
) -> None:
    data.shards, data.cache_bytes = FakeShards(lasts=lasts), cache
    for seed in (SEED, OTHER_SEED):
        samples = data.decrypt(seed)
        assert np.array_equal(samples.features, in_clear(seed))
        assert np.array_equal(samples.labels, LABELS)


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (lambda: FakeShards(fails=True), "was given up. This machine does the work itself."),
        (lambda: FakeShards(answer=lambda _: b"nothing"), "worker-1"),
    ],
    ids=["given up", "wrong"],
)
def test_what_workers_fail_at_is_decrypted_here(
    data: SealedSet, cluster: Callable[[], FakeShards], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    data.shards = shards = cluster()
    assert np.array_equal(data.decrypt().features, in_clear())
    assert told in caplog.text or not shards.sent


def test_what_is_too_large_for_a_cluster_is_decrypted_here(
    data: SealedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "MAX_SHARD_BYTES", MAX_HEADER_BYTES + 1)
    data.shards = shards = FakeShards()
    assert np.array_equal(data.decrypt().features, in_clear())
    assert not shards.sent


def test_a_bad_row_of_a_cluster_is_zero_as_it_is_here(data: SealedSet) -> None:
    for number in range(SHARDS):
        data.change_shard(number, no_point(0))
    data.shards = FakeShards()
    features = data.decrypt().features
    assert not features[::3].any()
    good = np.arange(ROWS) % 3 > 0
    assert np.array_equal(features[good], in_clear()[good])
