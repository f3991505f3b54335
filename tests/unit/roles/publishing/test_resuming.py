"""A task whose preparation was killed: the same request goes on with the next shard, under the same key."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.conftest import OWNER, Stage, dataset, numbers, specification, terms
from tests.unit.roles.deaths import Death, KilledError
from tests.unit.roles.fake_storage import FakeStore

from pole.ipfe.scheme import Ciphertexts, decrypt, derive_keys
from pole.learning.data.quantisation import apply, fit
from pole.protocol.formats.encrypted_set import Part, read_manifest, read_shard
from pole.protocol.mapping.layer import inner_products_in_clear, query_plan
from pole.protocol.models.specification import ModelSpecification
from pole.protocol.state import TaskFiles
from pole.roles.publishing import encryption
from pole.roles.publishing.placed_shards import placed_shard
from pole.roles.publishing.posting import post_task
from pole.roles.publishing.preparation import TaskRequest
from pole.roles.publishing.task_folder import TaskFolder

ROWS_IN_SHARD = 3
SEED = bytes(range(32))


@dataclass
class DyingStore(FakeStore):
    """A store under which the process is killed before or after it took its shard number `dies_at`."""

    dies_at: int | None = None
    took_it: bool = False
    added: list[str] = field(default_factory=list)

    def add(self, path: Path) -> str:
        is_last = path.name.startswith("train-") and self._shards() == self.dies_at
        if is_last and not self.took_it:
            raise KeyboardInterrupt
        cid = super().add(path)
        if path.name.startswith("train-"):
            self.added.append(cid)
        if is_last:
            raise KeyboardInterrupt
        return cid

    def _shards(self) -> int:
        return len(set(self.added))


def noisy() -> ModelSpecification:
    plain = specification()
    return plain.model_copy(update={"version": 2, "mapping": plain.mapping.model_copy(update={"noise": 3})})


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "PLACED_AT_ONCE", 1)


def post(stage: Stage, store: DyingStore, wanted: ModelSpecification, seed: int) -> int:
    row_bytes = (wanted.columns + 1) * 32 + 2
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encryption, "SHARD_BYTES", ROWS_IN_SHARD * row_bytes)
        request = TaskRequest(dataset(), wanted, terms())
        workshop = stage.workshop(seed, store=store)
        return post_task(request, workshop, stage.chain(OWNER), stage.journal(OWNER), reserve=lambda _: None)


def killed_and_posted(stage: Stage, wanted: ModelSpecification, dies_at: int, *, took_it: bool) -> DyingStore:
    store = DyingStore(dies_at=dies_at, took_it=took_it)
    with pytest.raises(KeyboardInterrupt):
        post(stage, store, wanted, seed=1)
    store.dies_at = None
    # Another stream of randomness: a new process has one.
    post(stage, store, wanted, seed=2)
    return store


def opened(stage: Stage, store: DyingStore) -> np.ndarray[Any, Any]:
    """Return the inner products of the training set of the only task, in the published order, and labels."""
    files = stage.world.tasks[1].files
    manifest = read_manifest(store.files[files.train_cid], part=Part.TRAIN)
    secret = stage.secrets.open(files.mpk_digest)
    plan = query_plan(specification(), SEED)
    keys = derive_keys(secret, plan)
    parts = []
    for number, ref in enumerate(manifest.shards):
        shard = read_shard(store.files[ref.cid], manifest, number)
        products = decrypt(Ciphertexts(shard.ct0, shard.ct), plan, keys, 10**7)
        assert not products.bad.any()
        parts.append(np.column_stack([products.values.reshape(ref.rows, -1), shard.labels]))
    return np.concatenate(parts)


@pytest.mark.parametrize("took_it", [False, True])
@pytest.mark.parametrize("dies_at", [0, 1, 3])
def test_what_was_encrypted_is_not_encrypted_again(stage: Stage, dies_at: int, took_it: bool) -> None:
    store = killed_and_posted(stage, specification(), dies_at, took_it=took_it)
    assert len(stage.secrets.kept) == 1
    files = stage.world.tasks[1].files
    manifest = read_manifest(store.files[files.train_cid], part=Part.TRAIN)
    published = [ref.cid for ref in manifest.shards]
    assert published[:dies_at] == store.added[:dies_at]
    # Nothing was added twice, but the shard that the process died at.
    assert len(store.added) <= len(published) + 1
    data = dataset()
    values = apply(fit(data.x_train, 8), data.x_train).values
    products = inner_products_in_clear(query_plan(specification(), SEED), values).reshape(len(values), -1)
    expected = np.column_stack([products, data.y_train])
    assert sorted(opened(stage, store).tolist()) == sorted(expected.tolist())


@pytest.mark.parametrize("took_it", [False, True])
@pytest.mark.parametrize("dies_at", [0, 2])
def test_no_shard_with_noise_is_ever_published_in_two_draws(
    stage: Stage, dies_at: int, took_it: bool
) -> None:
    store = killed_and_posted(stage, noisy(), dies_at, took_it=took_it)
    manifest = read_manifest(store.files[stage.world.tasks[1].files.train_cid], part=Part.TRAIN)
    assert manifest.noise_columns > 0
    assert set(store.added) == {ref.cid for ref in manifest.shards}


def test_nothing_of_it_is_left_once_a_task_is_prepared(stage: Stage) -> None:
    killed_and_posted(stage, specification(), 2, took_it=True)
    folder = TaskFolder.of(stage.home(OWNER), stage.world.tasks[1].files.mpk_digest)
    left = {path.name for path in folder.path.iterdir()}
    assert not [name for name in left if name.endswith((".placed", ".order")) or name.startswith("train-")]
    assert folder.shard("test", 0).name in left


def test_a_task_whose_folder_was_deleted_is_begun_anew(stage: Stage) -> None:
    store = DyingStore(dies_at=1)
    with pytest.raises(KeyboardInterrupt):
        post(stage, store, specification(), seed=1)
    (folder,) = (stage.home(OWNER) / "tasks").iterdir()
    for path in folder.iterdir():
        path.unlink()
    store.dies_at = None
    post(stage, store, specification(), seed=2)
    assert len(stage.secrets.kept) == 2


def test_another_request_is_not_taken_for_the_one_that_was_killed(stage: Stage) -> None:
    store = DyingStore(dies_at=1)
    with pytest.raises(KeyboardInterrupt):
        post(stage, store, specification(), seed=1)
    store.dies_at = None
    post(stage, store, noisy(), seed=2)
    assert len(stage.secrets.kept) == 2


def test_a_note_that_was_damaged_is_none(stage: Stage) -> None:
    store = DyingStore(dies_at=2)
    with pytest.raises(KeyboardInterrupt):
        post(stage, store, specification(), seed=1)
    (note, *_) = sorted((stage.home(OWNER) / "tasks").glob("*/*.placed"))
    note.write_bytes(note.read_bytes()[:-1] + b"?")
    store.dies_at = None
    assert post(stage, store, specification(), seed=2) == 1
    assert len(opened(stage, store)) == len(dataset().x_train)
    assert numbers(1)(4) != numbers(2)(4)


def test_where_the_order_was_lost_all_is_encrypted_anew_under_another_key(stage: Stage) -> None:
    store = DyingStore(dies_at=2)
    with pytest.raises(KeyboardInterrupt):
        post(stage, store, specification(), seed=1)
    (order,) = (stage.home(OWNER) / "tasks").glob("*/train.order")
    order.write_bytes(b"damaged")
    store.dies_at = None
    post(stage, store, specification(), seed=2)
    assert len(stage.secrets.kept) == 2
    require_whole(stage, stage.world.tasks[1].files, store)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("port", ["store", "journal"])
def test_a_kill_at_any_call_loses_no_sample_and_leaves_nothing(
    tmp_path: Path, port: str, *, after: bool
) -> None:
    request = TaskRequest(dataset(), specification(), terms())
    for at in count(1):
        stage = Stage(tmp_path / str(at))
        journal = stage.journal(OWNER)
        mortal: Any = Death(at, after).guard(stage.store if port == "store" else journal)
        store, journal_then = (mortal, journal) if port == "store" else (stage.store, mortal)
        try:
            post_task(
                request,
                stage.workshop(1, store=store),
                stage.chain(OWNER),
                journal_then,
                reserve=lambda _: None,
            )
        except KilledError:
            pass
        else:
            assert at > 4
            return
        was_posted = bool(stage.world.tasks)
        post_task(
            request, stage.workshop(2), stage.chain(OWNER), stage.journal(OWNER), reserve=lambda _: None
        )
        files = [task.files for task in stage.world.tasks.values()]
        for each in files:
            require_whole(stage, each, stage.store)
        # What was posted and forgotten is a new task under another key.
        assert len({each.mpk_digest for each in files}) == len(files) <= 1 + was_posted


def require_whole(stage: Stage, files: TaskFiles, store: FakeStore) -> None:
    """Require that each label is published as often as it is there, and that no note is left."""
    folder = TaskFolder.of(stage.home(OWNER), files.mpk_digest)
    for part, own in ((Part.TRAIN, dataset().y_train), (Part.TEST, dataset().y_test)):
        manifest, labels = read_manifest(folder.manifest(part.value).read_bytes(), part=part), []
        for number, ref in enumerate(manifest.shards):
            path = folder.shard(part.value, number)
            content = path.read_bytes() if part is Part.TEST else store.files[ref.cid]
            labels += read_shard(content, manifest, number).labels.tolist()
        assert sorted(labels) == sorted(own.tolist())
    assert not [path for path in folder.path.iterdir() if path.suffix in (".order", ".placed")]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.roles.fake_storage import FakeStore
from tests.unit.roles.sealed_sets import IN_ORDER, LABELS, SHARD_BYTES, VALUES, sealing
from pole.protocol.formats.encrypted_set import Part
from pole.roles.publishing import encryption

encryption.SHARD_BYTES = SHARD_BYTES

class Dies(FakeStore):
    def add(self, path):
        if "00002" in path.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().add(path)

encryption.encrypt_set(sealing(Dies(), Path(sys.argv[1])), Part.TRAIN, VALUES, LABELS, IN_ORDER)
"""


def test_a_process_that_was_killed_leaves_whole_notes(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == -signal.SIGKILL
    numbers_noted = [int(path.name.split("-")[1].split(".")[0]) for path in tmp_path.glob("train-*.placed")]
    assert set(numbers_noted) <= {0, 1, 3}
    for number in numbers_noted:
        placed = placed_shard(TaskFolder(tmp_path), Part.TRAIN, number, 3 if number < 3 else 2)
        assert placed is not None
