"""The way to the node does to requests what it is told, and else nothing."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from scripts.stress.soak.node import proxy
from scripts.stress.soak.node.answers import (
    NOT_FORWARDED,
    OF_ANY,
    OF_SENDING,
    OTHER_CHAIN,
    SENDING,
    Answer,
    bent,
    chain_changed,
    lagging,
)
from scripts.stress.soak.node.proxy import FaultyNode, Window, faulty_node

CALLS = st.builds(
    lambda number, method, parameters: {
        "jsonrpc": "2.0",
        "id": number,
        "method": method,
        "params": parameters,
    },
    st.integers(0, 1000),
    st.sampled_from(["eth_chainId", "eth_call", SENDING]),
    st.lists(st.sampled_from(["latest", "pending", "0x2", True]), max_size=3),
)
BODIES = st.one_of(CALLS, st.lists(CALLS, min_size=1, max_size=4)).map(
    lambda asked: json.dumps(asked).encode()
)


class Node:
    """Notes what reaches it, and answers each call with its parameters."""

    def __init__(self) -> None:
        self.reached: list[dict[str, Any]] = []

    def answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        batch = asked if isinstance(asked, list) else [asked]
        self.reached.extend(each for each in batch if each["method"] != "eth_blockNumber")
        answers = [{"jsonrpc": "2.0", "id": each["id"], "result": self._result(each)} for each in batch]
        return json.dumps(answers if isinstance(asked, list) else answers[0]).encode()

    def _result(self, each: dict[str, Any]) -> Any:
        return "0x10" if each["method"] == "eth_blockNumber" else each["params"]


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def way(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyNode]:
    monkeypatch.setattr(proxy, "DELAY", 0.3)
    monkeypatch.setattr(proxy, "TRICKLE", 0.001)

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = node.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with faulty_node(server.server_address[1]) as way:
        yield way
    server.shutdown()
    server.server_close()
    thread.join()


def ask(way: FaultyNode, method: str, *parameters: Any) -> requests.Response:
    body = {"jsonrpc": "2.0", "id": 5, "method": method, "params": list(parameters)}
    return requests.post(way.url, json=body, timeout=20)


def test_until_something_is_said_everything_passes(node: Node, way: FaultyNode) -> None:
    for method in (SENDING, "eth_call"):
        assert ask(way, method, "0xaa").json() == {"jsonrpc": "2.0", "id": 5, "result": ["0xaa"]}
    assert [each["method"] for each in node.reached] == [SENDING, "eth_call"]
    assert way.answered == {Answer.RIGHT: 2}


@pytest.mark.parametrize("answer", OF_SENDING, ids=lambda answer: answer.name)
def test_only_the_next_sending_is_answered_badly(node: Node, way: FaultyNode, answer: Answer) -> None:
    way.bend_next_sending(answer)
    assert ask(way, "eth_call", "0xbb").json()["result"] == ["0xbb"]
    right = {"jsonrpc": "2.0", "id": 5, "result": ["0xaa"]}
    if answer in (Answer.DROPPED, Answer.LOST):
        with pytest.raises(requests.ConnectionError):
            ask(way, SENDING, "0xaa")
    else:
        told = ask(way, SENDING, "0xaa").content
        same = answer in (Answer.DOUBLED, Answer.DELAYED, Answer.TRICKLING)
        assert (told == json.dumps(right).encode()) is same
    reached = sum(each["method"] == SENDING for each in node.reached)
    assert reached == (0 if answer in NOT_FORWARDED else 2 if answer is Answer.DOUBLED else 1)
    assert ask(way, SENDING, "0xaa").json() == right


def test_whether_a_sending_came_is_told_when_the_wait_for_it_ends(way: FaultyNode) -> None:
    way.bend_next_sending(Answer.KNOWN)
    assert way.bend_next_sending(None)
    way.bend_next_sending(Answer.KNOWN)
    assert ask(way, SENDING, "0xaa").json()["error"]["message"] == "already known"
    assert not way.bend_next_sending(None)


def test_a_window_bends_about_its_share_until_it_is_closed(way: FaultyNode) -> None:
    way.open_window(Window(0.1, Random(1)))  # noqa: S311
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "eth_call", "params": []}).encode()
    chosen = [way.choose(body) for _ in range(3000)]
    bad = [answer for answer in chosen if answer is not Answer.RIGHT]
    assert 200 < len(bad) < 400
    assert set(bad) == set(OF_ANY)
    way.close_window()
    assert {way.choose(body) for _ in range(100)} == {Answer.RIGHT}


@given(BODIES, st.integers(0, 2**32))
def test_a_node_that_lags_is_asked_for_an_older_block_wherever_it_is_asked_for_the_newest(
    body: bytes, head: int
) -> None:
    asked, changed = json.loads(body), json.loads(lagging(body, head))
    older = hex(max(0, head - 3))
    assert json.loads(json.dumps(asked).replace('"latest"', f'"{older}"')) == changed


@given(BODIES, st.sampled_from([Answer.INTERNAL, Answer.LIMITED_ERROR, Answer.NULL, Answer.WRONG_TYPE]))
def test_a_bad_answer_answers_every_call_with_its_number(body: bytes, answer: Answer) -> None:
    asked, told = json.loads(body), json.loads(bent(answer, body, Node().answer(body)))
    assert isinstance(told, list) is isinstance(asked, list)
    calls, answers = (each if isinstance(each, list) else [each] for each in (asked, told))
    assert [call["id"] for call in calls] == [each["id"] for each in answers]
    assert all(each.get("result") in (None, [True]) for each in answers)


@given(BODIES)
def test_another_chain_differs_in_its_number_alone(body: bytes) -> None:
    right = Node().answer(body)
    told = json.loads(chain_changed(body, right))
    asked = json.loads(body)
    calls, answers, rights = (
        each if isinstance(each, list) else [each] for each in (asked, told, json.loads(right))
    )
    of_chain = {call["id"] for call in calls if call["method"] == "eth_chainId"}
    for each, before in zip(answers, rights, strict=True):
        assert each == (before | {"result": OTHER_CHAIN} if each["id"] in of_chain else before)
