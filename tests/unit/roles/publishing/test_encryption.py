"""Encrypting a set: shard by shard, each handed to the store while the next is encrypted."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.roles.elsewhere import FakeShards
from tests.unit.roles.fake_storage import FakeStore
from tests.unit.roles.sealed_sets import IN_ORDER, LABELS, ROWS, SHARD_BYTES, SHARDS, VALUES, sealing

from pole.errors import UnreachableError
from pole.ipfe.scheme import Ciphertexts, MasterSecretKey, decrypt, derive_keys
from pole.protocol.formats.encrypted_set import Part, read_manifest, read_shard
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.publishing import encryption
from pole.roles.publishing.encryption import encrypt_set


def opened_by(secret: MasterSecretKey, sealed: Ciphertexts) -> np.ndarray:
    """Return samples, a query vector for each of their columns."""
    plan = QueryPlan(np.arange(4, dtype=np.int32).reshape(1, 4), np.eye(4, dtype=np.uint8))
    return decrypt(sealed, plan, derive_keys(secret, plan), 255).values[:, 0]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "SHARD_BYTES", SHARD_BYTES)


def test_a_store_that_does_not_answer_ends_the_work(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        encrypt_set(sealing(FakeStore(down=True), tmp_path), Part.TRAIN, VALUES, LABELS, IN_ORDER)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("order", [IN_ORDER, IN_ORDER[::-1]], ids=["as given", "backwards"])
def test_shards_have_the_samples_in_the_order_asked_for(
    tmp_path: Path, order: np.ndarray, threads: int
) -> None:
    store = FakeStore()
    content = encrypt_set(sealing(store, tmp_path, threads=threads), Part.TRAIN, VALUES, LABELS, order)
    manifest = read_manifest(content, part=Part.TRAIN)
    shards = [
        read_shard(store.files[ref.cid], manifest, number) for number, ref in enumerate(manifest.shards)
    ]
    assert [ref.rows for ref in manifest.shards] == [3, 3, 3, 2]
    assert np.array_equal(np.concatenate([shard.labels for shard in shards]), LABELS[order])


def test_a_published_shard_is_not_kept_twice(tmp_path: Path) -> None:
    encrypt_set(sealing(FakeStore(), tmp_path), Part.TRAIN, VALUES, LABELS, IN_ORDER)
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_a_test_set_stays_in_its_folder_until_its_release(tmp_path: Path) -> None:
    store = FakeStore()
    manifest = read_manifest(
        encrypt_set(sealing(store, tmp_path), Part.TEST, VALUES, LABELS, IN_ORDER), part=Part.TEST
    )
    assert store.files == {}
    for number in range(SHARDS):
        read_shard((tmp_path / f"test-{number:05}.safetensors").read_bytes(), manifest, number)


def test_shards_of_many_rows_are_whole_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "BATCH", 2)
    content = encrypt_set(sealing(FakeStore(), tmp_path), Part.TRAIN, VALUES, LABELS, IN_ORDER)
    rows = [ref.rows for ref in read_manifest(content, part=Part.TRAIN).shards]
    assert rows == [2] * 5 + [1]


def test_values_out_of_range_are_clipped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wide = VALUES.astype(np.int64)
    wide[[0, 9], 1] = 256, -1
    encrypt_set(sealing(FakeStore(), tmp_path), Part.TRAIN, wide, LABELS, IN_ORDER)
    assert "2 values of the train set are out of range" in caplog.text


def test_what_was_encrypted_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pole"):
        encrypt_set(sealing(FakeStore(), tmp_path), Part.TRAIN, VALUES, LABELS, IN_ORDER)
    (told,) = [vars(record) for record in caplog.records if vars(record)["event"] == "encrypted"]
    assert told["details"] == {"part": "train", "samples": ROWS, "dimension": 4, "seconds": 0.0}


@pytest.mark.parametrize("lasts", [0, 1, None], ids=["away", "lost after one", "there"])
def test_a_cluster_beside_threads_gives_the_shards_of_one_machine(tmp_path: Path, lasts: int | None) -> None:
    store, cluster = FakeStore(), FakeShards(lasts=lasts)
    owner = sealing(store, tmp_path, threads=2, shards=cluster)
    content = encrypt_set(owner, Part.TRAIN, VALUES, LABELS, IN_ORDER)
    manifest = read_manifest(content, part=Part.TRAIN)
    assert [ref.rows for ref in manifest.shards] == [3, 3, 3, 2]
    for number, ref in enumerate(manifest.shards):
        shard = read_shard(store.files[ref.cid], manifest, number)
        opened = opened_by(owner.secret, Ciphertexts(shard.ct0, shard.ct))
        assert np.array_equal(opened, VALUES[3 * number : 3 * number + 3])
