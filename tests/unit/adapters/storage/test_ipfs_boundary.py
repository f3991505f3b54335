"""Whatever comes in the place of an IPFS daemon's answer, to whatever was asked, is an unreachable daemon."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
from pole.errors import IntegrityError, UnreachableError

pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")

QUICK = IpfsPolicy(connect_within=1, add_within=1, first_byte_within=1, fetch_within=1, attempts=2, pause=0)
CID = "bafkreib" + "a" * 51


@dataclass(frozen=True)
class Answer:
    """What is sent in the place of an answer: `trickles` a byte at a time, `breaks` off in the midst."""

    body: bytes
    status: int = 200
    trickles: bool = False
    breaks: bool = False
    location: str | None = None


class Spoiled(BaseHTTPRequestHandler):
    """A daemon that answers every request in one way."""

    answer: ClassVar[Answer]
    asked: ClassVar[list[str]] = []
    over: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        self.asked.append(self.path)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        answer = self.answer
        self.send_response(answer.status)
        if answer.location is not None:
            self.send_header("Location", answer.location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body) + 10 * answer.breaks))
        self.end_headers()
        with suppress(OSError):
            for byte in answer.body if answer.trickles else ():
                self.wfile.write(bytes([byte]))
                if self.over.wait(0.2):
                    return
            if not answer.trickles:
                self.wfile.write(answer.body)
        self.close_connection = self.close_connection or answer.breaks

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    Spoiled.over.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Spoiled)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"/ip4/127.0.0.1/tcp/{server.server_port}"
    Spoiled.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"content")
    return tmp_path / "file"


CALLS: dict[str, Callable[[IpfsStore, Path], Any]] = {
    "add": lambda store, file: store.add(file),
    "cid_of": lambda store, file: store.cid_of(file),
    "fetch": lambda store, file: store.fetch(CID, file.with_name("out"), max_bytes=2**20),
    "fetch soon": lambda store, file: store.fetch(CID, file.with_name("out"), max_bytes=2**20, within=1),
    "keep": lambda store, _: store.keep(CID, "wallet/1"),
    "forget": lambda store, _: store.forget("wallet/1"),
    "version": lambda store, _: store.version(),
}
ANSWERED = {"add", "cid_of", "version"}
"""What answers in JSON; the others' answers are content, or nothing that is looked at."""


def said(content: Any) -> Answer:
    return Answer(json.dumps(content).encode())


GOOD = json.dumps({"Name": "file", "Hash": CID, "Version": "0.30.0"}).encode()
MALFORMED = {
    "nothing": Answer(b""),
    "null": said(None),
    "number": said(7),
    "text": said("Hash"),
    "list": said([1, "x"]),
    "empty object": said({}),
    "null inside": said({"Hash": None, "Version": None}),
    "number inside": said({"Hash": 1, "Version": 1}),
    "object inside": said({"Hash": {"/": CID}, "Version": {}}),
    "no name": said({"Hash": "", "Version": ""}),
    "no printable name": said({"Hash": "\x1b[2K\n", "Version": "\x1b[2K\n"}),
    "long name": said({"Hash": "b" * 10_000, "Version": "1" * 10_000}),
    "truncated": Answer(GOOD[:-9]),
    "html": Answer(b"<html><body>It works!</body></html>"),
    "no utf-8": Answer(b"\xff\xfe\x00"),
    "deep": Answer(b"[" * 100_000),
    "long number": Answer(b'{"Hash": ' + b"9" * 5000 + b', "Version": ' + b"9" * 5000 + b"}"),
}
REFUSED = {
    "an error": Answer(b'{"Message": "not found", "Code": 0, "Type": "error"}', 500),
    "an error of another shape": Answer(b'{"Message": {"x": [1]}, "Code": "y"}', 500),
    "a list for an error": Answer(b"[1]", 500),
    "text for an error": Answer(b'"x"', 500),
    "a number for an error": Answer(b"7", 500),
    "null for an error": Answer(b"null", 500),
    "an error without words": Answer(b"", 500),
    "an error in html": Answer(b"<html>", 500),
    "an error that is no text": Answer(b"\xff\xfe", 500),
    "an error with control characters": Answer(b'{"Message": "\\u001b[2K\\n", "Code": 0}', 500),
    "an error without end": Answer(b"[" * 100_000, 500),
    "an error of a stranger's": Answer(b'{"Message": null}', 500),
    "forbidden": Answer(b"403 - Forbidden", 403),
    "no such method": Answer(b"404 page not found", 404),
    "limits": Answer(b"too many requests", 429),
    "no gateway": Answer(b"<html>", 502),
    "unavailable": Answer(b"", 503),
    "broken off": Answer(GOOD, breaks=True),
    "trickling": Answer(GOOD, trickles=True),
    "an error that trickles": Answer(GOOD, 500, trickles=True),
}


def spoiled(address: str, answer: Answer) -> IpfsStore:
    Spoiled.answer = answer
    Spoiled.asked.clear()
    return IpfsStore(address, policy=QUICK)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", REFUSED)
def test_a_refusal_or_half_an_answer_is_an_unreachable_daemon(
    address: str, file: Path, fault: str, call: str
) -> None:
    store, started = spoiled(address, REFUSED[fault]), time.monotonic()
    if call == "forget" and fault.startswith(("an error", "a list", "text for", "a number", "null for")):
        # A daemon says so of what there is not, which is what was wanted.
        with suppress(UnreachableError):
            store.forget("wallet/1")
        return
    with pytest.raises(UnreachableError) as told:
        CALLS[call](store, file)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 600
    assert time.monotonic() - started < 6
    assert [path.name for path in file.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("call", sorted(ANSWERED))
@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_no_answer_is_an_unreachable_daemon(address: str, file: Path, fault: str, call: str) -> None:
    with pytest.raises(UnreachableError) as told:
        CALLS[call](spoiled(address, MALFORMED[fault]), file)
    assert str(told.value).isprintable()


@pytest.mark.parametrize("call", sorted(CALLS.keys() - ANSWERED))
@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_not_looked_at_does_no_harm(address: str, file: Path, fault: str, call: str) -> None:
    with suppress(UnreachableError):
        CALLS[call](spoiled(address, MALFORMED[fault]), file)


@pytest.mark.parametrize("call", sorted(ANSWERED))
def test_an_answer_that_comes_twice_is_one_or_none(address: str, file: Path, call: str) -> None:
    with suppress(UnreachableError):
        assert CALLS[call](spoiled(address, Answer(GOOD + b"\n" + GOOD)), file) in {CID, "0.30.0"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_daemon_sends_nobody_to_another_address(address: str, file: Path, call: str, status: int) -> None:
    port = address.rpartition("/")[2]
    elsewhere = Answer(GOOD, status, location=f"http://127.0.0.1:{port}/elsewhere")
    with suppress(UnreachableError):
        CALLS[call](spoiled(address, elsewhere), file)
    assert not [path for path in Spoiled.asked if "elsewhere" in path]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(
    body=st.binary(max_size=60), status=st.sampled_from([200, 400, 403, 404, 429, 500, 503]), call=st.data()
)
def test_any_bytes_with_any_status_are_an_answer_or_an_error_of_ours(
    address: str, file: Path, body: bytes, status: int, call: st.DataObject
) -> None:
    name = call.draw(st.sampled_from(sorted(CALLS)))
    with suppress(UnreachableError, IntegrityError):
        CALLS[name](spoiled(address, Answer(body, status)), file)
