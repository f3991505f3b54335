"""The way of one worker to the Ethereum node, on which answers are lost, changed, doubled and delayed."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from typing import Any, Final

import requests
from scripts.soak.plan import Fault

PATIENCE: Final = 60.0
BAD: Final = 0.1
LATE: Final = 5.0
OLD: Final = 3
OTHER_CHAIN: Final = hex(31_337)
SEND: Final = "eth_sendRawTransaction"
RECEIPT: Final = "eth_getTransactionReceipt"
JSON: Final = {"Content-Type": "application/json"}
GARBAGE: Final = (
    b"",
    b"<html><h1>502 Bad Gateway</h1></html>",
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate limit exceeded"}}',
    b'{"jsonrpc":"2.0","id":1,"result":',
    b'{"jsonrpc":"2.0","id":-7,"result":"0x1"}',
    b'[{"jsonrpc":"2.0","id":1,"result":null}]',
)
KILLS_BEFORE: Final = {Fault.KILLED_UNSIGNED: "eth_feeHistory", Fault.KILLED_UNSENT: SEND}
REFUSALS: Final = {
    Fault.KNOWN: "already known",
    Fault.UNDERPRICED: "replacement transaction underpriced",
}

Answer = bytes | None
"""What goes back; None for a connection that is dropped."""


@dataclass(slots=True)
class Way:
    """The way of a worker: `fault` is what happens on it now, `kill` ends the worker."""

    target: str
    random: Random
    kill: Callable[[], None]
    url: str = ""
    fault: Fault | None = None

    def pass_on(self, body: bytes) -> Answer:
        """Return what comes back for a request."""
        asked, fault = json.loads(body), self.fault
        batch = asked if isinstance(asked, list) else [asked]
        methods = {each["method"] for each in batch}
        if fault is Fault.BAD_ANSWERS and self.random.random() < BAD:
            return self.random.choice((*GARBAGE, None))
        if fault in KILLS_BEFORE and KILLS_BEFORE[fault] in methods:
            self._kill_once()
            return None
        if fault is Fault.DELAYED and SEND in methods:
            time.sleep(LATE)
        if fault is Fault.DOUBLED and SEND in methods:
            self._ask(body)
        if fault is Fault.STALE:
            body = json.dumps(self._aged(asked)).encode()
        return self._changed(self._ask(body), batch, fault)

    def _changed(self, answer: bytes, batch: list[Any], fault: Fault | None) -> Answer:
        methods = {each["method"]: each["id"] for each in batch}
        if fault is Fault.LOST_ANSWER and SEND in methods:
            self.fault = None
            return None
        is_sent = fault is Fault.KILLED_UNHEARD and SEND in methods
        is_mined = fault is Fault.KILLED_UNNOTED and RECEIPT in methods and b'"gasUsed"' in answer
        if is_sent or is_mined:
            self._kill_once()
            return None
        if fault in REFUSALS and SEND in methods:
            return _with(answer, methods[SEND], {"error": {"code": -32000, "message": REFUSALS[fault]}})
        if fault is Fault.OTHER_CHAIN and "eth_chainId" in methods:
            return _with(answer, methods["eth_chainId"], {"result": OTHER_CHAIN})
        return answer

    def _kill_once(self) -> None:
        self.fault = None
        self.kill()

    def _aged(self, asked: Any) -> Any:
        """Return the request for a block some blocks before where it is for the newest."""
        head = json.loads(self._ask(_request("eth_blockNumber")))["result"]
        old = hex(max(int(head, 16) - OLD, 0))

        def aged(each: Any) -> Any:
            if each["method"] != "eth_getBlockByNumber" or each["params"][0] != "latest":
                return each
            return {**each, "params": [old, *each["params"][1:]]}

        return [aged(each) for each in asked] if isinstance(asked, list) else aged(asked)

    def _ask(self, body: bytes) -> bytes:
        return requests.post(self.target, data=body, headers=JSON, timeout=PATIENCE).content


def _request(method: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()


def _with(answer: bytes, number: int, content: dict[str, Any]) -> bytes:
    """Return an answer with other content under a number."""
    told = json.loads(answer)
    each = [
        {"jsonrpc": "2.0", "id": number, **content} if one.get("id") == number else one
        for one in (told if isinstance(told, list) else [told])
    ]
    return json.dumps(each if isinstance(told, list) else each[0]).encode()


@contextmanager
def opened(way: Way) -> Iterator[Way]:
    """Serve the way at a port of this machine, which becomes its `url`."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            try:
                answer = way.pass_on(self.rfile.read(int(self.headers["Content-Length"])))
            except requests.RequestException:
                answer = None
            if answer is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing: a worker that was killed reads no answer."""

    server = Server(("127.0.0.1", 0), Requests)
    way.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield way
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
