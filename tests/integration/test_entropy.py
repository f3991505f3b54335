"""Randomness that real nodes' blocks prove, on a chain without EIP-2935 and on one with it."""

from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration import deploying
from tests.integration.conftest import Devnet
from tests.integration.test_anvil import anvil, start
from web3 import Web3
from web3.contract import Contract

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import stop_devnet
from pole.adapters.node.refusals import RevertedError
from pole.protocol.encoding.ethereum_headers import encode_header, mix_of

RECENT = 5
BEYOND_BLOCKHASH = 300


@pytest.fixture(scope="module")
def with_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    """Return an anvil, which keeps 8,191 block hashes as public chains do."""
    settings = anvil(tmp_path_factory.mktemp("history"))
    try:
        start(settings)
        yield connect(settings.rpc)
    finally:
        stop_devnet(settings.folder)


@pytest.fixture(scope="module", params=["ganache", "anvil"])
def w3(request: pytest.FixtureRequest) -> Web3:
    if request.param == "anvil":
        return request.getfixturevalue("with_history")
    devnet: Devnet = request.getfixturevalue("devnet")
    return devnet.w3


@pytest.fixture(scope="module")
def entropy(w3: Web3) -> Contract:
    """Return the contract, after blocks with a transaction and some without."""
    made = deployed(w3)
    mine(w3, RECENT)
    return made


def deployed(w3: Web3) -> Contract:
    address = deploying.construct(w3, "Entropy").address
    return w3.eth.contract(address=address, abi=deploying.artefact("Entropy")["abi"])


def mine(w3: Web3, blocks: int) -> None:
    for _ in range(blocks):
        w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


def refusal(error: str, number: int) -> str:
    """Return what a call is refused with that reverts with this error about this block."""
    return "0x" + (keccak(text=f"{error}(uint256)")[:4] + number.to_bytes(32, "big")).hex()


def test_the_mixes_of_recent_blocks_are_proven(entropy: Contract, w3: Web3) -> None:
    tip = w3.eth.block_number
    for number in range(tip - RECENT - 1, tip):
        block = w3.eth.get_block(number)
        header = encode_header(block)
        assert entropy.functions.mixOf(number, header).call() == mix_of(header) == block["mixHash"]


def test_mixes_differ_from_block_to_block(entropy: Contract, w3: Web3) -> None:
    tip = w3.eth.block_number
    assert len({w3.eth.get_block(tip - n)["mixHash"] for n in range(RECENT)}) == RECENT


def test_blocks_to_come_are_lost(entropy: Contract, w3: Web3) -> None:
    tip = w3.eth.block_number
    for number in (tip, tip + 1, 2**256 - 1):
        assert entropy.functions.hashOf(number).call() == bytes(32)
        with pytest.raises(RevertedError) as refused:
            entropy.functions.mixOf(number, encode_header(w3.eth.get_block(tip))).call()
        assert refused.value.data == refusal("HashLost", number)


@settings(max_examples=20, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_header_with_any_byte_changed_is_refused(entropy: Contract, w3: Web3, at: int, bits: int) -> None:
    number = w3.eth.block_number - 1
    header = bytearray(encode_header(w3.eth.get_block(number)))
    header[at % len(header)] ^= bits
    with pytest.raises(RevertedError) as refused:
        entropy.functions.mixOf(number, bytes(header)).call()
    assert refused.value.data == refusal("WrongHeader", number)


def test_the_header_of_another_block_is_refused(entropy: Contract, w3: Web3) -> None:
    number = w3.eth.block_number - 1
    for other in (number - 1, number + 1):
        with pytest.raises(RevertedError) as refused:
            entropy.functions.mixOf(number, encode_header(w3.eth.get_block(other))).call()
        assert refused.value.data == refusal("WrongHeader", number)


def test_a_chain_with_a_history_proves_blocks_that_blockhash_has_forgotten(with_history: Web3) -> None:
    entropy = deployed(with_history)
    mine(with_history, BEYOND_BLOCKHASH)
    number = with_history.eth.block_number - BEYOND_BLOCKHASH
    block = with_history.eth.get_block(number)
    assert entropy.functions.mixOf(number, encode_header(block)).call() == block["mixHash"]


def test_a_chain_without_one_has_lost_them(devnet: Devnet) -> None:
    entropy = deployed(devnet.w3)
    mine(devnet.w3, BEYOND_BLOCKHASH)
    number = devnet.w3.eth.block_number - BEYOND_BLOCKHASH
    header = encode_header(devnet.w3.eth.get_block(number))
    with pytest.raises(RevertedError) as refused:
        entropy.functions.mixOf(number, header).call()
    assert refused.value.data == refusal("HashLost", number)
