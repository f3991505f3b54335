"""A signer as Clef and web3signer are from outside: it has keys, and does with a request what a test says."""

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from pole.protocol.encoding.hashing import keccak256

KEY: LocalAccount = Account.from_key("0x" + "11" * 32)
QUANTITIES = ("gas", "nonce", "value", "maxFeePerGas", "maxPriorityFeePerGas", "chainId")


@dataclass
class Signer:
    """What a signer has and what it does; `tamper` may change a transaction before it is signed.

    A hexadecimal quantity has to be as the real ones want it: "0x", no leading zero.
    """

    account: LocalAccount = KEY
    chain_id: int = 1337
    tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda asked: asked
    refusal: str | None = None
    delay: float = 0.0
    answers: Callable[[dict[str, Any], Any], Any] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: bytes) -> bytes:
        request = json.loads(body)
        assert request["jsonrpc"] == "2.0"
        self.asked.append(request)
        time.sleep(self.delay)
        if self.refusal is not None:
            error = {"code": -32000, "message": self.refusal}
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode()
        result = getattr(self, request["method"])(*request["params"])
        if self.answers is not None:
            made = self.answers(request, result)
            return made if isinstance(made, bytes) else json.dumps(made).encode()
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()

    def account_list(self) -> list[str]:
        return [self.account.address.lower()]

    eth_accounts = account_list

    def account_signTransaction(
        self, arguments: dict[str, Any], signature: str | None = None
    ) -> dict[str, Any]:
        if signature is not None:
            assert keccak256(signature.encode())[:4].hex() == arguments["data"][2:10]
        assert int(arguments["chainId"], 16) == self.chain_id
        return {"raw": self.eth_signTransaction(arguments), "tx": {"hash": "0x00"}}

    def eth_signTransaction(self, arguments: dict[str, Any]) -> str:
        for name in QUANTITIES:
            assert arguments[name] == hex(int(arguments[name], 16))
        assert arguments["from"] == self.account.address
        fields = {name: int(arguments[name], 16) for name in QUANTITIES}
        fields |= {"chainId": self.chain_id, "to": arguments["to"], "data": arguments["data"]}
        return "0x" + bytes(self.account.sign_transaction(self.tamper(fields)).raw_transaction).hex()

    def account_signData(self, kind: str, address: str, data: str) -> str:
        assert kind == "text/plain"
        return self.eth_sign(address, data)

    def eth_sign(self, address: str, data: str) -> str:
        assert address == self.account.address
        signed = self.account.sign_message(encode_defunct(hexstr=data))
        return "0x" + bytes(signed.signature).hex()


@contextmanager
def serving(signer: Signer) -> Iterator[str]:
    """Serve over HTTP; give the URL."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            content = signer.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Answering)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serving_socket(signer: Signer, path: Path) -> Iterator[str]:
    """Serve on a Unix socket as geth's IPC does: an object a line; give its path."""

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(signer.answer(self.rfile.readline()) + b"\n")

    with running(socketserver.ThreadingUnixStreamServer(str(path), Answering)):
        yield str(path)


@contextmanager
def running(server: Any) -> Iterator[Any]:
    server.daemon_threads = True
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
