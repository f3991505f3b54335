"""Keys of a secret are for its data node's task: nothing for strangers, look-alikes, liars and insiders."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, Stage, specification
from tests.unit.roles.fake_storage import MemoryJournal
from tests.unit.roles.keys.shared_secret import HOLDERS, LyingChain, Shared, shared_task

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.formats.key_sharing import read_share, write_share
from pole.protocol.formats.shared_task import SharedTask
from pole.protocol.state import FileRef, Phase, VoidReason
from pole.roles.ports import Delegation
from pole.roles.support.files import NotHadError

STRANGER = MINERS[0]
OTHER_SEED = b"\x0e" * 32


@pytest.fixture
def shared(stage: Stage) -> Shared:
    return shared_task(stage)


def publish(stage: Stage, content: bytes) -> FileRef:
    ref = FileRef(f"bafk{keccak256(content).hex()}", keccak256(content))
    stage.store.files[ref.cid] = content
    return ref


def post_as_stranger(shared: Shared, *, queries: int) -> None:
    """Post a task on the victim's ciphertexts with the victim's sharing, and outbid the victim."""
    world, victim = shared.stage.world, shared.stage.world.tasks[1]
    spec = publish(shared.stage, specification(queries).canonical_bytes())
    files = replace(victim.files, spec_cid=spec.cid, spec_digest=spec.digest)
    world.tasks[2] = replace(victim, task_id=2, owner=STRANGER, files=files)
    world.delegations[2] = Delegation(STRANGER, world.delegations[1].sharing)
    world.listed.insert(0, 2)


@pytest.mark.parametrize("queries", [3, 4])
def test_a_stranger_that_names_a_victims_sharing_gets_nothing(
    shared: Shared, queries: int, caplog: pytest.LogCaptureFixture
) -> None:
    post_as_stranger(shared, queries=queries)
    holders = [shared.holder(index) for index in (1, 2, 3, 4, 5)]
    shared.open_round()
    assert shared.stage.world.rounds[1].task_id == 2
    shared.let_act(*holders, shared.worker(STRANGER))
    assert shared.stage.world.partial_keys == {}
    assert caplog.text.count("Shares serve the task that they were made for, and no other") == 6
    shared.stage.play(Phase.VOID, workers=holders)
    assert shared.stage.world.rounds[1].void_reason is VoidReason.KEYS_MISSING


def test_the_victims_own_round_has_its_keys_after_the_strangers(shared: Shared) -> None:
    post_as_stranger(shared, queries=4)
    holders = [shared.holder(index) for index in (1, 2, 3)]
    shared.open_round()
    shared.let_act(*holders)
    shared.stage.play(Phase.VOID, workers=holders)
    shared.stage.play(Phase.TRAINING, workers=holders)
    world = shared.stage.world
    assert world.rounds[2].task_id == 1
    assert world.keys.keys() == {2}
    assert world.partial_keys.keys() == {1}


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"task_list": "0x" + "3" * 40},
        {"task_id": 2},
        {"owner": STRANGER},
        {"specification_digest": bytes(32)},
        {"key_count": 4},
    ],
    ids=str,
)
def test_a_share_is_no_share_of_a_sharing_that_differs_in_one_field(
    shared: Shared, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does it help to have the old share taken for one of the new sharing."""
    sharing = shared.found().sharing
    shared.name_sharing(replace(sharing, task=replace(sharing.task, **change)))
    digest = shared.stage.world.delegations[1].sharing.digest
    for kept in shared.shares.values():
        kept[digest] = next(iter(kept.values()))
    shared.open_round()
    shared.let_act(*(shared.holder(index) for index in (1, 2, 3, 4, 5)))
    assert shared.stage.world.partial_keys == {}
    assert "this holder cannot serve it" in caplog.text


