"""`Entropy.mixOf` and its twin, on a chain where any bytes are the header of some block."""

import pytest
import rlp  # type: ignore[import-untyped]
from hypothesis import strategies as st
from hypothesis.core import example, given
from pyrevm import EVM, AccountInfo
from scripts.stress.fuzz.mutations import mutated
from scripts.stress.fuzz.trial import seeded
from tests.contracts.stateful.evm import HISTORY, header
from tests.contracts.stateful.interface import artifacts, functions
from tests.parity.strategies import trials

from pole.errors import IntegrityError
from pole.protocol.encoding.ethereum_headers import mix_of
from pole.protocol.encoding.hashing import keccak256

CALLER = "0x" + "ca" * 20
# In the place of the history contract: the hash of a block is its number.
ECHO = bytes.fromhex("5f355f5260205ff3")

HEADERS = (header(1), rlp.encode([*[b"\x01"] * 13, bytes(range(32))]))


@pytest.fixture(scope="module")
def contract() -> tuple[EVM, str]:
    evm = EVM(spec_id="SHANGHAI")
    evm.insert_account_info(HISTORY, AccountInfo(nonce=1, code=ECHO))
    return evm, evm.deploy(CALLER, artifacts()["Entropy"].bytecode)


def assert_equal(contract: tuple[EVM, str], given_bytes: bytes) -> None:
    """Hold that both find the same mix, or neither finds one."""
    evm, address = contract
    function = functions(artifacts()["Entropy"].abi)["mixOf"]
    number = int.from_bytes(keccak256(given_bytes), "big")
    data = function.call_data((number, given_bytes))
    try:
        wanted = mix_of(given_bytes)
    except IntegrityError:
        # The selector of WrongHeader(uint256), and the number.
        refusal = keccak256(b"WrongHeader(uint256)")[:4] + number.to_bytes(32, "big")
        with pytest.raises(RuntimeError, match=f"Revert.*{refusal.hex()}"):
            evm.message_call(CALLER, address, calldata=data, is_static=True)
    else:
        assert evm.message_call(CALLER, address, calldata=data, is_static=True) == wanted


@given(st.lists(st.binary(max_size=70) | st.binary(min_size=32, max_size=32), max_size=22))
@trials
def test_lists_have_the_same_mix(contract: tuple[EVM, str], fields: list[bytes]) -> None:
    assert_equal(contract, rlp.encode(fields))


@given(st.integers(0, 2**32))
@trials
def test_changed_headers_have_the_same_mix_or_none(contract: tuple[EVM, str], seed: int) -> None:
    assert_equal(contract, mutated(seeded(seed, "ethereum-header"), HEADERS))


@given(st.binary(max_size=80))
@example(b"")
@example(b"\xf8")
@example(b"\xff" * 9)
@example(b"\xf8\x2f" + b"\x01" * 13 + b"\xa0" + bytes(32) + b"\x07")
@example(b"\xf8\x2f" + b"\x01" * 12 + b"\xbf" + b"\xff" * 33)
@example(b"\xf8\x30" + b"\x01" * 12 + b"\xb8\x00" + b"\xb8\x20" + bytes(32))
@trials
def test_any_bytes_have_the_same_mix_or_none(contract: tuple[EVM, str], anything: bytes) -> None:
    assert_equal(contract, anything)
