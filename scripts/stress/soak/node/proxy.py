"""An HTTP proxy before the node, one for each worker, that bends answers while it is told to."""

import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Lock, Thread
from typing import Any, Final

from scripts.stress.soak.node.answers import (
    NOT_FORWARDED,
    OF_ANY,
    Answer,
    bent,
    chain_changed,
    lagging,
    sends,
    status_of,
)

DELAY: Final = 4.0
TRICKLE: Final = 0.05
PIECES: Final = 60
PATIENCE: Final = 60.0
JSON: Final = {"Content-Type": "application/json"}
HEAD: Final = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}).encode()


@dataclass(frozen=True, slots=True)
class Window:
    """A share of all requests that is answered badly, drawn by a generator of its own."""

    share: float
    random: Random

    def drawn(self) -> Answer:
        """Return what the next request meets."""
        return self.random.choice(OF_ANY) if self.random.random() < self.share else Answer.RIGHT


@dataclass(slots=True)
class FaultyNode:
    """The node as one worker meets it: `answered` counts what its requests met."""

    url: str
    answered: Counter[Answer] = field(default_factory=Counter)
    _window: Window | None = None
    _next_sending: Answer | None = None
    _lock: Lock = field(default_factory=Lock)

    def open_window(self, window: Window) -> None:
        """Answer a share of requests badly from now on."""
        with self._lock:
            self._window = window

    def close_window(self) -> None:
        """Answer all requests as they are again; a bad answer to the next sending is kept for it."""
        with self._lock:
            self._window = None

    def bend_next_sending(self, answer: Answer | None) -> bool:
        """Answer the next transaction that is sent so; return whether the one before still waits."""
        with self._lock:
            waited, self._next_sending = self._next_sending is not None, answer
            return waited

    def choose(self, body: bytes) -> Answer:
        """Return what a request meets, and count it."""
        with self._lock:
            answer = Answer.RIGHT if self._window is None else self._window.drawn()
            if self._next_sending is not None and sends(body):
                answer, self._next_sending = self._next_sending, None
            self.answered[answer] += 1
            return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: whoever was killed resets its connections."""


@contextmanager
def faulty_node(port: int) -> Iterator[FaultyNode]:
    """Stand before the node on a port of this machine; its answers are right until something else is said."""
    node = FaultyNode("")
    server = _Server(("127.0.0.1", 0), _requests(node, port))
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _requests(node: FaultyNode, port: int) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = node.choose(body)
            try:
                _write(self, answer, _told(port, answer, body))
            except (OSError, http.client.HTTPException):
                # The node is away, or whoever asked was killed, or waits no longer.
                _drop(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Requests


def _write(request: BaseHTTPRequestHandler, answer: Answer, told: bytes) -> None:
    if answer is Answer.DELAYED:
        time.sleep(DELAY)
    if answer in (Answer.DROPPED, Answer.LOST):
        _drop(request)
        return
    request.send_response(status_of(answer))
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(told)))
    request.end_headers()
    for piece in _pieces(answer, told):
        request.wfile.write(piece)


def _drop(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    with suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)


def _told(port: int, answer: Answer, body: bytes) -> bytes:
    if answer in NOT_FORWARDED:
        return bent(answer, body, b"")
    if answer is Answer.STALE:
        head = int(json.loads(_forward(port, HEAD))["result"], 16)
        return _forward(port, lagging(body, head))
    if answer is Answer.DOUBLED:
        _forward(port, body)
    told = _forward(port, body)
    if answer is Answer.OTHER_CHAIN:
        return chain_changed(body, told)
    return told if answer is Answer.RIGHT else bent(answer, body, told)


def _forward(port: int, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/", body, JSON)
        return connection.getresponse().read()
    finally:
        connection.close()


def _pieces(answer: Answer, told: bytes) -> Iterator[bytes]:
    if answer is not Answer.TRICKLING:
        yield told
        return
    size = max(1, len(told) // PIECES)
    for start in range(0, len(told), size):
        time.sleep(TRICKLE)
        yield told[start : start + size]
