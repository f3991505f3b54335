import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import cast

import pytest
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode

from pole.adapters.ethereum.connection import check_deployment, connect, shown_url
from pole.adapters.ethereum.deployment import DeployedContract, Deployment
from pole.errors import InputError, UnreachableError
from pole.protocol.parameters import Parameters

CODE = b"\x60\x00"


class Website(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>no node</html>")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def website() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Website)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    ["", "node.example:8545", "ws://localhost:8546", "http://", "ftp://x", "http://[x", "127.0.0.1:x", "://"],
)
def test_a_url_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="no HTTP URL"):
        connect(url)


@pytest.mark.parametrize("url", ["127.0.0.1:8546", "localhost:8546", "[::1]:8546", "127.0.0.1"])
def test_a_node_of_this_machine_needs_no_scheme(url: str) -> None:
    assert connect(url).provider.post.url == f"http://{url}"  # type: ignore[attr-defined]
    assert shown_url(url) == f"http://{url}".replace("[", "").replace("]", "")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"])
def test_this_machine_is_reached_without_a_proxy(
    website: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    for scheme in ("http://127.0.0.1", "http://localhost", "127.0.0.1"):
        with pytest.raises(UnreachableError, match="the answer is no JSON"):
            _ = connect(website.replace("http://127.0.0.1", scheme)).eth.chain_id


def test_another_machine_is_reached_through_the_proxy_of_the_environment(
    website: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", website)
    with pytest.raises(UnreachableError, match="the answer is no JSON"):
        _ = connect("http://node.example").eth.chain_id


def test_a_silent_port_says_how_to_start_a_node() -> None:
    with pytest.raises(UnreachableError, match="pole devnet up"):
        _ = connect("http://127.0.0.1:1").eth.chain_id


def test_an_answer_that_is_not_json_is_no_node(website: str) -> None:
    with pytest.raises(UnreachableError, match="No Ethereum node answers"):
        _ = connect(website).eth.chain_id


def test_keys_in_a_url_are_not_shown() -> None:
    shown = shown_url("https://user:password@node.example:8443/v3/apikey?token=secret")
    assert shown == "https://node.example:8443"


class Deployed(FakeNode):
    def _eth_getCode(self, _address: str, _block: str) -> str:
        return "0x" + CODE.hex()


def deployment(*, chain_id: int = 1337, code: bytes = CODE) -> Deployment:
    contract = DeployedContract("0x" + "12" * 20, 1, "0x" + keccak(code).hex(), ())
    no_parameters = cast(Parameters, None)
    return Deployment(Path("devnet.json"), chain_id, {"PoLeChain": contract}, no_parameters)


def test_a_node_on_another_chain_is_refused() -> None:
    with pytest.raises(InputError, match=r"on chain 1337, but devnet\.json is of chain 5"):
        check_deployment(Deployed().node, deployment(chain_id=5))


def test_other_code_at_a_contract_s_address_is_refused() -> None:
    with pytest.raises(InputError, match=r"PoLeChain of devnet\.json is not at"):
        check_deployment(Deployed().node, deployment(code=b"\x00"))


def test_the_right_chain_with_the_right_code_passes() -> None:
    check_deployment(Deployed().node, deployment())
