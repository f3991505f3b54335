import json
from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pole.errors import IntegrityError
from pole.protocol.encoding.ethereum_headers import encode_header, mix_of

VECTORS = Path(__file__).parents[3] / "vectors" / "ethereum_blocks.json"
BLOCKS: dict[str, dict[str, str]] = json.loads(VECTORS.read_text())["blocks"]
FIELDS_BEFORE_THE_MIX = 13


class Node(BaseProvider):
    """A node that has one block."""

    def __init__(self, block: dict[str, str]) -> None:
        super().__init__()
        self.block = block

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "result": self.block}


def told(block: dict[str, str]) -> Any:
    """Return the block as web3 gives it."""
    return Web3(Node(block)).eth.get_block(1)


@pytest.fixture(params=BLOCKS)
def block(request: pytest.FixtureRequest) -> dict[str, str]:
    return BLOCKS[request.param]


def test_a_header_of_every_fork_gives_the_hash_and_the_mix(block: dict[str, str]) -> None:
    header = encode_header(told(block))
    assert mix_of(header).hex() == block["mixHash"].removeprefix("0x")


@pytest.mark.parametrize("field", [field for field in BLOCKS["Osaka, Ethereum"] if field != "difficulty"])
def test_a_block_without_one_of_its_fields_is_of_another_chain(field: str) -> None:
    whole = dict(told(BLOCKS["Osaka, Ethereum"]))
    with pytest.raises(IntegrityError, match="chain is of another kind"):
        encode_header({name: value for name, value in whole.items() if name != field})


@pytest.mark.parametrize("value", [-1, 1.5, "no hex", "0x1ff", [], True, b"\x01", 2**64])
def test_a_block_with_another_value_is_of_another_chain(value: Any) -> None:
    with pytest.raises(IntegrityError, match="chain is of another kind"):
        encode_header({**told(BLOCKS["Osaka, Ethereum"]), "gasUsed": value})


def test_a_pending_block_has_no_header_yet() -> None:
    with pytest.raises(IntegrityError, match="chain is of another kind"):
        encode_header({**told(BLOCKS["Osaka, Ethereum"]), "hash": None, "number": None})


@given(st.lists(st.binary(max_size=70), max_size=22), st.binary(max_size=3))
def test_the_mix_is_the_fourteenth_field_of_a_list(fields: list[bytes], behind: bytes) -> None:
    encoded = rlp.encode(fields) + behind
    if not behind and len(fields) > FIELDS_BEFORE_THE_MIX and len(fields[FIELDS_BEFORE_THE_MIX]) == 32:
        assert mix_of(encoded) == fields[FIELDS_BEFORE_THE_MIX]
    else:
        with pytest.raises(IntegrityError):
            mix_of(encoded)


@given(st.binary(min_size=32, max_size=32), st.integers(min_value=0))
def test_a_header_that_ends_early_has_no_mix(mix: bytes, end: int) -> None:
    encoded = rlp.encode([b"", b"\x01", b"\x80", b"\xff" * 56, bytes(256), *[b"\x07"] * 8, mix, bytes(8)])
    assert mix_of(encoded) == mix
    with pytest.raises(IntegrityError):
        mix_of(encoded[: end % len(encoded)])


@pytest.mark.parametrize(
    "encoded", [b"\xb8\x00", b"\xbf" + b"\xff" * 8, b"\xff" * 9, b"\xff\x00", b"\xc1\xc0"]
)
def test_what_is_no_header_is_refused(encoded: bytes) -> None:
    with pytest.raises(IntegrityError, match="no header"):
        mix_of(encoded)
