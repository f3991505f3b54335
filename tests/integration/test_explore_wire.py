"""Bytes that are hardly HTTP, sent to the explorer's port: it refuses them and goes on."""

import random
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from tests.browsing import PATIENCE, pages_of
from tests.unit.explore.chains import chain_of
from tests.unit.explore.playing import played

TRIES = 300
HEAD = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
REQUEST = b"GET /rounds/1?before=2&q=x" + HEAD + b"Accept: text/html\r\nConnection: close\r\n\r\n"
SILENCE = 0.5
"""Seconds after which no answer is awaited any more to what may be the beginning of a request."""
STRANGE = {
    "a path of bytes": b"GET /\xff\xfe\x00" + HEAD + b"\r\n",
    "a query of bytes": b"GET /search?q=\xff\xe0" + HEAD + b"\r\n",
    "another site": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a long path": b"GET /" + b"a" * 200_000 + HEAD + b"\r\n",
    "a long header": b"GET /" + HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "two lengths": b"POST /" + HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no length": b"POST /" + HEAD + b"Content-Length: -1\r\n\r\n",
    "a huge length": b"POST /" + HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunks": b"POST /" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "a length and chunks": (
        b"POST /" + HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a websocket": (
        b"GET /" + HEAD + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ),
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "nothing": b"\r\n" * 1_000,
    "zeros": bytes(100_000),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pages_of(chain_of(played(("block", "open"))), tmp_path_factory.mktemp("wire")) as url:
        yield url


def statuses(url: str, sent: bytes) -> list[int]:
    """Return the status of each answer to what was sent."""
    port = urlsplit(url).port
    assert port
    received = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        try:
            connection.sendall(sent)
            connection.settimeout(SILENCE)
            while more := connection.recv(65_536):
                received += more
        except (ConnectionError, TimeoutError):
            pass
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] ([0-9]{3}) ", received, re.MULTILINE)]


def mutated(chance: random.Random) -> bytes:
    """Return a request some bytes of which are others, doubled or gone."""
    sent = bytearray(REQUEST)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(sent))
        change = chance.choice((b"", b"\x00", b"\r\n", b"%", b"\xff", sent[place : place + 20] * 2))
        sent[place : place + chance.randint(0, 3)] = change
    return bytes(sent)


def is_alive(url: str) -> bool:
    return requests.get(f"{url}rounds/1", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("sent", STRANGE.values(), ids=STRANGE)
def test_what_is_no_request_of_a_browser_is_refused(url: str, sent: bytes) -> None:
    found = statuses(url, sent)
    assert found
    assert all(400 <= status < 500 for status in found)
    assert is_alive(url)


def test_mutated_requests_never_make_the_server_fail(url: str) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)  # noqa: S311 - reproducible requests
    found = set()
    for _ in range(TRIES):
        sent = mutated(chance)
        found |= set(statuses(url, sent))
        assert all(status < 500 for status in found), (seed, sent)
    assert {200, 400, 404} <= found
    assert is_alive(url)
