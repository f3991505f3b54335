"""Receipts of key holders: only the wallet of the holder makes one, and each is for one sharing and task."""

import json
from dataclasses import replace

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.wallet.share_receipt import read_receipt, write_receipt
from pole.errors import IntegrityError
from pole.protocol.formats.key_sharing import ShareReceipt
from pole.protocol.formats.shared_task import SharedTask, task_document

ACCOUNT, OTHER = Account.from_key("0x" + "01" * 32), Account.from_key("0x" + "02" * 32)
TASK = SharedTask(1337, OTHER.address, 7, ACCOUNT.address, b"\x09" * 32, 12)
RECEIPT = ShareReceipt(ACCOUNT.address, b"\x05" * 32, TASK)
FILE = write_receipt(ACCOUNT, RECEIPT)


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(FILE) | fields, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"holder": OTHER.address},
        {"holder": ACCOUNT.address.lower()},
        {"holder": 5},
        {"sharingDigest": "0x" + "06" * 32},
        {"signature": "0x" + "00" * 65},
        {"signature": "0x" + "ff" * 65},
        {"signature": "0x"},
        {"signature": json.loads(write_receipt(OTHER, RECEIPT))["signature"]},
        {"version": 2},
    ],
    ids=str,
)
def test_a_receipt_with_one_field_changed_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        read_receipt(changed(**fields))


@pytest.mark.parametrize(
    "task",
    [
        replace(TASK, chain_id=1),
        replace(TASK, task_list=ACCOUNT.address),
        replace(TASK, task_id=8),
        replace(TASK, owner=OTHER.address),
        replace(TASK, specification_digest=bytes(32)),
        replace(TASK, key_count=13),
    ],
    ids=str,
)
def test_a_receipt_for_a_task_that_differs_in_one_field_is_refused(task: SharedTask) -> None:
    with pytest.raises(IntegrityError, match="was not signed by"):
        read_receipt(changed(task=task_document(task)))


@given(st.binary(max_size=100))
def test_bytes_that_are_no_receipt_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_receipt(data)


def test_a_receipt_names_holder_sharing_and_task() -> None:
    assert read_receipt(FILE) == RECEIPT
