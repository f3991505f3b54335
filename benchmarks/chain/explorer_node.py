"""What the explorer's pages would take from a node alone: a stand-in that serves a generated history.

Its logs are encoded before it is asked, so that what is measured is HTTP, JSON and decoding. The contracts
have to be compiled (`tools/brownie compile`).
"""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from tests.contracts.stateful.interface import artifacts
from tests.unit.adapters.fake_node import FakeNode
from tests.unit.explore.chains import FIRST, receipt_of
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import open_node
from pole.adapters.ethereum.deployment import CONTRACTS, DeployedContract, Deployment
from pole.adapters.history.pages import MAX_PAGE, ChainEvent, EventPages
from pole.adapters.node.contract import canonical_type, signature_hash
from pole.protocol.encoding import abi

ROUNDS: Final = 200
"""Rounds of the stand-in: what all take follows from the time for an event."""

ONE: Final = 40
"""Ethereum blocks that a round and its neighbours have: more than any of those that are generated."""

Log = dict[str, Any]


class GeneratedNode(FakeNode):
    """Serves the logs, blocks and receipts of a generated history."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        chain, self._contracts = GeneratedChain(rounds), described()
        self.block = chain.head().number
        self._encoded: dict[int, list[Log]] = {}
        self._sent: dict[str, list[Log]] = {}
        for event in chain.page(chain.first_block, self.block).events:
            log = self._log(event)
            self._encoded.setdefault(event.block, []).append(log)
            self._sent.setdefault(log["transactionHash"], []).append(log)

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[Log]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        return [log for number in range(first, last + 1) for log in self._encoded.get(number, [])]

    def _eth_getTransactionReceipt(self, hash_: str) -> dict[str, Any] | None:
        logs, receipt = self._sent[hash_], receipt_of(bytes.fromhex(hash_[2:]))
        return {
            "transactionHash": hash_,
            "blockNumber": logs[0]["blockNumber"],
            "blockHash": logs[0]["blockHash"],
            "from": receipt.sender,
            "gasUsed": hex(receipt.gas),
            "effectiveGasPrice": hex(receipt.price),
            "status": "0x1",
            "logs": logs,
        }

    def _log(self, event: ChainEvent) -> Log:
        contract = self._contracts[event.contract]
        entry = next(each for each in contract.abi if each["type"] == "event" and each["name"] == event.name)
        topics = [each for each in entry["inputs"] if each["indexed"]]
        others = [each for each in entry["inputs"] if not each["indexed"]]
        words = [signature_hash(entry), *(_encoded([each], event.arguments) for each in topics)]
        return {
            "address": contract.address,
            "topics": [f"0x{word.hex()}" for word in words],
            "data": f"0x{_encoded(others, event.arguments).hex()}",
            "blockNumber": hex(event.block),
            "blockHash": self.block_hash(event.block),
            "transactionHash": f"0x{event.transaction.hex()}",
            "transactionIndex": "0x0",
            "logIndex": hex(event.log_index),
        }


def described() -> dict[str, DeployedContract]:
    """Return contracts as a deployment file has them, at addresses of the stand-in."""
    compiled = artifacts()
    return {
        name: DeployedContract(f"0x{number:040x}", FIRST, "0x", tuple(compiled[name].abi))
        for number, name in enumerate(CONTRACTS, 1)
    }


def print_node(events: int) -> None:
    """Print what the pages of a round and of an account take from a node, the latter with so many events."""
    with _served(ROUNDS) as (url, head):
        deployment = Deployment(Path("none"), 1337, described(), PARAMETERS)
        pages = EventPages(ChainReader(open_node(url), deployment))
        few, of_round = _timed(pages, head // 2, head // 2 + ONE - 1)
        many, of_all = _timed(pages, FIRST, head)
    print("a stand-in node alone, eth_getLogs, headers, receipts and decoding, no derivation:")
    print(f"  {ONE} blocks, a round's: {few} events in {1_000 * of_round:,.0f} ms")
    print(
        f"  all blocks, an account's: {many:,} events in {of_all:.1f} s, so {events:,} in "
        f"{events * of_all / many:,.0f} s"
    )


def _timed(pages: EventPages, first: int, last: int) -> tuple[int, float]:
    """Return how many events some blocks have, and the seconds of reading them."""
    began = time.perf_counter()
    starts = range(first, last + 1, MAX_PAGE)
    count = sum(len(pages.page(start, min(start + MAX_PAGE - 1, last)).events) for start in starts)
    return count, time.perf_counter() - began


@contextmanager
def _served(rounds: int) -> Iterator[tuple[str, int]]:
    """Serve a history in a process of its own; yield the URL and the newest block."""
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(rounds, there))
    process.start()
    try:
        port, head = here.recv()
        yield f"http://127.0.0.1:{port}", head
    finally:
        process.terminate()
        process.join()


def _serve(rounds: int, pipe: Connection) -> None:
    node = GeneratedNode(rounds)

    class Answers(BaseHTTPRequestHandler):
        """Gives the node's answers."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answer a question or a batch of them."""
            answer = node.post(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    pipe.send((server.server_port, node.block))
    server.serve_forever()


def _encoded(parameters: Sequence[Mapping[str, Any]], arguments: Mapping[str, Any]) -> bytes:
    return abi.encode(
        [canonical_type(each) for each in parameters],
        [_value(each, arguments[each["name"]]) for each in parameters],
    )


def _value(parameter: Mapping[str, Any], value: Any) -> Any:
    if parameter["type"].endswith("[]"):
        single = {**parameter, "type": parameter["type"].removesuffix("[]")}
        return [_value(single, each) for each in value]
    if parameter["type"] == "tuple":
        return tuple(_value(each, value[each["name"]]) for each in parameter["components"])
    return value
