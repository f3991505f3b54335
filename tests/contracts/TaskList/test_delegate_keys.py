"""Naming who may issue a task's functional keys, and announcing partial keys."""

from typing import Any

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import DATA_NODE, NOTHING, STRANGER, ZERO, Pole, refused

DIGEST = "0x" + "05" * 32


def delegate(
    pole: Pole,
    task_id: int,
    by: int = DATA_NODE,
    *,
    to: int = STRANGER,
    cid: str = "bafy-sharing",
    digest: str = DIGEST,
) -> Any:
    return pole.task_list.delegateKeys(task_id, accounts[to], cid, digest, {"from": accounts[by]})


def test_only_the_owner_of_a_task_delegates_its_keys(pole: Pole) -> None:
    task_id = stage.post(pole)
    with refused("NotTaskOwner", task_id, accounts[STRANGER]):
        pole.task_list.delegateKeys.call(
            task_id, accounts[STRANGER], "bafy", DIGEST, {"from": accounts[STRANGER]}
        )
    with refused("NotTaskOwner", task_id + 1, accounts[DATA_NODE]):
        pole.task_list.delegateKeys.call(
            task_id + 1, accounts[STRANGER], "bafy", DIGEST, {"from": accounts[DATA_NODE]}
        )


def test_a_sharing_without_its_file_is_refused(pole: Pole) -> None:
    task_id = stage.post(pole)
    for cid in ("", "b" * 129):
        with refused("FileMissing", "sharingCid"):
            pole.task_list.delegateKeys.call(
                task_id, accounts[STRANGER], cid, DIGEST, {"from": accounts[DATA_NODE]}
            )
    with refused("FileMissing", "sharingDigest"):
        pole.task_list.delegateKeys.call(
            task_id, accounts[STRANGER], "bafy", NOTHING, {"from": accounts[DATA_NODE]}
        )


def test_the_newest_delegate_counts_and_nobody_can_be_named(pole: Pole) -> None:
    task_id = stage.post(pole)
    assert pole.task_list.delegateOf(task_id) == ZERO
    told = delegate(pole, task_id).events["KeysDelegated"]
    assert told["delegate"] == accounts[STRANGER]
    assert (told["taskId"], told["sharingCid"], told["sharingDigest"]) == (task_id, "bafy-sharing", DIGEST)
    assert pole.task_list.delegateOf(task_id) == accounts[STRANGER]
    pole.task_list.delegateKeys(task_id, ZERO, "bafy", DIGEST, {"from": accounts[DATA_NODE]})
    assert pole.task_list.delegateOf(task_id) == ZERO


def test_an_announcement_without_its_file_is_refused(pole: Pole) -> None:
    with refused("FileMissing", "keysCid"):
        pole.task_list.announcePartialKeys.call(1, "", DIGEST, {"from": accounts[STRANGER]})
    with refused("FileMissing", "keysDigest"):
        pole.task_list.announcePartialKeys.call(1, "bafy", NOTHING, {"from": accounts[STRANGER]})


def test_partial_keys_are_announced_under_the_callers_own_name(pole: Pole) -> None:
    sent = pole.task_list.announcePartialKeys(1, "bafy-partial", DIGEST, {"from": accounts[STRANGER]})
    told = sent.events["PartialKeysAnnounced"]
    assert told["holder"] == accounts[STRANGER]
    assert (told["taskId"], told["keysCid"], told["keysDigest"]) == (1, "bafy-partial", DIGEST)
