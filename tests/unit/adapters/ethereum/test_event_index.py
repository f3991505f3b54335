from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode, Refusing
from web3 import Web3

from pole.adapters.ethereum.deployment import DeployedContract, Deployment
from pole.adapters.ethereum.events import event_index
from pole.adapters.ethereum.events.event_index import EventIndex
from pole.adapters.ethereum.events.log_pages import PAGE
from pole.adapters.node.answers import LongAnswerError, UnansweredError
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
    node.block = 3 * PAGE
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


Node = TypeVar("Node", bound=FakeNode)

FLOOD = range(3_000, 3_050)


def flooded(node: Node) -> Node:
    """Let there be a few logs in each of some blocks, and one near the end of the chain."""
    node.block = 3 * PAGE
    node.logs = [{**log(node, at, number), "logIndex": hex(number)} for at in FLOOD for number in range(3)]
    node.logs.append(log(node, 5_999, 7))
    return node


def test_a_page_with_more_logs_than_the_node_gives_is_read_in_parts() -> None:
    node = flooded(Refusing(10))
    found = index(node)
    assert tasks(found) == [*len(FLOOD) * [0, 1, 2], 7]
    node.block += 1
    assert len(tasks(found)) == 3 * len(FLOOD) + 1


def test_a_page_of_more_bytes_than_an_answer_may_have_is_read_in_parts() -> None:
    node = flooded(FakeNode())

    def fault(_: list[dict[str, Any]], answer: bytes) -> bytes:
        if len(answer) > 10_000:
            raise LongAnswerError("the answer has over 10000 bytes")
        return answer

    node.fault = fault
    assert len(tasks(index(node))) == 3 * len(FLOOD) + 1
    assert node.waits == []


def test_what_is_too_much_for_an_answer_is_not_asked_for_twice() -> None:
    node = flooded(Refusing(40))
    tasks(index(node))
    assert len(set(node.spans)) == len(node.spans)


def test_pages_grow_again_after_a_flood() -> None:
    node = Refusing(1)
    node.logs = [log(node, 1, 1), log(node, 2, 2)]
    node.block = 40 * PAGE
    tasks(index(node))
    widths = [last - first + 1 for first, last in node.spans]
    assert 1 in widths
    assert widths[0] == widths[-2] == PAGE
    assert len(widths) < 40 + 60


def test_a_block_that_alone_has_too_many_logs_is_told() -> None:
    node = Refusing(2)
    node.block = 3 * PAGE
    node.logs = [{**log(node, 2_500, 1), "logIndex": hex(number)} for number in range(3)]
    found = index(node)
    with pytest.raises(UnreachableError, match=r"Ethereum block 2500 alone .*--rpc: .*more than 2 results"):
        found.events("TaskTaken")
    assert len(node.spans) < 60
    node.spans.clear()
    with pytest.raises(UnreachableError, match="block 2500 alone"):
        found.events("TaskTaken")
    assert len(node.spans) < 12


def test_a_block_that_alone_has_too_many_logs_is_read_by_its_receipts() -> None:
    node = Refusing(2)
    node.gives_receipts = True
    node.block = 3 * PAGE
    foreign = {**log(node, 2_500, 9), "address": "0x" + "13" * 20}
    others = [log(node, 2_500, 9, topic="0x" + "00" * 32), foreign]
    node.logs = [log(node, 2_499, 1), *(log(node, 2_500, task) for task in (2, 3, 4)), *others]
    node.logs.append(log(node, 5_000, 5))
    found = index(node)
    assert tasks(found) == [1, 2, 3, 4, 5]
    assert node.requests.count("eth_getBlockReceipts") == 1
    node.block += 1
    assert tasks(found) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("span", [1, 2])
def test_a_newest_block_that_has_too_many_logs_is_read_by_its_receipts(span: int) -> None:
    node = Refusing(2)
    node.gives_receipts = True
    node.block = span
    node.logs = [log(node, span, task) for task in (2, 3, 4)]
    found = index(node)
    assert tasks(found) == [2, 3, 4]
    node.block += 1
    node.logs.append(log(node, node.block, 5))
    assert tasks(found) == [2, 3, 4, 5]


def stopped(blocks: int, at: int) -> tuple[Refusing, EventIndex]:
    """Return a node that gives two logs at once, and an index that failed at a block with three."""
    node = Refusing(2)
    node.block = blocks
    node.logs = [log(node, 5, 5), *({**log(node, at, 1), "logIndex": hex(each)} for each in range(3))]
    found = index(node)
    with pytest.raises(UnreachableError):
        found.events("TaskTaken")
    return node, found


def test_what_was_read_before_a_node_failed_is_not_read_again() -> None:
    node, found = stopped(3 * PAGE, at=4_500)
    node.spans.clear()
    node.maximum = 3
    assert tasks(found) == [5, 1, 1, 1]
    assert min(first for first, _ in node.spans) > 4_000


def test_a_chain_that_was_reorganised_after_a_node_failed_is_read_again() -> None:
    node, found = stopped(2 * PAGE, at=2_500)
    node.fork = b"other"
    node.logs = [log(node, 6, 6)]
    assert tasks(found) == [6]


@pytest.mark.parametrize("code", [-32005, -32029, 429])
def test_a_busy_node_is_not_asked_for_parts(code: int) -> None:
    node = Refusing(0, code, "too many requests")
    node.block = PAGE
    node.logs = [log(node, 1, 1)]
    with pytest.raises(UnreachableError, match="too many requests"):
        index(node).events("TaskTaken")
    assert set(node.spans) == {(1, PAGE)}


def test_a_node_that_does_not_answer_is_not_asked_for_parts() -> None:
    node = Refusing(10)
    node.block = PAGE

    def fault(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if any(each["method"] == "eth_getLogs" for each in asked):
            raise UnansweredError("ConnectionError")
        return answer

    node.fault = fault
    with pytest.raises(UnreachableError, match="ConnectionError"):
        index(node).events("TaskTaken")
    assert set(node.spans) == {(1, PAGE)}
