"""A server that speaks Sourcify's API v2 as far as a test has told it what to say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pole.adapters.ethereum.deployment import CONTRACTS, FORMAT_VERSION, MADE

TICKET = "72d12273-0723-448e-a9f6-f7957128efa5"
SOURCES = {"language": "Solidity", "sources": {"a.sol": {"content": "contract A {}"}}, "settings": {}}

Answer = tuple[int, Any]


class StandIn(ThreadingHTTPServer):
    """It answers each submission and each look at a job by what a test put here, and keeps what it was sent.

    Both are called with the address of the contract; JSON is made of all but bytes.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.submission: Callable[[str], Answer] = lambda _: (202, {"verificationId": TICKET})
        self.job: Callable[[], Answer] = lambda: (200, ended("exact_match"))
        self.received: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/server"


class _Answering(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        address = self.path.rpartition("/")[2]
        self.server.received[address] = content
        self._answer(*self.server.submission(address))

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        self._answer(*self.server.job())

    def _answer(self, status: int, content: Any) -> None:
        document = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ended(match: str | None, **more: Any) -> dict[str, Any]:
    contract = {"match": match, "creationMatch": match, "runtimeMatch": match, "chainId": "1"}
    return {"isJobCompleted": True, "verificationId": TICKET, "contract": contract, **more}


def error(code: str, message: str = "It cannot be.") -> dict[str, str]:
    return {"customCode": code, "message": message, "errorId": TICKET}


def address(name: str) -> str:
    return f"0x{1 + CONTRACTS.index(name):040x}"


def write_deployment(folder: Path) -> Path:
    """Write a deployment file and the sources beside it; return the former."""
    contracts = {
        name: {"address": address(name), "source": f"contracts/{name}.sol:{name}"}
        | ({} if name in MADE else {"transaction": "0x" + f"{1 + CONTRACTS.index(name):02x}" * 32})
        for name in CONTRACTS
    }
    content = {
        "version": FORMAT_VERSION,
        "chainId": 560048,
        "contracts": contracts,
        "compiler": "v0.8.30+commit.73712a01",
    }
    path = folder / "public.json"
    path.write_text(json.dumps(content))
    path.with_suffix(".sources.json").write_text(json.dumps(SOURCES))
    return path
