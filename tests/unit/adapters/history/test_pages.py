from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode
from tests.unit.protocol.example_rounds import PARAMETERS
from web3 import Web3

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.deployment import CONTRACTS, DeployedContract, Deployment
from pole.adapters.ethereum.event_index import EVENTS
from pole.adapters.history.pages import EventPages
from pole.errors import UnreachableError

ALICE = Web3.to_checksum_address("0x" + "aa" * 20)
ADDRESSES = {name: Web3.to_checksum_address(f"0x{n:040x}") for n, name in enumerate(CONTRACTS, start=1)}
STAKED: dict[str, Any] = {
    "type": "event",
    "name": "Staked",
    "anonymous": False,
    "inputs": [
        {"name": "verifier", "type": "address", "indexed": True},
        {"name": "stake", "type": "uint256", "indexed": False},
    ],
}
TOPIC = "0x" + keccak(text="Staked(address,uint256)").hex()


def plain(name: str) -> dict[str, Any]:
    return {"type": "event", "name": name, "anonymous": False, "inputs": []}


def pages(node: FakeNode) -> EventPages:
    contracts = {
        name: DeployedContract(address, 1, "0x", (STAKED, *map(plain, EVENTS.get(name, ()))))
        for name, address in ADDRESSES.items()
    }
    return EventPages(ChainReader(node.node, Deployment(Path("x"), 1337, contracts, PARAMETERS)))


def staked(node: FakeNode, block: int, *, topic: str = TOPIC, data: bytes | None = None) -> dict[str, Any]:
    stake = encode(["uint256"], [10**19]) if data is None else data
    return {
        "address": ADDRESSES["VerifierCommittee"],
        "topics": [topic, "0x" + encode(["address"], [ALICE]).hex()],
        "data": "0x" + stake.hex(),
        "blockNumber": hex(block),
        "blockHash": node.block_hash(block),
        "transactionHash": "0x" + "07" * 32,
        "transactionIndex": "0x0",
        "logIndex": "0x2",
        "removed": False,
    }


def test_a_chain_that_was_reorganised_between_two_questions_is_not_read() -> None:
    node = FakeNode()
    node.block, node.logs = 5, [staked(node, 3)]
    node.fork = b"other"
    with pytest.raises(UnreachableError, match="reorganised while it was read"):
        pages(node).page(1, 5)


def test_a_log_that_is_no_event_of_its_kind_is_the_nodes_fault() -> None:
    node = FakeNode()
    node.logs = [staked(node, 1, data=b"")]
    with pytest.raises(UnreachableError, match="makes no sense"):
        pages(node).page(1, 1)


def test_a_page_has_the_events_and_their_blocks_and_its_last_block() -> None:
    node = FakeNode()
    node.block, node.logs = 9, [staked(node, 3), staked(node, 4, topic="0x" + "00" * 32)]
    page = pages(node).page(1, 6)
    (event,) = page.events
    assert (event.block, event.log_index, event.transaction) == (3, 2, b"\x07" * 32)
    assert (event.contract, event.name) == ("VerifierCommittee", "Staked")
    assert dict(event.arguments) == {"verifier": ALICE, "stake": 10**19}
    assert [(mark.number, mark.time) for mark in page.marks] == [(3, 1003), (4, 1004), (6, 1006)]
    assert page.marks[0].hash.hex() == node.block_hash(3)[2:]


def test_a_block_that_is_not_there_yet_has_no_mark() -> None:
    node = FakeNode()
    node.block = node.highest = 4
    source = pages(node)
    assert source.head() == source.mark(4)
    assert source.mark(5) is None


def test_many_blocks_are_asked_for_in_few_requests() -> None:
    node = FakeNode()
    node.block = 120
    node.logs = [staked(node, block) for block in range(1, 121)]
    before = node.journeys
    assert len(pages(node).page(1, 120).events) == 120
    assert node.journeys - before <= 1 + 3
