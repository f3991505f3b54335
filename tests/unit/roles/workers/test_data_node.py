"""The data node: what it gives away, when, and what it refuses."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from tests.rows import sorted_rows
from tests.unit.roles.conftest import MINERS, OWNER, TEST, Stage, dataset

from pole.errors import DiskError, InputError, JournalError
from pole.protocol.mapping.layer import inner_products_in_clear
from pole.protocol.state import Phase, VoidReason
from pole.roles.keys.ledger import GivenKeys
from pole.roles.publishing.task_folder import TaskFolder


def test_the_test_set_is_not_on_the_store_before_its_release(stage: Stage) -> None:
    stage.post()
    folder = next((stage.home(OWNER) / "tasks").iterdir())
    kept = [path.read_bytes() for path in folder.glob("test*")]
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    assert not any(content in stage.store.files.values() for content in kept)
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])
    assert all(content in stage.store.files.values() for content in kept)


def test_submissions_stay_open_for_the_least_time_and_solutions(stage: Stage) -> None:
    stage.post(min_solutions=2, min_training_time=30)
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    stage.miner(MINERS[0]).step(stage.world.moment())
    stage.world.pass_time(40)
    assert stage.data_node().step(stage.world.moment()) is None
    stage.miner(MINERS[1]).step(stage.world.moment())
    assert stage.data_node().step(stage.world.moment()) == "closed"


def test_the_release_waits_for_a_block_after_the_close(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    stage.world.change(1, since_block=stage.world.block)
    assert stage.data_node().step(stage.world.moment()) is None
    stage.world.pass_time(1)
    assert stage.data_node().step(stage.world.moment()) == "released"


def test_another_store_that_names_files_otherwise_releases_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    stage.play(Phase.TEST_RELEASE, workers=[stage.data_node(), stage.miner()])
    stage.world.pass_time(1)
    monkeypatch.setattr(type(stage.store), "cid_of", lambda *_: "another")
    assert stage.data_node().step(stage.world.moment()) is None
    assert stage.world.tests == {}


def test_a_task_of_another_folder_is_not_served(stage: Stage) -> None:
    stage.post()
    folder = TaskFolder.of(stage.home(OWNER), stage.world.tasks[1].files.mpk_digest)
    folder.specification.unlink()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    assert stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING


def test_a_test_set_that_is_lost_costs_its_round_and_does_not_end_the_worker(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.post()
    data_node = stage.data_node()
    stage.play(Phase.TEST_RELEASE, workers=[data_node, stage.miner()])
    stage.world.pass_time(1)
    folder = TaskFolder.of(stage.home(OWNER), stage.world.tasks[1].files.mpk_digest)
    folder.manifest("test").unlink()
    assert data_node.step(stage.world.moment()) is None
    assert (
        "Round 1: this data node cannot serve its own task: The files of the task are not in" in caplog.text
    )
    assert 1 in data_node.means.given_up


def unreadable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk fail under one file; its mode alone would keep out nobody who is root."""
    read = Path.read_bytes

    def fail(self: Path) -> bytes:
        if self == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", fail)


@pytest.mark.parametrize("what", ["specification", "ledger entry"])
def test_a_disk_that_fails_for_a_while_does_not_cost_the_round(
    stage: Stage, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    stage.play(Phase.KEYS, workers=[stage.miner()])
    mpk_digest = stage.world.tasks[1].files.mpk_digest
    keys = GivenKeys(stage.world.rounds[1].seed, 1)
    stage.budget.note(mpk_digest, stage.specification, keys)
    paths = {
        "specification": TaskFolder.of(stage.home(OWNER), mpk_digest).specification,
        "ledger entry": stage.budget.ledger.folder / f"{mpk_digest.hex()}.json",
    }
    data_node = stage.data_node()
    with monkeypatch.context() as patch:
        unreadable(paths[what], patch)
        with pytest.raises(DiskError, match="Input/output error"):
            data_node.step(stage.world.moment())
    assert data_node.step(stage.world.moment()) == "keys issued"


def test_a_journal_that_fails_for_a_while_does_not_cost_the_round(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.post()
    stage.play(Phase.KEYS, workers=[stage.miner()])
    data_node = stage.data_node()

    def fail(*_: object) -> None:
        raise JournalError("The journal cannot be used (database is locked): make room on the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(data_node.means.memory.journal, "get", fail)
        with pytest.raises(JournalError, match="database is locked"):
            data_node.step(stage.world.moment())
    assert data_node.step(stage.world.moment()) == "keys issued"


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with the --home and wallet that posted it"):
        TaskFolder(tmp_path).read_specification()


def test_decrypted_features_are_the_inner_products_of_the_plaintext(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.REVEAL, workers=[stage.data_node(), stage.miner()])
    miner = stage.miner()
    opened = stage.world.rounds[1]
    task = miner.means.data.task(opened)
    test_set = miner.means.data.test_set(opened)
    assert test_set
    for samples, x, y in (
        (miner.means.data.training_set(opened), dataset().x_train, dataset().y_train),
        (test_set, dataset().x_test, dataset().y_test),
    ):
        expected = inner_products_in_clear(task.plan, x.astype(np.uint8))
        assert np.array_equal(sorted_rows(samples.features, samples.labels), sorted_rows(expected, y))
    assert len(test_set.labels) == TEST


def test_keys_that_disclose_the_data_are_not_issued_without_consent(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.may_disclose = None
    stage.post()
    stage.play(Phase.VOID, workers=[stage.data_node()])
    assert stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING
    assert "rule 'rank' would be broken: 3 independent functions" in caplog.text
    assert stage.budget.ledger.entries() == ()


def test_issued_keys_are_in_the_ledger(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    opened = stage.world.rounds[1]
    entry = stage.budget.ledger.read(stage.world.tasks[1].files.mpk_digest)
    assert entry is not None
    assert entry.given == GivenKeys(opened.seed, 1)
    assert stage.budget.spendings()[0].given == 3


def test_keys_that_others_issued_for_the_data_node_are_in_the_ledger(stage: Stage) -> None:
    stage.post()
    stage.play(Phase.TRAINING, workers=[stage.data_node()])
    mpk_digest = stage.world.tasks[1].files.mpk_digest
    stage.budget.ledger.remove(mpk_digest)
    stage.data_node().step(stage.world.moment())
    entry = stage.budget.ledger.read(mpk_digest)
    assert entry is not None
    assert entry.given == GivenKeys(stage.world.rounds[1].seed, 1)
