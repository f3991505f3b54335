from dataclasses import fields, replace
from typing import Any

import pytest
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS

from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.headers import genesis_header, header_hash, ommers_hash
from pole.protocol.state import Header, Ommer

HEADER = Header(
    3, b"\x01" * 32, 5, 6, MINERS[0], b"\x02" * 32, 95, 9, b"\x03" * 32, b"\x04" * 32, 1_700_000_000
)
OMMER = Ommer(2, MINERS[1], b"\x05" * 32, 8, 10, 2, referenced=True)


@pytest.mark.parametrize("field", [field.name for field in fields(Header)])
def test_the_hash_binds_every_field(field: str) -> None:
    value = getattr(HEADER, field)
    other: Any = {int: 1, bytes: b"\x09" * 32, str: DATA_NODE}[type(value)]
    assert header_hash(replace(HEADER, **{field: other})) != header_hash(HEADER)


def test_a_header_is_hashed_word_by_word() -> None:
    words = [
        (3).to_bytes(32, "big"),
        b"\x01" * 32,
        (5).to_bytes(32, "big"),
        (6).to_bytes(32, "big"),
        bytes(12) + bytes.fromhex(MINERS[0][2:]),
        b"\x02" * 32,
        (95).to_bytes(32, "big"),
        (9).to_bytes(32, "big"),
        b"\x03" * 32,
        b"\x04" * 32,
        (1_700_000_000).to_bytes(32, "big"),
    ]
    assert header_hash(HEADER) == keccak256(b"".join(words))


def test_the_genesis_header_is_zero_but_for_its_time() -> None:
    words = bytes(32 * 10) + (77).to_bytes(32, "big")
    assert header_hash(genesis_header(77)) == keccak256(words)


def test_no_ommers_hash_to_an_empty_list() -> None:
    assert ommers_hash([]) == keccak256((32).to_bytes(32, "big") + bytes(32))


def test_the_ommers_hash_binds_whether_the_ommer_is_referenced() -> None:
    assert ommers_hash([OMMER]) != ommers_hash([replace(OMMER, referenced=False)])
