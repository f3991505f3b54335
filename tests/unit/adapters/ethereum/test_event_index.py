from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode, NodeError
from web3 import Web3

from pole.adapters.ethereum import event_index
from pole.adapters.ethereum.deployment import DeployedContract, Deployment
from pole.adapters.ethereum.event_index import EventIndex
from pole.adapters.node.contract import Contract
from pole.errors import UnreachableError
from pole.protocol.parameters import Parameters

ADDRESS = Web3.to_checksum_address("0x" + "12" * 20)
ABI: list[dict[str, Any]] = [
    {
        "type": "event",
        "name": "TaskTaken",
        "anonymous": False,
        "inputs": [
            {"name": "taskId", "type": "uint256", "indexed": True},
            {"name": "roundId", "type": "uint256", "indexed": True},
        ],
    }
]
TOPIC = "0x" + keccak(text="TaskTaken(uint256,uint256)").hex()


@pytest.fixture(autouse=True)
def _only_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_index, "EVENTS", {"TaskList": ("TaskTaken",)})


def index(node: FakeNode, *, first: int = 1) -> EventIndex:
    contract = DeployedContract(ADDRESS, first, "0x", tuple(ABI))
    deployment = Deployment(Path("x"), 1337, {"TaskList": contract}, cast(Parameters, None))
    return EventIndex(node.node, deployment, {"TaskList": Contract(ADDRESS, ABI)})


def log(node: FakeNode, block: int, task: int, *, topic: str = TOPIC) -> dict[str, Any]:
    return {
        "address": ADDRESS,
        "topics": [topic, *("0x" + encode(["uint256"], [value]).hex() for value in (task, 1))],
        "data": "0x",
        "blockNumber": hex(block),
        "blockHash": node.block_hash(block),
        "transactionHash": "0x" + f"{task:02x}" * 32,
        "transactionIndex": "0x0",
        "logIndex": hex(task % 16),
        "removed": False,
    }


def tasks(found: EventIndex) -> list[int]:
    return [event.arguments["taskId"] for event in found.events("TaskTaken")]


def test_a_node_that_does_not_serve_logs_is_unreachable() -> None:
    node = FakeNode()

    def refuse(wanted: dict[str, Any]) -> list[dict[str, Any]]:
        raise NodeError(-32005, "query returned more than 10000 results")

    node._eth_getLogs = refuse  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match="more than 10000 results"):
        index(node).events("TaskTaken")


def test_events_of_other_topics_are_passed_over() -> None:
    node = FakeNode()
    node.logs = [log(node, 1, 1, topic="0x" + "00" * 32)]
    assert tasks(index(node)) == []


def test_a_new_block_costs_one_request_and_no_block_costs_none() -> None:
    node = FakeNode()
    found = index(node)
    for block in (2, 3):
        node.block = block
        node.logs.append(log(node, block, block))
        assert tasks(found) == list(range(2, block + 1))
    assert node.requests.count("eth_getLogs") == 2
    tasks(found)
    assert node.requests.count("eth_getLogs") == 2


def test_an_event_that_a_lagging_node_left_out_is_read_with_the_blocks_after_it() -> None:
    node = FakeNode()
    found = index(node)
    node.block = 5
    node.logs = [log(node, 5, 2)]
    assert tasks(found) == [2]
    node.logs = [log(node, 4, 1), *node.logs]
    node.block = 4 + event_index.REREAD
    assert tasks(found) == [1, 2]


def test_an_event_that_was_read_stays_when_a_lagging_node_leaves_it_out() -> None:
    node = FakeNode()
    found = index(node)
    node.logs = [log(node, 1, 1)]
    assert tasks(found) == [1]
    node.block, node.logs = 2, []
    assert tasks(found) == [1]


def test_many_blocks_are_read_in_pages() -> None:
    node = FakeNode()
    node.block = 3 * event_index.PAGE
    node.logs = [log(node, block, number) for number, block in enumerate((1, 2_000, 2_001, 5_999))]
    assert tasks(index(node)) == [0, 1, 2, 3]
    assert node.requests.count("eth_getLogs") == 3


def test_blocks_before_the_deployment_are_not_read() -> None:
    node = FakeNode()
    node.block = 10
    node.logs = [log(node, 4, 4), log(node, 5, 5)]
    assert tasks(index(node, first=5)) == [5]


@pytest.mark.parametrize("height", [3, 7, 9])
def test_a_reorganised_chain_is_read_again(height: int) -> None:
    node = FakeNode()
    node.block = 7
    node.logs = [log(node, 6, 1)]
    found = index(node)
    assert tasks(found) == [1]
    node.fork, node.block = b"other", height
    node.logs = [log(node, 2, 2)]
    assert tasks(found) == [2]


def test_an_event_tells_where_it_came_from() -> None:
    node = FakeNode()
    node.logs = [log(node, 1, 7)]
    (event,) = index(node).events("TaskTaken")
    assert (event.name, event.block, event.transaction) == ("TaskTaken", 1, "0x" + "07" * 32)
