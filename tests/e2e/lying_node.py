"""An Ethereum node that lies: an HTTP proxy which puts other digests into what the honest one answers."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen


class LyingNode:
    """The node at `url` as long as the context is open; `lies` says what it tells instead of which bytes."""

    def __init__(self, honest: str) -> None:
        self.lies: dict[bytes, bytes] = {}
        self._honest = honest
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._requests())
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: bytes) -> bytes:
        request = Request(self._honest, data=body, headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=20) as response:
            told: bytes = response.read()
        for truth, lie in self.lies.items():
            told = told.replace(truth.hex().encode(), lie.hex().encode())
        return told

    def _requests(self) -> type[BaseHTTPRequestHandler]:
        node = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = node.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Requests
