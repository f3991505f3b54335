"""A sharing as everybody reads it: of the task's own secret, for this task, dealt as it should be."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.roles.conftest import MINERS, OWNER, Stage, specification
from tests.unit.roles.keys.shared_secret import HOLDERS, LyingChain, Shared, opener, shared_task

from pole.errors import IntegrityError
from pole.protocol.formats.key_sharing import Holder, write_share
from pole.roles.keys.sharing import accept_share, fetch_specification, read_task_sharing

OTHER = "0x" + "3" * 40


@pytest.fixture
def shared(stage: Stage) -> Shared:
    return shared_task(stage)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"task_list": OTHER},
        {"task_id": 2},
        {"owner": OTHER},
        {"specification_digest": bytes(32)},
    ],
    ids=str,
)
def test_a_sharing_for_anything_but_this_task_is_refused(shared: Shared, change: dict[str, Any]) -> None:
    sharing = shared.found().sharing
    shared.name_sharing(replace(sharing, task=replace(sharing.task, **change)))
    with pytest.raises(IntegrityError, match=f"differ in {next(iter(change))}".replace("_", " ")):
        shared.found()


@pytest.mark.parametrize(
    ("identity", "task"),
    [
        ({"chain_id": 1}, {}),
        ({"task_list_address": OTHER}, {}),
        ({}, {"task_id": 2}),
        ({}, {"owner": OTHER}),
    ],
    ids=str,
)
def test_a_look_alike_deployment_has_no_use_of_a_sharing(
    shared: Shared, identity: dict[str, Any], task: dict[str, Any]
) -> None:
    chain = LyingChain(shared.stage.chain(HOLDERS[0].address), identity, task)
    with pytest.raises(IntegrityError, match="Shares serve the task that they were made for, and no other"):
        read_task_sharing(chain, shared.stage.store, shared.stage.home(OWNER) / "files", 1)


@pytest.mark.parametrize("keys", [2, 4])
def test_a_sharing_for_another_number_of_keys_is_refused(shared: Shared, keys: int) -> None:
    sharing = shared.found().sharing
    shared.name_sharing(replace(sharing, task=replace(sharing.task, key_count=keys)))
    with pytest.raises(
        IntegrityError, match=f"shared for {keys} functional keys over 4 values, but .* 3 over 4"
    ):
        fetch_specification(shared.stage.store, shared.stage.home(OWNER) / "files", shared.found())


def test_holders_make_the_keys_of_a_task_with_columns_of_noise(stage: Stage) -> None:
    stage.specification = specification(noise=5)
    shared = shared_task(stage)
    assert shared.found().sharing.commitments.shape[1] == 4 + 3
    shared.open_round()
    shared.let_act(*map(shared.holder, (1, 2, 3)))
    assert np.array_equal(shared.issued(), shared.expected())


@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 1)])
def test_a_commitment_that_is_no_group_element_is_the_data_nodes_fault(
    shared: Shared, place: tuple[int, int]
) -> None:
    found = shared.found()
    commitments = found.sharing.commitments.copy()
    commitments[place] = 0xFF
    shared.name_sharing(replace(found.sharing, commitments=commitments))
    reason = "cannot make the keys" if place[0] == 0 else f"Commitment {place[0]} of column {place[1]} is not"
    with pytest.raises(IntegrityError, match=reason):
        shared.found()


def test_a_sharing_of_another_secret_on_the_chain_is_refused(shared: Shared) -> None:
    commitments = shared.found().sharing.commitments.copy()
    commitments[0] = commitments[1]
    shared.name_sharing(replace(shared.found().sharing, commitments=commitments))
    with pytest.raises(IntegrityError, match="cannot make the keys"):
        shared.found()


@pytest.mark.parametrize(
    ("change", "holder", "reason"),
    [
        ({"sharing_digest": bytes(32)}, HOLDERS[1], "another sharing"),
        ({"index": 3}, HOLDERS[1], "for holder 3, but this wallet is holder 2"),
        ({}, Holder(MINERS[0], bytes(32)), "no share for"),
        ({}, replace(HOLDERS[1], sealing_key=bytes(32)), "does not have"),
        ({"box": b"x" * 300}, HOLDERS[1], "does not open"),
    ],
)
def test_a_share_that_is_not_this_holders_is_refused(
    shared: Shared, change: dict[str, Any], holder: Holder, reason: str
) -> None:
    sealed = replace(shared.sealed[2], **change)
    with pytest.raises(IntegrityError, match=reason):
        accept_share(shared.found(), sealed, holder, opener(HOLDERS[1].sealing_key))


def test_a_share_that_the_data_node_dealt_wrongly_is_refused(shared: Shared) -> None:
    found = shared.found()
    named: dict[str, Any] = {"task": found.sharing.task, "sharing_digest": found.digest, "index": 2}
    wrong = write_share(np.ones((4, 32), np.uint8), **named)
    with pytest.raises(IntegrityError, match="Share 2 does not fit"):
        accept_share(shared.found(), shared.sealed[2], HOLDERS[1], lambda *_: wrong)


def test_a_new_sharing_makes_the_old_files_useless(shared: Shared) -> None:
    old = shared.sealed[1]
    shared.deal(threshold=2)
    with pytest.raises(IntegrityError, match="ask the data node for the newest file"):
        accept_share(shared.found(), old, HOLDERS[0], opener(HOLDERS[0].sealing_key))


def test_a_task_that_nobody_shared_has_no_sharing(stage: Stage) -> None:
    stage.post()
    assert read_task_sharing(stage.chain(OWNER), stage.store, stage.home(OWNER), 1) is None
