from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from tests.unit.adapters import fake_node
from tests.unit.adapters.fake_node import GWEI, FakeNode, NodeError
from tests.unit.protocol.example_rounds import PARAMETERS
from web3 import Web3

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.deployment import CONTRACTS, DeployedContract, Deployment
from pole.adapters.ethereum.events.event_index import EVENTS
from pole.adapters.history.pages import MAX_GAS, MAX_PAID, EventPages, Receipt
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


def sent(node: FakeNode, block: int, number: int) -> dict[str, Any]:
    """Return a log of a transaction of its own, whose receipt the node has."""
    hash_ = f"0x{number:064x}"
    node.receipts[hash_] = {
        "transactionHash": hash_,
        "blockNumber": hex(block),
        "blockHash": node.block_hash(block),
        "from": ALICE,
        "gasUsed": hex(21_000 + number),
        "effectiveGasPrice": hex(GWEI),
        "status": "0x1",
        "logs": [],
    }
    return {**staked(node, block), "transactionHash": hash_}


class Refusing(FakeNode):
    """Gives no receipt, and says why by an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__()
        self.refusal = NodeError(code, message)

    def _eth_getTransactionReceipt(self, _: str) -> None:
        raise self.refusal


def test_a_page_has_a_receipt_of_each_transaction_with_events() -> None:
    node = FakeNode()
    node.block = 9
    node.logs = [sent(node, 3, 1), {**sent(node, 3, 1), "logIndex": "0x3"}, sent(node, 5, 2)]
    receipts = pages(node).page(1, 6).receipts
    assert receipts == tuple(Receipt(n.to_bytes(32, "big"), ALICE, 21_000 + n, GWEI) for n in (1, 2))
    assert node.requests.count("eth_getTransactionReceipt") == 2


def test_receipts_travel_with_the_headers_of_their_blocks() -> None:
    node = FakeNode()
    node.block = 100
    node.logs = [sent(node, block, block) for block in range(1, 101)]
    before = node.journeys
    assert len(pages(node).page(1, 100).receipts) == 100
    assert node.journeys - before == 1 + 4


@pytest.mark.parametrize(
    ("code", "message"),
    [(-32601, "the method does not exist"), (-32000, "not allowed"), (-32603, "transaction not found")],
)
def test_a_node_that_refuses_receipts_gives_all_else(code: int, message: str) -> None:
    node = Refusing(code, message)
    node.block, node.logs = 9, [staked(node, 3)]
    page = pages(node).page(1, 6)
    assert [event.block for event in page.events] == [3]
    assert [mark.number for mark in page.marks] == [3, 6]
    assert page.receipts == ()


def test_a_node_that_is_busy_is_not_one_without_receipts() -> None:
    node = Refusing(-32005, "too many requests")
    node.block, node.logs = 9, [staked(node, 3)]
    with pytest.raises(UnreachableError, match="too many requests"):
        pages(node).page(1, 6)


def test_a_page_with_more_logs_than_the_node_gives_is_read_in_parts() -> None:
    node = fake_node.Refusing(3)
    node.block, node.logs = 300, [staked(node, block) for block in range(100, 120)]
    page = pages(node).page(1, 300)
    assert [event.block for event in page.events] == list(range(100, 120))
    assert page.marks[-1].number == 300


def test_a_block_that_alone_has_too_many_logs_is_told() -> None:
    node = fake_node.Refusing(1)
    node.block, node.logs = 9, [staked(node, 3), {**staked(node, 3), "logIndex": "0x3"}]
    with pytest.raises(UnreachableError, match=r"Ethereum block 3 alone .*more than 1 results"):
        pages(node).page(1, 9)


def test_a_block_that_alone_has_too_many_logs_is_read_by_its_receipts() -> None:
    node = fake_node.Refusing(1)
    node.gives_receipts = True
    node.block, node.logs = 9, [sent(node, 3, 1), {**sent(node, 3, 2), "logIndex": "0x3"}, sent(node, 5, 3)]
    page = pages(node).page(1, 9)
    assert [(event.block, event.log_index) for event in page.events] == [(3, 2), (3, 3), (5, 2)]
    assert len(page.receipts) == 3


def test_a_busy_node_is_asked_for_no_parts_of_a_page() -> None:
    node = fake_node.Refusing(1, message="too many requests")
    node.block, node.logs = 9, [staked(node, 3), {**staked(node, 3), "logIndex": "0x3"}]
    with pytest.raises(UnreachableError, match="too many requests"):
        pages(node).page(1, 9)
    assert set(node.spans) == {(1, 9)}


@pytest.mark.parametrize("name", ["from", "blockHash"])
@pytest.mark.parametrize("is_null", [True, False])
def test_a_receipt_that_lacks_what_is_kept_of_it_is_none(name: str, is_null: bool) -> None:
    node = FakeNode()
    node.block, node.logs = 9, [sent(node, 3, 1), sent(node, 4, 2)]
    for hash_, receipt in node.receipts.items():
        if hash_.endswith("1"):
            del receipt[name]
            receipt.update({name: None} if is_null else {})
    assert [receipt.gas for receipt in pages(node).page(1, 6).receipts] == [21_002]


@pytest.mark.parametrize(
    "change",
    [
        {"gasUsed": hex(MAX_GAS + 1), "effectiveGasPrice": "0x0"},
        {"gasUsed": hex(2**64)},
        {"gasUsed": "0x0", "effectiveGasPrice": hex(MAX_PAID + 1)},
        {"effectiveGasPrice": hex(MAX_PAID // 21_000)},
        {"effectiveGasPrice": hex(2**256)},
        {"gasUsed": 21_000},
        {"gasUsed": None},
        {"gasUsed": "-0x1"},
        {"effectiveGasPrice": "1.5"},
        {"from": "0x12"},
        {"from": ["0x" + "aa" * 20]},
        {"blockHash": "0x12"},
        {"transactionHash": "0x" + "99" * 32},
    ],
    ids=str,
)
def test_a_receipt_that_cannot_be_is_the_nodes_fault(change: dict[str, Any]) -> None:
    node = FakeNode()
    node.block, node.logs = 9, [sent(node, 3, 1)]
    node.receipts[f"0x{1:064x}"].update(change)
    with pytest.raises(UnreachableError, match="no sense"):
        pages(node).page(1, 6)


def test_the_largest_gas_and_payment_are_taken() -> None:
    node = FakeNode()
    node.block, node.logs = 9, [sent(node, 3, 1), sent(node, 4, 2)]
    node.receipts[f"0x{1:064x}"].update({"gasUsed": hex(MAX_GAS), "effectiveGasPrice": "0x0"})
    node.receipts[f"0x{2:064x}"].update({"gasUsed": "0x1", "effectiveGasPrice": hex(MAX_PAID)})
    assert [(each.gas, each.price) for each in pages(node).page(1, 6).receipts] == [
        (MAX_GAS, 0),
        (1, MAX_PAID),
    ]


@pytest.mark.parametrize("change", [{"blockHash": "0x" + "99" * 32}, {"blockNumber": "0x8"}], ids=str)
def test_a_receipt_of_another_side_of_a_reorganisation_is_not_read(change: dict[str, Any]) -> None:
    node = FakeNode()
    node.block, node.logs = 9, [sent(node, 3, 1)]
    node.receipts[f"0x{1:064x}"].update(change)
    with pytest.raises(UnreachableError, match="reorganised while it was read"):
        pages(node).page(1, 6)
