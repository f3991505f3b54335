"""A task whose preparation was cut off goes on with the first missing shard, whenever that was."""

import json
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.roles.conftest import OWNER, Stage, dataset, specification, terms
from tests.unit.roles.deaths import Death, KilledError
from tests.unit.roles.fake_storage import FakeStore
from tests.unit.roles.sealed_sets import SHARD_BYTES

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import Part, ShardRef, read_manifest, read_shard
from pole.protocol.state import TaskFiles
from pole.roles.memory import DataNodeMemory
from pole.roles.publishing import encryption
from pole.roles.publishing.posting import post_task, request_digest
from pole.roles.publishing.preparation import TaskRequest
from pole.roles.publishing.task_folder import TaskFolder
from pole.roles.publishing.unfinished import Placed, UnfinishedSet

REQUEST = TaskRequest(dataset(), specification(), terms())


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "SHARD_BYTES", SHARD_BYTES)


def post(stage: Stage, seed: int, **ports: Any) -> int:
    chain, journal = stage.chain(OWNER), ports.pop("journal", stage.journal(OWNER))
    return post_task(REQUEST, stage.workshop(seed, **ports), chain, journal, reserve=lambda _: None)


def require_whole(stage: Stage, files: TaskFiles) -> None:
    """Require that each sample is published once, and that nothing else is left of the work."""
    folder = TaskFolder.of(stage.home(OWNER), files.mpk_digest)
    for part, digest, own in (
        (Part.TRAIN, files.train_digest, dataset().y_train),
        (Part.TEST, files.test_digest, dataset().y_test),
    ):
        content = folder.manifest(part.value).read_bytes()
        manifest, labels = read_manifest(content, part=part), []
        assert keccak256(content) == digest
        assert len(manifest.shards) == -(-len(own) // 3)
        for number, ref in enumerate(manifest.shards):
            path = folder.shard(part.value, number)
            shard = path.read_bytes() if part is Part.TEST else stage.store.files[ref.cid]
            labels += read_shard(shard, manifest, number).labels.tolist()
        assert sorted(labels) == sorted(own.tolist())
    assert not list(folder.path.glob("*-order")) + list(folder.path.glob("*-placed"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("port", ["store", "journal"])
def test_a_kill_at_any_call_costs_the_shards_under_way_alone(
    tmp_path: Path, port: str, *, after: bool
) -> None:
    for at in count(1):
        stage = Stage(tmp_path / str(at))
        mortal = Death(at, after).guard(getattr(stage, port) if port == "store" else stage.journal(OWNER))
        try:
            post(stage, 1, **{port: mortal})
        except KilledError:
            pass
        else:
            assert at > 4
            return
        begun = DataNodeMemory(stage.journal(OWNER)).begun(request_digest(REQUEST))
        was_posted = bool(stage.world.tasks)
        post(stage, 2)
        files = [task.files for task in stage.world.tasks.values()]
        for each in files:
            require_whole(stage, each)
        assert begun in (None, files[0].mpk_digest)
        # What was posted and forgotten is a new task under another key.
        assert len({each.mpk_digest for each in files}) == len(files) <= 1 + was_posted


class MortalStore(FakeStore):
    """A store that dies at its fourth shard, and notes how many it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.shards: list[str] = []
        self.dies = True

    def add(self, path: Path) -> str:
        if "train-0" in path.name:
            if self.dies and len(self.shards) == 3:
                raise KilledError
            self.shards.append(path.name)
        return super().add(path)


def test_what_has_a_cid_is_not_encrypted_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.store = MortalStore()
    with pytest.raises(KilledError):
        post(stage, 1)
    stage.store.dies = False
    with caplog.at_level("INFO", "pole"):
        post(stage, 2)
    assert stage.store.shards == [f"train-{number:05}.safetensors" for number in range(4)]
    assert "3 shards of the train set are encrypted already: going on after them." in caplog.text
    assert len(stage.secrets.kept) == 1
    require_whole(stage, stage.world.tasks[1].files)


@pytest.mark.parametrize("lost", ["secret", "public key", "order"])
def test_where_something_is_lost_all_is_made_anew(stage: Stage, lost: str) -> None:
    stage.store = MortalStore()
    with pytest.raises(KilledError):
        post(stage, 1)
    stage.store.dies = False
    ((digest, secret),) = stage.secrets.kept.items()
    folder = TaskFolder.of(stage.home(OWNER), digest)
    match lost:
        case "secret":
            stage.secrets.kept.clear()
        case "public key":
            folder.public_key.unlink()
        case _:
            folder.order("train").write_bytes(b"damaged")
    post(stage, 2)
    require_whole(stage, stage.world.tasks[1].files)
    assert stage.store.shards[3:] == [f"train-{number:05}.safetensors" for number in range(4)]
    assert secret.scalars.tobytes() not in stage.store.files.values()


def test_another_request_begins_anew(stage: Stage) -> None:
    stage.store = MortalStore()
    with pytest.raises(KilledError):
        post(stage, 1)
    stage.store.dies = False
    other = TaskRequest(dataset(), specification(), terms(reward=2000))
    chain, journal = stage.chain(OWNER), stage.journal(OWNER)
    post_task(other, stage.workshop(2), chain, journal, reserve=lambda _: None)
    assert len(stage.secrets.kept) == 2
    require_whole(stage, stage.world.tasks[1].files)


REFS = [ShardRef(f"bafk{number}", f"{number:064}", 100, 3) for number in range(4)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(written=st.integers(0, 4), data=st.data())
def test_a_record_that_was_cut_off_anywhere_gives_the_shards_before(
    tmp_path: Path, written: int, data: st.DataObject
) -> None:
    folder = TaskFolder(tmp_path)
    unfinished = UnfinishedSet(folder, Part.TRAIN)
    folder.placed("train").unlink(missing_ok=True)
    for ref in REFS[:written]:
        unfinished.add(Placed(ref, 2))
    content = folder.placed("train").read_bytes() if written else b""
    cut = data.draw(st.integers(0, len(content)))
    folder.placed("train").write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    assert unfinished.placed(12, 3) == [Placed(ref, 2) for ref in REFS[:whole]]
    unfinished.add(Placed(REFS[3], 0))
    assert len(unfinished.placed(15, 3)) == whole + 1


@pytest.mark.parametrize(
    ("samples", "rows", "here"), [(12, 3, 4), (11, 3, 3), (9, 3, 3), (12, 4, 0), (2, 3, 0)]
)
def test_shards_of_another_size_are_made_anew(tmp_path: Path, samples: int, rows: int, here: int) -> None:
    unfinished = UnfinishedSet(TaskFolder(tmp_path), Part.TRAIN)
    for ref in REFS:
        unfinished.add(Placed(ref, 0))
    assert len(unfinished.placed(samples, rows)) == here


def test_a_shard_of_a_test_set_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path)
    unfinished = UnfinishedSet(folder, Part.TEST)
    for number, ref in enumerate(REFS):
        folder.shard("test", number).write_bytes(b"a shard")
        unfinished.add(Placed(ref, 0))
    folder.shard("test", 2).unlink()
    assert len(unfinished.placed(12, 3)) == 2


@pytest.mark.parametrize("line", [b"[]\n", b"1\n", b"null\n", b"\xff\n", b'{"clipped":1}\n', b"{}\n"])
def test_a_line_that_is_no_shard_ends_the_record(tmp_path: Path, line: bytes) -> None:
    folder = TaskFolder(tmp_path)
    unfinished = UnfinishedSet(folder, Part.TRAIN)
    unfinished.add(Placed(REFS[0], 0))
    with folder.placed("train").open("ab") as file:
        file.write(line + json.dumps({}).encode())
    assert unfinished.placed(12, 3) == [Placed(REFS[0], 0)]


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path / "task")
    unfinished = UnfinishedSet(folder, Part.TRAIN)
    unfinished.order(5, np.arange)
    unfinished.add(Placed(REFS[0], 0))
    for path in (folder.order("train"), folder.placed("train")):
        assert path.stat().st_mode & 0o777 == 0o600


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
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


def test_a_process_that_was_killed_leaves_what_it_can_go_on_with(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == -signal.SIGKILL
    found = UnfinishedSet(TaskFolder(tmp_path), Part.TRAIN).placed(11, 3)
    assert len(found) in (0, 1, 2)
    assert [each.ref.rows for each in found] == [3] * len(found)
