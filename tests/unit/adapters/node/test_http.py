"""Over HTTP: limits of time and size, redirections, statuses, and keys that are not shown."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from pole.adapters.node import http
from pole.adapters.node.answers import LongAnswerError, UnansweredError
from pole.adapters.node.http import HttpPost

ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x1"}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)

Serve = Callable[[socket.socket], None]


@pytest.fixture
def serving() -> Iterator[Callable[[Serve], str]]:
    listening = socket.create_server(("127.0.0.1", 0))

    def start(serve: Serve) -> str:
        def accept() -> None:
            with suppress(OSError):
                while True:
                    connected, _ = listening.accept()
                    with connected, suppress(OSError):
                        connected.recv(2**16)
                        serve(connected)

        threading.Thread(target=accept, daemon=True).start()
        return f"http://user:key@127.0.0.1:{listening.getsockname()[1]}/secret"

    yield start
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def status(line: str, body: bytes = b"", *more: str) -> Serve:
    head = "\r\n".join([f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *more, "", ""])
    return lambda connected: connected.sendall(head.encode() + body)


def trickle(whole: bytes) -> Serve:
    def serve(connected: socket.socket) -> None:
        for byte in whole:
            connected.sendall(bytes([byte]))
            time.sleep(0.1)

    return serve


@pytest.mark.parametrize(
    "slow",
    [
        trickle(HEAD + ANSWER),
        lambda connected: (connected.sendall(HEAD), trickle(ANSWER)(connected))[0],
        lambda connected: (
            connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            trickle(b"1\r\nx\r\n" * 20)(connected),
        )[0],
        lambda _: time.sleep(3),
    ],
    ids=["headers", "body", "chunks", "silence"],
)
def test_an_answer_that_trickles_in_is_none_after_its_time(
    serving: Callable[[Serve], str], slow: Serve
) -> None:
    post, started = HttpPost(serving(slow), answer_within=0.5), time.monotonic()
    with pytest.raises(UnansweredError):
        post(b"{}")
    assert time.monotonic() - started < 2


def test_a_whole_answer_is_returned_and_its_connection_used_again(serving: Callable[[Serve], str]) -> None:
    def twice(connected: socket.socket) -> None:
        connected.sendall(HEAD + ANSWER)
        connected.recv(2**16)
        connected.sendall(HEAD + ANSWER)

    post = HttpPost(serving(twice), answer_within=5)
    assert post(b"{}") == post(b"{}") == ANSWER


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (status("429 Too Many Requests", ANSWER), "HTTP status 429"),
        (status("503 Unavailable", b"<html>"), "HTTP status 503"),
        (status("401 Unauthorized", b"<html>"), "HTTP status 401"),
        (status("413 Payload Too Large", b""), "HTTP status 413"),
        (status("308 Permanent Redirect", b"", "Location: http://127.0.0.1:1/"), "HTTP status 308"),
        (lambda connected: connected.close(), "ConnectionError"),
        (lambda connected: connected.sendall(HEAD + ANSWER[:5]), "ChunkedEncodingError"),
        (lambda connected: connected.sendall(b"SSH-2.0\r\n\r\n"), "ConnectionError"),
        (status("200 OK", b"\x1f\x8bno", "Content-Encoding: gzip"), "ContentDecodingError"),
    ],
)
def test_what_is_no_answer_is_told_without_the_url(
    serving: Callable[[Serve], str], serve: Serve, why: str
) -> None:
    with pytest.raises(UnansweredError) as told:
        HttpPost(serving(serve), answer_within=1)(b"{}")
    assert str(told.value) == why


def test_an_error_that_has_a_status_of_its_own_is_an_answer(serving: Callable[[Serve], str]) -> None:
    assert HttpPost(serving(status("400 Bad Request", ANSWER)))(b"{}") == ANSWER


def test_an_answer_without_end_is_given_up(
    serving: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 10)
    with pytest.raises(LongAnswerError, match="over 10 bytes"):
        HttpPost(serving(status("200 OK", ANSWER)))(b"{}")


def test_an_answer_that_is_long_and_not_whole_in_time_is_too_long(
    serving: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONG", 1)
    monkeypatch.setattr(http, "_CHUNK", 1)
    slow = trickle(HEAD + ANSWER)

    def serve(each: socket.socket) -> None:
        each.sendall(HEAD)
        slow(each)

    with pytest.raises(LongAnswerError, match=r"after \d+ bytes"):
        HttpPost(serving(serve), answer_within=0.5)(b"{}")
