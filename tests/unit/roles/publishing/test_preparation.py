"""Preparing a task: what is refused before anything is done, and what is published."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.unit.protocol.example_rounds import POSTING
from tests.unit.roles.conftest import OWNER, Stage, dataset, specification, terms

from pole.errors import FundsError, InputError
from pole.learning.data.datasets import DataSet
from pole.learning.data.quantisation import Bounds
from pole.protocol.amounts import Amount
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.encrypted_set import Part, read_manifest, read_shard
from pole.protocol.models import set_size
from pole.protocol.state import TaskFiles
from pole.roles.publishing.posting import post_task, request_digest
from pole.roles.publishing.preparation import TaskRequest, check_request, prepare_task
from pole.roles.publishing.task_folder import TaskFolder

LIMITS = replace(POSTING, judging_speed=10**6, reward_per_second=1)
BOUNDS = Bounds((-10.0,), (500.0,))


def request(**changes: int) -> TaskRequest:
    return TaskRequest(dataset(), specification(), terms(**changes))


def test_a_fitting_request_passes() -> None:
    check_request(request(), LIMITS)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reward": 99}, "reward is 0.000000000000000099 ETH, but must be at least 0.0000000000000001 ETH"),
        ({"data_bond": 1}, "data bond is 0.000000000000000001 ETH"),
        ({"fee": Amount(9, "wei")}, "fee is 9 wei, but must be at least 10 wei"),
        ({"time_limit": 1001}, "time limit is 1001 seconds"),
        ({"min_training_time": 101}, "least training time is 101 seconds"),
        ({"min_solutions": 9}, "solutions to wait for is 9"),
        ({"required_train_accuracy": 0}, "required training accuracy is 0"),
        ({"required_test_accuracy": 10_001}, "required test accuracy is 100.01 %"),
        ({"work": 100}, "declares 100 multiplications a sample"),
        ({"work": 2**40 - 1}, "may take 19791210 s, more than the 3600 s of this deployment"),
        ({"work": 10**8 // 18, "reward": 100}, "of them 100 s for judging each model, for which this"),
        ({"train_count": 13}, "other numbers of samples"),
    ],
)
def test_terms_out_of_range_are_refused_with_the_range(changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_request(request(**changes), LIMITS)


def test_data_of_another_shape_are_refused() -> None:
    wide = replace(dataset(), x_train=np.zeros((12, 5)), x_test=np.zeros((6, 5)))
    with pytest.raises(InputError, match=r"have the shape \[5\]"):
        check_request(TaskRequest(wide, specification(), terms()), LIMITS)


def test_a_set_that_workers_could_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_size, "MAX_SET_BYTES", 11 * set_size.sample_bytes(specification()))
    with pytest.raises(InputError, match="The training set has 12 samples"):
        check_request(request(), LIMITS)


def test_data_of_other_classes_are_refused() -> None:
    with pytest.raises(InputError, match="has 4 classes"):
        check_request(TaskRequest(replace(dataset(), classes=4), specification(), terms()), LIMITS)


def test_every_published_digest_names_its_bytes(stage: Stage) -> None:
    files = prepare_task(request(), stage.workshop())
    assert keccak256(stage.store.files[files.spec_cid]) == files.spec_digest
    assert keccak256(stage.store.files[files.train_cid]) == files.train_digest
    manifest = read_manifest(stage.store.files[files.train_cid], part=Part.TRAIN)
    assert manifest.master_public_key.digest == files.mpk_digest
    folder = TaskFolder.of(stage.home(OWNER), files.mpk_digest)
    assert keccak256(folder.manifest("test").read_bytes()) == files.test_digest


def test_bounds_that_the_owner_gives_are_all_that_is_published_of_the_range(stage: Stage) -> None:
    bounded = replace(dataset(), bounds=BOUNDS)
    files = prepare_task(TaskRequest(bounded, specification(), terms()), stage.workshop())
    manifest = read_manifest(stage.store.files[files.train_cid], part=Part.TRAIN)
    assert (manifest.scale, manifest.offset) == ((2.0,), (-10.0,))


def test_the_plaintext_is_nowhere(stage: Stage) -> None:
    prepare_task(request(), stage.workshop())
    plain = dataset().x_train.astype(np.uint8).tobytes()
    written = [path.read_bytes() for path in stage.path.rglob("*") if path.is_file()]
    assert not any(plain[:8] in content for content in [*written, *stage.store.files.values()])


def test_every_task_has_a_master_key_of_its_own(stage: Stage) -> None:
    prepare_task(request(), stage.workshop(1))
    prepare_task(request(), stage.workshop(2))
    assert len(stage.secrets.kept) == 2


def labels_of(stage: Stage, files: TaskFiles) -> list[list[int]]:
    """Return the labels of a task's training and test set in their published order."""
    folder = TaskFolder.of(stage.home(OWNER), files.mpk_digest)
    test = read_manifest(folder.manifest("test").read_bytes(), part=Part.TEST)
    train = read_manifest(folder.manifest("train").read_bytes(), part=Part.TRAIN)
    contents = (
        (train, stage.store.files[train.shards[0].cid]),
        (test, folder.shard("test", 0).read_bytes()),
    )
    return [read_shard(content, manifest, 0).labels.tolist() for manifest, content in contents]


def test_samples_are_published_in_a_fresh_order_in_every_task(stage: Stage) -> None:
    own = [dataset().y_train.tolist(), dataset().y_test.tolist()]
    first, second = (labels_of(stage, prepare_task(request(), stage.workshop(seed))) for seed in (1, 2))
    for part in range(2):
        assert sorted(first[part]) == sorted(second[part]) == sorted(own[part])
        assert first[part] != second[part]
        assert own[part] not in (first[part], second[part])
    assert first[0][: len(first[1])] != first[1]


def test_a_wallet_that_cannot_pay_keeps_what_was_prepared(stage: Stage) -> None:
    chain, journal = stage.chain(OWNER), stage.journal(OWNER)
    chain.balance = 0
    with pytest.raises(FundsError):
        post_task(request(), stage.workshop(1), chain, journal, reserve=lambda _: None)
    chain.balance = 10**20
    assert post_task(request(), stage.workshop(2), chain, journal, reserve=lambda _: None) == 1
    assert len(stage.secrets.kept) == 1


def test_the_same_request_after_success_is_a_new_task(stage: Stage) -> None:
    chain, journal = stage.chain(OWNER), stage.journal(OWNER)
    assert post_task(request(), stage.workshop(1), chain, journal, reserve=lambda _: None) == 1
    assert post_task(request(), stage.workshop(2), chain, journal, reserve=lambda _: None) == 2


def prepared(unit: str) -> DataSet:
    """Return a data set with a preparation that changes no sample."""
    preparation: Any = SimpleNamespace(canonical_bytes=lambda: unit.encode())
    return replace(dataset(), preparation=preparation)


def test_requests_differ_in_data_bounds_preparation_and_terms() -> None:
    other_data = replace(dataset(), y_train=dataset().y_train[::-1].copy())
    digests = {
        request_digest(request()),
        request_digest(request(reward=1001)),
        request_digest(TaskRequest(other_data, specification(), terms())),
        request_digest(TaskRequest(replace(dataset(), bounds=BOUNDS), specification(), terms())),
        *(request_digest(TaskRequest(prepared(each), specification(), terms())) for each in ("km", "miles")),
    }
    assert len(digests) == 6
    assert request_digest(request()) in digests
