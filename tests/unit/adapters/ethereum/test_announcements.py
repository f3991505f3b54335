"""Partial keys that a task's holders announced, among any number of others' announcements."""

from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import Refusing
from tests.unit.protocol.example_rounds import PARAMETERS
from web3 import Web3

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.deployment import CONTRACTS, DeployedContract, Deployment
from pole.adapters.ethereum.events.event_index import EVENTS
from pole.adapters.ethereum.events.log_pages import PAGE
from pole.protocol.state import FileRef

ALICE, BOB, MALLORY = (Web3.to_checksum_address("0x" + letter * 40) for letter in "abc")
ADDRESSES = {name: Web3.to_checksum_address(f"0x{n:040x}") for n, name in enumerate(CONTRACTS, start=1)}
DIGEST = bytes(range(32))


def parameter(kind: str, name: str, *, indexed: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "indexed": indexed}


def event(name: str, *inputs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "event", "name": name, "anonymous": False, "inputs": list(inputs)}


TASK = parameter("uint256", "taskId", indexed=True)
FILE = (parameter("string", "keysCid"), parameter("bytes32", "keysDigest"))
ANNOUNCED = event("PartialKeysAnnounced", TASK, parameter("address", "holder", indexed=True), *FILE)
TASK_LIST = [event("TaskPosted", TASK), ANNOUNCED, *map(event, EVENTS["TaskList"][1:])]


class Chain(Refusing):
    """Gives the logs whose topics were asked for, ten at most at once."""

    def __init__(self) -> None:
        super().__init__(10)

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        every = self.logs

        def is_wanted(log: dict[str, Any]) -> bool:
            return all(topic in place for topic, place in zip(log["topics"], wanted["topics"], strict=False))

        self.logs = [log for log in every if is_wanted(log)]
        try:
            return super()._eth_getLogs(wanted)
        finally:
            self.logs = every

    def emit(self, signature: str, topics: list[tuple[str, Any]], data: bytes = b"") -> None:
        self.logs.append(
            {
                "address": ADDRESSES["TaskList"],
                "topics": [
                    f"0x{keccak(text=signature).hex()}",
                    *(f"0x{encode([kind], [value]).hex()}" for kind, value in topics),
                ],
                "data": f"0x{data.hex()}",
                "blockNumber": hex(self.block),
                "blockHash": self.block_hash(self.block),
                "transactionHash": "0x" + "07" * 32,
                "transactionIndex": "0x0",
                "logIndex": hex(len(self.logs)),
                "removed": False,
            }
        )

    def post_task(self, task_id: int) -> None:
        self.emit("TaskPosted(uint256)", [("uint256", task_id)])

    def announce(self, task_id: int, holder: str, cid: str) -> None:
        signature = "PartialKeysAnnounced(uint256,address,string,bytes32)"
        data = encode(["string", "bytes32"], [cid, DIGEST])
        self.emit(signature, [("uint256", task_id), ("address", holder)], data)

    def reader(self) -> ChainReader:
        abis = {"TaskList": TASK_LIST}
        contracts = {
            name: DeployedContract(at, 1, "0x", tuple(abis.get(name, map(event, EVENTS.get(name, ())))))
            for name, at in ADDRESSES.items()
        }
        return ChainReader(self.node, Deployment(Path("x"), 1337, contracts, PARAMETERS))


def test_each_holders_last_word_for_the_task_is_read() -> None:
    chain = Chain()
    chain.post_task(1)
    for cid in ("first", "last"):
        chain.announce(1, ALICE, cid)
    chain.announce(2, BOB, "of another task")
    found = chain.reader().partial_keys(1, [ALICE, BOB])
    assert found == {ALICE: FileRef("last", DIGEST)}


def test_announcements_of_strangers_in_one_block_keep_nobody_from_reading() -> None:
    chain = Chain()
    chain.post_task(1)
    chain.announce(1, ALICE, "keys")
    chain.block = 5
    for _ in range(100):
        chain.announce(1, MALLORY, "flood")
        chain.announce(7, ALICE, "flood")
    reader = chain.reader()
    assert reader.partial_keys(1, [ALICE, BOB]).keys() == {ALICE}
    assert reader.index.events("PartialKeysAnnounced") == ()
    chain.block = 6
    chain.announce(1, BOB, "keys")
    assert reader.partial_keys(1, [ALICE, BOB]).keys() == {ALICE, BOB}


def test_announcements_are_read_from_the_block_of_the_task_on_and_once() -> None:
    chain = Chain()
    chain.block = 5 * PAGE
    chain.post_task(1)
    reader = chain.reader()
    assert reader.index.events("TaskPosted")
    chain.spans.clear()
    for _ in range(3):
        assert reader.partial_keys(1, [ALICE]) == {}
    assert chain.spans == [(5 * PAGE, 5 * PAGE)]


def test_nothing_is_announced_for_a_task_that_was_never_posted_or_by_nobody() -> None:
    chain = Chain()
    chain.post_task(1)
    chain.announce(1, ALICE, "keys")
    chain.announce(2, ALICE, "keys")
    reader = chain.reader()
    assert reader.partial_keys(2, [ALICE]) == {}
    assert reader.partial_keys(1, []) == {}
