"""Whatever comes in the place of an answer, to whatever was asked, is an unreachable node, or no harm."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.fake_node import FakeNode, NodeError
from web3 import Web3
from web3.exceptions import TransactionNotFound

from pole.adapters.ethereum.connection import in_one_request
from pole.adapters.node import questions
from pole.adapters.node.answers import (
    BatchRefusedError,
    LongAnswerError,
    Request,
    StatusError,
    UnansweredError,
    parse_answer,
    parse_answers,
)
from pole.adapters.node.methods import METHODS, SENDING
from pole.adapters.node.node import LEARNED_FOR
from pole.adapters.node.questions import Question
from pole.adapters.node.refusals import NodeRefusalError, RevertedError, TooMuchError
from pole.errors import UnreachableError

ADDRESS = Web3.to_checksum_address("0x" + "12" * 20)
HASH = "0x" + "34" * 32
LOG = {
    "address": ADDRESS,
    "topics": [],
    "data": "0x",
    "blockNumber": "0x1",
    "blockHash": HASH,
    "transactionHash": HASH,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
}


class Whole(FakeNode):
    """A node that answers everything that pole asks for."""

    def _eth_accounts(self) -> list[str]:
        return [ADDRESS]

    def _eth_getCode(self, *_: Any) -> str:
        return "0x6000"

    def _web3_clientVersion(self) -> str:
        return "fake/1"

    def _eth_sendTransaction(self, _: Any) -> str:
        return HASH

    def _eth_sendRawTransaction(self, _: str) -> str:
        return HASH

    def _eth_getTransactionByHash(self, hash_: str) -> dict[str, Any]:
        return {"hash": hash_, "to": ADDRESS, "input": "0x"}

    def _eth_getTransactionReceipt(self, hash_: str) -> dict[str, Any]:
        count = {"blockNumber": "0x1", "gasUsed": "0x1", "effectiveGasPrice": "0x1", "status": "0x1"}
        return {"transactionHash": hash_, **count, "logs": [LOG]}

    def _eth_getBlockReceipts(self, number: str) -> list[dict[str, Any]]:
        return [{"blockNumber": number, "logs": [LOG]}]

    def _eth_getLogs(self, _: Any) -> list[dict[str, Any]]:
        return [LOG]


WEB3: dict[str, Callable[[Web3], Any]] = {
    "eth_accounts": lambda w3: w3.eth.accounts,
    "eth_call": lambda w3: w3.eth.call({"to": ADDRESS}),
    "eth_chainId": lambda w3: w3.eth.chain_id,
    "eth_feeHistory": lambda w3: w3.eth.fee_history(1, "latest"),
    "eth_getBalance": lambda w3: w3.eth.get_balance(ADDRESS),
    "eth_getTransactionByHash": lambda w3: w3.eth.get_transaction(HASH),  # type: ignore[arg-type]
    "eth_getTransactionCount": lambda w3: w3.eth.get_transaction_count(ADDRESS),
    "eth_getTransactionReceipt": lambda w3: w3.eth.get_transaction_receipt(HASH),  # type: ignore[arg-type]
    "eth_maxPriorityFeePerGas": lambda w3: w3.eth.max_priority_fee,
    "eth_sendRawTransaction": lambda w3: w3.eth.send_raw_transaction(b"\x02"),
    "eth_sendTransaction": lambda w3: w3.eth.send_transaction({"from": ADDRESS, "gas": 21000}),
}
"""What is sent, and what goes with that."""
QUESTIONS: dict[str, Question[Any]] = {
    "eth_blockNumber": questions.block_number(),
    "eth_call": questions.call(ADDRESS, b"", bytes),
    "eth_chainId": questions.chain_id(),
    "eth_getBalance": questions.balance(ADDRESS),
    "eth_getBlockByNumber": questions.block(1),
    "eth_getBlockReceipts": questions.logs_by_receipts(questions.logs([ADDRESS], 1, 1, [bytes(32)])),
    "eth_getCode": questions.code(ADDRESS),
    "eth_getLogs": questions.logs([ADDRESS], 1, 2, [bytes(32)]),
    "eth_getTransactionByHash": questions.transaction(HASH),
    "eth_getTransactionReceipt": questions.receipt(HASH),
    "web3_clientVersion": questions.client_version(),
}


def by_web3(name: str) -> Callable[[FakeNode], Any]:
    return lambda node: WEB3[name](node.w3)


def by_question(name: str) -> Callable[[FakeNode], Any]:
    return lambda node: node.node.ask(QUESTIONS[name])


CALLS: dict[str, Callable[[FakeNode], Any]] = {
    **{f"{name} by web3": by_web3(name) for name in WEB3},
    **{name: by_question(name) for name in QUESTIONS},
}


def method_of(call: str) -> str:
    return call.partition(" ")[0]


ABSENT = {"eth_getTransactionByHash", "eth_getTransactionReceipt"}

Fault = Callable[[dict[str, Any]], Any]


def changed(**members: Any) -> Fault:
    return lambda answer: {**answer, **members}


def error(code: Any, message: Any, **more: Any) -> Fault:
    content = {"code": code, "message": message, **more}
    return lambda answer: {"jsonrpc": "2.0", "id": answer["id"], "error": content}


FAULTS: dict[str, Fault] = {
    "null": changed(result=None),
    "number": changed(result=7),
    "list": changed(result=[None]),
    "object": changed(result={"number": "0x"}),
    "truth": changed(result=True),
    "nothing": lambda _: None,
    "other id": lambda answer: {**answer, "id": answer["id"] + 1},
    "stale id": lambda answer: {**answer, "id": answer["id"] - 1},
    "id of truth": changed(id=True),
    "no id": changed(id=None),
    "other version": changed(jsonrpc="1.0"),
    "error and result": changed(error={"code": 1, "message": "x"}),
    "twice": lambda answer: [answer, answer],
    "limit": error(-32005, "rate limit exceeded"),
    "limit with data": error(-32005, "daily limit; reverted", data={"see": "https://example.org"}),
    "429": error(429, "Too Many Requests", data=None),
    "internal": error(-32603, "Internal error", data=None),
    "internal with data": error(-32603, "internal", data={"why": 1}),
    "unknown block": error(-32000, "header not found"),
    "wrong code": error("x", "reverted"),
    "wrong message": error(3, None),
    "error of text": lambda answer: {"jsonrpc": "2.0", "id": answer["id"], "error": "busy"},
    "empty error": lambda answer: {"jsonrpc": "2.0", "id": answer["id"], "error": None},
}
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda answer: answer[: len(answer) // 2],
    "html": lambda _: b"<html>Too many requests</html>",
    "no utf-8": lambda _: b"\xff\xfe",
    "deep": lambda _: b"[" * 100_000,
    "long number": lambda answer: answer[:-1] + b',"x":' + b"9" * 5000 + b"}",
}


def faulty(fault: Callable[[bytes], bytes]) -> FakeNode:
    node = Whole()
    node.fault = lambda _asked, answer: fault(answer)
    return node


def test_every_method_that_the_package_asks_for_has_a_shape_and_a_call_here() -> None:
    assert WEB3.keys() | QUESTIONS.keys() == METHODS.keys()
    source = "".join(path.read_text() for path in Path("offchain/pole").rglob("*.py"))
    asked = set(re.findall(r"\b(?:w3|_w3)\.eth\.([a-z_]+)", source)) - {"contract"}
    named = {
        re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name.partition("_")[2]) for name in METHODS
    }
    named |= {"get_block", "get_transaction", "max_priority_fee", "wait_for_transaction_receipt"}
    assert asked <= named


@pytest.mark.parametrize("call", CALLS)
def test_a_right_answer_is_taken(call: str) -> None:
    node = Whole()
    CALLS[call](node)
    assert node.requests == [method_of(call)]


def test_what_is_not_there_is_none_to_a_question() -> None:
    node = faulty(lambda answer: json.dumps({**json.loads(answer), "result": None}).encode())
    assert [node.node.ask(QUESTIONS[method]) for method in sorted(ABSENT)] == [None, None]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_answer_is_an_unreachable_node(call: str, fault: str) -> None:
    node, method = (
        faulty(lambda answer: json.dumps(FAULTS[fault](json.loads(answer))).encode()),
        method_of(call),
    )
    expected: type[Exception] = UnreachableError
    if method in ABSENT and fault == "null":
        if method == call:
            return
        expected = TransactionNotFound
    if method in SENDING and fault in {"internal", "internal with data", "unknown block"}:
        expected = NodeRefusalError
    with pytest.raises(expected):
        CALLS[call](node)
    if method not in SENDING and fault != "null":
        assert node.requests == [method] * 3


@pytest.mark.parametrize("fault", BYTES)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_json_is_an_unreachable_node(call: str, fault: str) -> None:
    with pytest.raises(UnreachableError):
        CALLS[call](faulty(BYTES[fault]))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["0x", HASH]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "hash", "timestamp", "logs", "topics", "data"]), inner)
    ),
    max_leaves=6,
)


@given(call=st.sampled_from(sorted(CALLS)), result=JSON)
def test_any_result_is_taken_or_an_unreachable_node(call: str, result: Any) -> None:
    node = faulty(lambda answer: json.dumps({**json.loads(answer), "result": result}).encode())
    try:
        CALLS[call](node)
    except (UnreachableError, TransactionNotFound):
        return


@given(st.binary(max_size=60))
def test_any_bytes_are_no_answer(body: bytes) -> None:
    asked = Request(1, "eth_getBlockByNumber", ["latest", False])
    with pytest.raises((UnansweredError, UnreachableError)):
        parse_answer(body, asked)
    with pytest.raises((UnansweredError, UnreachableError)):
        parse_answers(body, [asked, asked])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_with_a_wrong_answer_is_an_unreachable_node(fault: str) -> None:
    def second_is_wrong(answer: bytes) -> bytes:
        first, second = json.loads(answer)
        return json.dumps([first, FAULTS[fault](second)]).encode()

    node = faulty(second_is_wrong)
    with pytest.raises(UnreachableError):
        in_one_request(node.node, [questions.block(1), questions.block(2)])


def test_a_batch_is_taken_in_any_order_and_refused_as_a_whole() -> None:
    asked = [Request(1, "eth_chainId", []), Request(2, "eth_chainId", [])]
    answers = [{"jsonrpc": "2.0", "id": number, "result": hex(number)} for number in (2, 1)]
    assert parse_answers(json.dumps(answers).encode(), asked) == ["0x1", "0x2"]
    refused = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
    with pytest.raises(BatchRefusedError, match="no batches"):
        parse_answers(json.dumps(refused).encode(), asked)


def one_error(code: int, message: str, number: int | None = None) -> bytes:
    refused = {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
    return json.dumps(refused).encode()


def raising(error: Exception) -> bytes:
    raise error


REFUSALS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "one error": lambda _: one_error(-32600, "batch requests are not supported"),
    "one error of another code": lambda _: one_error(-32000, "Invalid request"),
    "one error of a limit": lambda _: one_error(-32005, "batch size is limited"),
    "a list of one error": lambda asked: b"[%s]" % one_error(-32600, "too large", asked[0]["id"]),
    "an error each": lambda asked: (
        b"[%s]"
        % b",".join(one_error(31, "Batch of more than 3 is not allowed", each["id"]) for each in asked)
    ),
    "a status": lambda _: raising(StatusError("HTTP status 413")),
}


@pytest.mark.parametrize("maximum", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_node_that_takes_no_large_batch_is_asked_in_small_ones(refusal: str, maximum: int) -> None:
    node, sizes = Whole(), list[int]()

    def fault(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        sizes.append(len(asked))
        return answer if len(asked) <= maximum else REFUSALS[refusal](asked)

    node.fault = fault
    asked = [questions.block(number) for number in range(13)]
    assert [block["number"] for block in in_one_request(node.node, asked)] == list(range(13))
    assert max(sizes[1:], default=0) <= 6 if maximum < 13 else sizes == [13]
    sizes.clear()
    assert [block["number"] for block in in_one_request(node.node, asked)] == list(range(13))
    assert max(sizes) <= maximum
    assert node.waits == []


def test_a_node_that_refused_a_batch_once_is_asked_for_more_at_once_after_a_while() -> None:
    node, sizes = Whole(), list[int]()
    refusals = iter([REFUSALS["one error"]])

    def fault(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        sizes.append(len(asked))
        return next(refusals)(asked) if len(asked) == 8 and len(sizes) == 1 else answer

    node.fault = fault
    asked = [questions.block(number) for number in range(8)]
    for pause in (0.0, LEARNED_FOR - 1, 1.0, LEARNED_FOR):
        node.waits.append(pause)
        in_one_request(node.node, asked)
    assert sizes == [8, 1, 4, 3, 4, 4, 8, 8]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_node_that_refuses_single_requests_too_is_unreachable(refusal: str) -> None:
    node = Whole()
    node.fault = lambda asked, _: REFUSALS[refusal](asked)
    with pytest.raises(UnreachableError):
        in_one_request(node.node, [questions.block(1), questions.block(2)])
    node.fault = None
    node.journeys = 0
    in_one_request(node.node, [questions.block(1), questions.block(2)])
    assert node.journeys == 1


@pytest.mark.parametrize("error_", [one_error(-32005, "rate limit"), one_error(429, "Too Many Requests")])
def test_a_node_that_is_busy_is_asked_the_same_batch_again(error_: bytes) -> None:
    node = Whole()
    faults = iter([error_])
    node.fault = lambda _asked, answer: next(faults, answer)
    in_one_request(node.node, [questions.block(1), questions.block(2)])
    assert (node.journeys, node.waits) == (2, [0.25])


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getTransactionReceipt", "eth_getLogs"])
def test_an_answer_about_something_else_is_none(method: str) -> None:
    other = {
        "eth_getBlockByNumber": {"number": "0x2", "hash": HASH, "timestamp": "0x1"},
        "eth_getTransactionReceipt": {
            **dict.fromkeys(("blockNumber", "gasUsed", "effectiveGasPrice", "status"), "0x1"),
            "transactionHash": "0x" + "99" * 32,
            "logs": [],
        },
        "eth_getLogs": [{**LOG, "blockNumber": "0x9"}],
    }[method]
    node = faulty(lambda answer: json.dumps({**json.loads(answer), "result": other}).encode())
    with pytest.raises(UnreachableError, match="answer"):
        node.node.ask(QUESTIONS[method])


def test_a_question_is_asked_again_after_a_pause_and_a_transaction_is_not() -> None:
    node = Whole()
    faults = iter([b"", b"<html>"])
    node.fault = lambda _asked, answer: next(faults, answer)
    assert node.w3.eth.chain_id == 1337
    assert node.waits == [0.25, 0.5]
    faults = iter([b""])
    with pytest.raises(UnreachableError):
        node.w3.eth.send_raw_transaction(b"\x02")
    assert node.requests.count("eth_sendRawTransaction") == 1


def test_who_answered_before_is_not_told_to_be_started() -> None:
    with pytest.raises(UnreachableError, match=r"No Ethereum node answers at http://fake .*pole devnet up"):
        _ = faulty(lambda _: b"").w3.eth.chain_id
    node = Whole()
    _ = node.w3.eth.chain_id
    node.fault = lambda _asked, _answer: b""
    with pytest.raises(UnreachableError, match="at http://fake does not answer now") as told:
        _ = node.w3.eth.chain_id
    assert "devnet" not in str(told.value)


def test_a_call_is_one_request() -> None:
    node = Whole()
    for _ in range(20):
        node.w3.eth.call({"to": ADDRESS})
    assert node.requests == ["eth_call"] * 20


def test_a_contract_cannot_have_us_ask_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """EIP-3668: web3 would request the URLs that come with this error."""
    selector = keccak(text="OffchainLookup(address,string[],bytes,bytes4,bytes)")[:4]
    arguments = Web3().codec.encode(
        ["address", "string[]", "bytes", "bytes4", "bytes"],
        [ADDRESS, ["https://example.org/{data}"], b"", b"0123", b""],
    )
    node = Whole()
    monkeypatch.setattr("requests.Session.request", lambda *_a, **_k: pytest.fail("a request left"))
    for data in (selector + arguments, selector):
        node.reverts_with = "0x" + data.hex()
        with pytest.raises(RevertedError):
            node.w3.eth.call({"to": ADDRESS})
    assert not node.w3.provider.global_ccip_read_enabled


@pytest.mark.parametrize(
    ("code", "message", "data"),
    [
        (3, "execution reverted: why", "0x08c379a0"),
        (3, "execution reverted", None),
        (3, "execution reverted", "0x4e487b71ff"),
        (3, "execution reverted", "0xno"),
        (-32015, "VM execution error.", "Reverted 0x11223344"),
        (-32015, "VM execution error.", "Reverted 0x"),
        (-32000, "VM Exception while processing transaction: revert", "0x11223344"),
        (-32603, "EVM error OutOfGas", None),
        (-32000, "out of gas", None),
        (-32000, "intrinsic gas too high -- CallGasCostMoreThanGasLimit", None),
    ],
)
def test_what_came_of_running_a_contract_is_its_verdict(code: int, message: str, data: str | None) -> None:
    class Verdict(Whole):
        def _eth_call(self, *_: Any) -> str:
            raise NodeError(code, message, data)

    node = Verdict()
    with pytest.raises(RevertedError):
        node.w3.eth.call({"to": ADDRESS})
    assert node.requests == ["eth_call"]


def test_a_block_of_a_chain_of_proof_of_authority_is_one() -> None:
    long = "0x" + "ab" * 97

    class Authority(Whole):
        def _eth_getBlockByNumber(self, number: str, _full: bool) -> dict[str, Any]:
            return {**super()._eth_getBlockByNumber(number, _full), "extraData": long}

    assert Authority().w3.eth.get_block(1)["proofOfAuthorityData"].to_0x_hex() == long


@pytest.mark.parametrize(
    ("code", "message", "tries"),
    [
        (-32005, "query returned more than 10000 results", 1),
        (-32602, "Log response size exceeded.", 1),
        (-32602, "query exceeds max block range 1000", 1),
        (-32003, "response too large", 1),
        (-32603, "internal error", 3),
        (-32000, "query timeout exceeded", 3),
    ],
)
def test_logs_that_are_too_much_at_once_are_told_from_a_node_that_is_out_of_reach(
    code: int, message: str, tries: int
) -> None:
    node = faulty(lambda answer: one_error(code, message, json.loads(answer)["id"]))
    with pytest.raises(TooMuchError):
        node.node.ask(questions.logs([ADDRESS], 1, 2))
    assert node.journeys == tries


@pytest.mark.parametrize(
    ("code", "message"),
    [(-32005, "rate limited"), (429, "too many requests"), (-32000, "header not found"), (4444, "pruned")],
)
def test_a_node_that_is_busy_or_behind_has_no_logs_of_fewer_blocks(code: int, message: str) -> None:
    node = faulty(lambda answer: one_error(code, message, json.loads(answer)["id"]))
    with pytest.raises(UnreachableError) as told:
        node.node.ask(questions.logs([ADDRESS], 1, 2))
    assert not isinstance(told.value, TooMuchError)


def test_a_batch_whose_answer_is_too_long_is_asked_for_in_small_ones_unless_it_asks_for_logs() -> None:
    node = Whole()

    def fault(asked: list[dict[str, Any]], answer: bytes) -> bytes:
        if len(asked) > 1:
            raise LongAnswerError("the answer has over 67108864 bytes")
        return answer

    node.fault = fault
    with pytest.raises(TooMuchError):
        node.node.ask_all([questions.block(1), questions.logs([ADDRESS], 1, 2)])
    assert node.journeys == 1
    assert [each["number"] for each in node.node.ask_all([questions.block(1), questions.block(2)])] == [1, 2]
