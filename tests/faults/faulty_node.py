"""A proxy before an Ethereum node that spoils what passes: loses it, changes it, or takes long over it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Asked: TypeAlias = list[dict[str, Any]]
Forward: TypeAlias = Callable[[bytes], bytes]
Fault: TypeAlias = Callable[[Asked, bytes, Forward], "bytes | tuple[int, bytes] | None"]
"""Given requests, their bytes and the node: an answer, one with a status, or None to drop the connection."""


class FaultyNode:
    """Where the proxy listens, and what it does to each request: nothing as long as `fault` is None."""

    def __init__(self, upstream: str) -> None:
        self.fault: Fault | None = None
        self.methods: list[str] = []
        self._upstream = upstream.removeprefix("http://")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._answering())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def forward(self, body: bytes) -> bytes:
        """Return what the node itself answers."""
        connection = HTTPConnection(self._upstream, timeout=60)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def serve(self) -> None:
        """Serve until `close`."""
        self._server.serve_forever(0.01)

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, body: bytes) -> tuple[int, bytes] | None:
        asked = json.loads(body)
        requests = asked if isinstance(asked, list) else [asked]
        self.methods += [request["method"] for request in requests]
        answer = self.forward(body) if self.fault is None else self.fault(requests, body, self.forward)
        return (200, answer) if isinstance(answer, bytes) else answer

    def _answering(self) -> type[BaseHTTPRequestHandler]:
        answer_to = self._answer

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                answer = answer_to(self.rfile.read(int(self.headers["Content-Length"])))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Answers


@contextmanager
def faulty_node(upstream: str) -> Iterator[FaultyNode]:
    """Give a proxy before the node at a URL."""
    node = FaultyNode(upstream)
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.close()
        thread.join()
