"""Cards of key holders: only the wallet of the address makes one."""

import json

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.wallet.holder_card import read_card, write_card
from pole.errors import IntegrityError
from pole.protocol.formats.key_sharing import Holder

ACCOUNT, OTHER = Account.from_key("0x" + "01" * 32), Account.from_key("0x" + "02" * 32)
KEY = b"\x05" * 32
CARD = write_card(ACCOUNT, KEY)


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(CARD) | fields, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"sealingKey": "0x" + "06" * 32},
        {"address": OTHER.address},
        {"address": ACCOUNT.address.lower()},
        {"address": "0x12"},
        {"address": 5},
        {"signature": "0x" + "00" * 65},
        {"signature": "0x" + "ff" * 65},
        {"signature": json.loads(write_card(OTHER, KEY))["signature"]},
        {"signature": "0x"},
        {"version": 2},
    ],
    ids=str,
)
def test_a_card_with_one_field_changed_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        read_card(changed(**fields))


@given(st.binary(max_size=100))
def test_bytes_that_are_no_card_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_card(data)


def test_a_card_names_its_holder() -> None:
    assert read_card(CARD) == Holder(ACCOUNT.address, KEY)
