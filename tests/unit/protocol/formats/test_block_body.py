import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import MINERS

from pole.errors import IntegrityError
from pole.protocol.formats.block_body import BlockBody, body_root, read_body, write_body
from pole.protocol.formats.canonical_json import write_document
from pole.protocol.state import Record, RecordKind

BODY = BlockBody(
    1337,
    MINERS[0],
    2,
    (Record(2, 0, RecordKind.TASK_CANCELLED, b"\x01\xab"), Record(2, 1, RecordKind.PAYOUTS, b"")),
)
ROOT = body_root(BODY.records)
FILE = write_body(BODY)


def changed(**entries: Any) -> bytes:
    return write_document({**json.loads(FILE), **entries})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"chainId": 0}, "chainId must be"),
        ({"height": 0}, "height must be"),
        ({"contract": MINERS[0].lower()}, "EIP-55"),
        ({"contract": "0x"}, "EIP-55"),
        ({"contract": 5}, "EIP-55"),
        ({"records": []}, "records must be a list"),
        ({"records": [1]}, "Record 0 must be an object"),
        ({"records": [{"kind": "Poem", "data": "0x"}]}, "unknown kind 'Poem'"),
        ({"records": [{"kind": ["Payouts"], "data": "0x"}]}, "unknown kind"),
        ({"records": [{"kind": "Payouts", "data": "0xAB"}]}, "lower-case hex"),
        ({"records": [{"kind": "Payouts", "data": "0x a"}]}, "hex"),
        ({"records": [{"kind": "Payouts", "data": "0xa"}]}, "lower-case hex"),
        ({"records": [{"kind": "Payouts", "data": 7}]}, "length must be"),
        ({"records": [{"kind": "Payouts", "data": "0x" + "00" * 2**17}]}, "length must be"),
        ({"records": [{"kind": "Payouts", "data": "0x"}]}, "do not have the root"),
    ],
)
def test_a_wrong_body_is_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read_body(changed(**entries), expected_root=ROOT)


@given(st.binary(max_size=100))
def test_any_bytes_are_no_body(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_body(data, expected_root=ROOT)


def test_a_body_survives_its_encoding() -> None:
    assert read_body(FILE, expected_root=ROOT) == BODY
