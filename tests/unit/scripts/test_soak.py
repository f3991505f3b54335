"""The soak's plan is a function of its seed; its proxy does to requests what the plan says."""

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from scripts.soak.plan import OF_ALL, Fault, bursts, is_challenged, plan
from scripts.soak.proxy import OTHER_CHAIN, SEND, Way, opened

WORKERS = ("miner-1", "verifier-1", "data-1")
SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(0, 60))
def test_a_plan_is_a_function_of_its_seed_and_begins_as_a_longer_one(seed: int, count: int) -> None:
    assert plan(seed, WORKERS, count) == plan(seed, WORKERS, count + 30)[:count]


@given(SEEDS)
def test_every_series_has_every_fault_once_and_hits_a_worker_or_all(seed: int) -> None:
    series = len(Fault)
    found = plan(seed, WORKERS, 3 * series)
    for first in range(0, len(found), series):
        assert Counter(each.fault for each in found[first : first + series]) == Counter(Fault)
    assert all((each.worker == "") is (each.fault in OF_ALL) for each in found)
    assert all(each.after > 0 < each.seconds <= 20 for each in found)


@given(SEEDS, st.integers(1, 200), st.integers(1, 4))
def test_all_tasks_are_posted_in_bursts(seed: int, rounds: int, lanes: int) -> None:
    found = bursts(seed, rounds, lanes)
    assert sum(found) == rounds
    assert all(1 <= burst <= 2 * lanes for burst in found)


def test_some_rounds_are_challenged_and_most_are_not() -> None:
    challenged = [is_challenged(1, round_id) for round_id in range(600)]
    assert 50 < sum(challenged) < 150


class Node:
    """Notes what reaches it, and answers each request by its method."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.url = ""

    def answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        batch = asked if isinstance(asked, list) else [asked]
        self.reached.extend(each["method"] for each in batch)
        answers = [{"jsonrpc": "2.0", "id": each["id"], "result": self._result(each)} for each in batch]
        return json.dumps(answers if isinstance(asked, list) else answers[0]).encode()

    def _result(self, each: dict[str, Any]) -> Any:
        if each["method"] == "eth_blockNumber":
            return "0x10"
        return {"gasUsed": "0x1"} if "Receipt" in each["method"] else each["params"]


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = node.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield node
    server.shutdown()
    server.server_close()


@pytest.fixture
def way(node: Node) -> Iterator[Way]:
    killed: list[bool] = []
    with opened(Way(node.url, Random(1), lambda: killed.append(True))) as way:  # noqa: S311
        yield way


def ask(way: Way, method: str, *parameters: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 5, "method": method, "params": list(parameters)}
    return requests.post(way.url, json=body, timeout=20).json()


def test_without_a_fault_everything_passes(node: Node, way: Way) -> None:
    assert ask(way, SEND, "0xaa")["result"] == ["0xaa"]
    assert node.reached == [SEND]


@pytest.mark.parametrize(
    ("fault", "method", "reached"),
    [
        (Fault.LOST_ANSWER, SEND, 1),
        (Fault.KILLED_UNSENT, SEND, 0),
        (Fault.KILLED_UNHEARD, SEND, 1),
        (Fault.KILLED_UNSIGNED, "eth_feeHistory", 0),
        (Fault.KILLED_UNNOTED, "eth_getTransactionReceipt", 1),
    ],
)
def test_an_answer_that_is_lost_is_lost_once(
    node: Node, way: Way, fault: Fault, method: str, reached: int
) -> None:
    way.fault = fault
    with pytest.raises(requests.ConnectionError):
        ask(way, method)
    assert node.reached == [method] * reached
    assert ask(way, method)["id"] == 5


def test_what_is_doubled_reaches_the_node_twice(node: Node, way: Way) -> None:
    way.fault = Fault.DOUBLED
    ask(way, SEND, "0xaa")
    assert node.reached == [SEND, SEND]


@pytest.mark.parametrize("fault", [Fault.KNOWN, Fault.UNDERPRICED])
def test_a_refusal_is_of_what_the_node_took(node: Node, way: Way, fault: Fault) -> None:
    way.fault = fault
    assert ask(way, SEND, "0xaa")["error"]["code"] == -32000
    assert node.reached == [SEND]


def test_a_stale_head_is_an_old_block_and_another_chain_another_number(way: Way) -> None:
    way.fault = Fault.STALE
    assert ask(way, "eth_getBlockByNumber", "latest", False)["result"] == ["0xd", False]
    assert ask(way, "eth_getBlockByNumber", "0x2", False)["result"] == ["0x2", False]
    way.fault = Fault.OTHER_CHAIN
    assert ask(way, "eth_chainId")["result"] == OTHER_CHAIN


def test_of_bad_answers_most_are_good(way: Way) -> None:
    way.fault = Fault.BAD_ANSWERS
    good = 0
    for _ in range(100):
        try:
            good += ask(way, SEND, "0xaa").get("result") == ["0xaa"]
        except (requests.RequestException, AttributeError):
            continue
    assert 75 < good < 100