def test_a_share_that_was_made_for_another_task_is_not_used(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything fits but what stands in the share itself."""
    digest, task = shared.found().digest, shared.found().sharing.task
    shared.open_round()
    for holder in HOLDERS:
        kept = shared.shares[holder.address]
        kept[digest] = kept[digest].replace(f'"{task.owner}"'.encode(), f'"{STRANGER}"'.encode())
    shared.let_act(*(shared.holder(index) for index in (1, 2, 3)))
    assert shared.stage.world.partial_keys == {}
    assert "cannot serve it" in caplog.text


@pytest.mark.parametrize(
    ("identity", "task"),
    [({"chain_id": 1}, {}), ({"task_list_address": "0x" + "3" * 40}, {}), ({}, {"owner": STRANGER})],
    ids=str,
)
def test_a_holder_serves_nothing_of_a_look_alike_deployment(
    shared: Shared, identity: dict[str, Any], task: dict[str, Any]
) -> None:
    shared.open_round()
    for index in (1, 2, 3):
        honest = shared.stage.chain(HOLDERS[index - 1].address)
        shared.let_act(shared.holder(index, chain=LyingChain(honest, identity, task)))
    assert shared.stage.world.partial_keys == {}
    assert not any(shared.stage.seeds(holder.address).folder.exists() for holder in HOLDERS)


def test_a_node_that_lies_about_the_specification_gets_nothing(shared: Shared) -> None:
    spec = publish(shared.stage, specification(4).canonical_bytes())
    files = replace(shared.stage.world.tasks[1].files, spec_cid=spec.cid, spec_digest=spec.digest)
    shared.open_round()
    for index in (1, 2, 3):
        honest = shared.stage.chain(HOLDERS[index - 1].address)
        shared.let_act(shared.holder(index, chain=LyingChain(honest, {}, {"files": files})))
    assert shared.stage.world.partial_keys == {}


def test_a_node_that_lies_about_the_place_of_the_specification_alone_gets_nothing(shared: Shared) -> None:
    spec = publish(shared.stage, specification(4).canonical_bytes())
    files = replace(shared.stage.world.tasks[1].files, spec_cid=spec.cid)
    shared.open_round()
    honest = shared.stage.chain(HOLDERS[0].address)
    liar = shared.holder(1, chain=LyingChain(honest, {}, {"files": files}))
    shared.stage.home(HOLDERS[0].address).joinpath("files").rename(shared.stage.path / "lost")
    with pytest.raises(NotHadError, match="gives other bytes"):
        shared.let_act(liar)
    assert shared.stage.world.partial_keys == {}


def test_a_node_that_lies_about_the_seed_gets_one_set_and_no_other_deployment_gets_more(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.open_round()
    honest = shared.stage.chain(HOLDERS[0].address)
    shared.let_act(shared.holder(1, chain=LyingChain(honest, {}, {}, OTHER_SEED)))
    first = dict(shared.stage.world.partial_keys[1])
    for journal in (shared.stage.journal(HOLDERS[0].address), MemoryJournal()):
        honest.receipts.clear()
        shared.let_act(shared.holder(1, journal=journal))
        shared.let_act(shared.holder(1, journal=journal, chain=LyingChain(honest, {}, {}, bytes(32))))
    assert shared.stage.world.partial_keys[1] == first
    assert caplog.text.count("Keys of another seed were already given") == 4


def test_a_new_sharing_does_not_bring_a_second_seed(shared: Shared) -> None:
    shared.open_round()
    shared.let_act(shared.holder(1))
    first = dict(shared.stage.world.partial_keys[1])
    shared.deal(threshold=2)
    shared.accept(1)
    shared.stage.world.change(1, seed=OTHER_SEED)
    shared.let_act(shared.holder(1))
    assert shared.stage.world.partial_keys[1] == first


def test_the_seed_that_an_earlier_version_served_still_counts(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    mpk_digest = shared.stage.world.tasks[1].files.mpk_digest
    shared.stage.journal(HOLDERS[0].address).put(f"keys-given/{mpk_digest.hex()}", OTHER_SEED)
    shared.open_round()
    shared.let_act(shared.holder(1))
    assert shared.stage.world.partial_keys == {}
    assert "Keys of another seed were already given" in caplog.text


def test_two_colluding_holders_of_five_gain_no_keys_of_a_strangers_task(shared: Shared) -> None:
    """t - 1 insiders serve whatever they are asked; each honest holder still serves nothing."""
    post_as_stranger(shared, queries=4)
    shared.open_round()
    forged = replace(shared.found().sharing, task=_task_of_stranger(shared), holders=HOLDERS)
    shared.name_sharing(forged, task_id=2)
    digest = shared.stage.world.delegations[2].sharing.digest
    for index in (1, 2):
        kept = shared.shares[HOLDERS[index - 1].address]
        [content] = kept.values()
        kept[digest] = _rebound(shared, content, index)
    shared.let_act(*(shared.holder(index) for index in (1, 2, 3, 4, 5)))
    assert shared.stage.world.partial_keys[2].keys() == {HOLDERS[0].address, HOLDERS[1].address}
    assert shared.stage.world.keys == {}


def _task_of_stranger(shared: Shared) -> SharedTask:
    task = shared.stage.world.tasks[2]
    return replace(
        shared.found().sharing.task,
        task_id=2,
        owner=STRANGER,
        specification_digest=task.files.spec_digest,
        key_count=4,
    )


def _rebound(shared: Shared, content: bytes, index: int) -> bytes:
    """Write an insider's own share as one of the stranger's sharing, which nobody can keep it from."""
    found = shared.found()
    scalars = read_share(
        content, task=found.sharing.task, sharing_digest=found.digest, index=index, dimension=4
    )
    digest = shared.stage.world.delegations[2].sharing.digest
    return write_share(scalars, task=_task_of_stranger(shared), sharing_digest=digest, index=index)


def test_no_holder_is_blamed_for_a_commitment_that_is_no_group_element(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.open_round()
    workers = [shared.holder(index) for index in (1, 2, 3)]
    shared.let_act(workers[0])
    sharing = shared.found().sharing
    commitments = sharing.commitments.copy()
    commitments[1, 0] = np.full(32, 0xFF, np.uint8)
    shared.name_sharing(replace(sharing, commitments=commitments))
    with caplog.at_level(logging.INFO):
        shared.let_act(*workers)
    assert "the data node dealt a sharing that nobody can use" in caplog.text
    assert not any(getattr(record, "event", "") == "partial-keys-refused" for record in caplog.records)
