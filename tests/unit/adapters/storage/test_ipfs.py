import errno
import io
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from pole.adapters.storage.ipfs import IpfsPolicy, IpfsStore
from pole.errors import DiskError, InputError, IntegrityError, UnreachableError

# ipfshttpclient's; pole silences it too, but pytest makes every warning an error again.
pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")

CONTENT = b"0123456789" * 100
QUICK = IpfsPolicy(connect_within=1, first_byte_within=2, attempts=3, pause=0.25)


class Daemon(BaseHTTPRequestHandler):
    """Kubo's RPC API as far as the store uses it; `faults` are consumed one a request."""

    faults: ClassVar[list[str]] = []
    asked: ClassVar[list[dict[str, list[str]]]] = []
    hang: ClassVar[threading.Event] = threading.Event()
    tree: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        self.asked.append(parse_qs(url.query))
        self._read_body()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "hangs":
            self.hang.wait(10)
        elif fault == "trickles":
            self._trickle()
        elif fault == "dies":
            self.connection.close()
        elif fault == "refuses":
            self._answer(500, json.dumps({"Message": "block was not found", "Code": 0}).encode())
        elif fault in {"says nothing", "is no daemon"}:
            self._answer(200, b"{}" if fault == "says nothing" else b"<html>")
        elif fault == "breaks off":
            self._answer(200, CONTENT[:10], length=len(CONTENT))
        elif url.path.endswith("/add"):
            self._answer(200, json.dumps({"Name": "x", "Hash": "bafyadded"}).encode())
        elif "/files/" in url.path:
            self._change_tree(url.path.rpartition("/")[2], parse_qs(url.query)["arg"])
        elif url.path.endswith("/version"):
            self._answer(200, json.dumps({"Version": "0.18.1"}).encode())
        else:
            self._answer(200, CONTENT)

    def _trickle(self) -> None:
        self._answer(200, b"", length=len(CONTENT))
        with suppress(OSError):
            for byte in CONTENT:
                self.wfile.write(bytes([byte]))
                self.hang.wait(0.05)

    def _change_tree(self, verb: str, paths: list[str]) -> None:
        there = [path for path in self.tree if f"{path}/".startswith(f"{paths[-1]}/")]
        if bool(there) is (verb == "cp"):
            self._answer(500, json.dumps({"Message": "no such entry, or one is there", "Code": 0}).encode())
            return
        if verb == "cp":
            self.tree.add(paths[-1])
        if verb == "rm":
            self.tree.difference_update(there)
        self._answer(200, b"{}")

    def _read_body(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()

    def _answer(self, status: int, body: bytes, *, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    Daemon.faults.clear()
    Daemon.asked.clear()
    Daemon.hang.clear()
    Daemon.tree.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Daemon)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"/ip4/127.0.0.1/tcp/{server.server_port}"
    Daemon.hang.set()
    server.shutdown()
    server.server_close()


def store(address: str, waits: list[float] | None = None, *, policy: IpfsPolicy = QUICK) -> IpfsStore:
    return IpfsStore(address, policy=policy, wait=(waits if waits is not None else []).append)


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:5001", "/ip4/127.0.0.1", "/ip4/x/tcp/5001"])
def test_what_is_no_multiaddr_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="no multiaddr of an IPFS API"):
        IpfsStore(address)


def test_a_daemon_that_is_down_says_how_to_start_one(tmp_path: Path) -> None:
    waits: list[float] = []
    with pytest.raises(UnreachableError, match="pole devnet up"):
        store("/ip4/127.0.0.1/tcp/1", waits).fetch("bafy", tmp_path / "x", max_bytes=1)
    assert waits == [0.25, 0.5]


def test_a_daemon_of_this_machine_is_reached_without_a_proxy(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    store(address).fetch("bafy", tmp_path / "x", max_bytes=2**20)


def test_content_that_is_too_long_is_not_written(tmp_path: Path, address: str) -> None:
    with pytest.raises(IntegrityError, match="longer than the 999 bytes"):
        store(address).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT) - 1)
    assert list(tmp_path.iterdir()) == []


def test_transfers_are_traced_with_their_bytes_and_what_came_of_them(
    tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="pole.ipfs")
    here = store(address)
    here.fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    here.add(tmp_path / "x")
    Daemon.faults[:] = ["refuses"]
    with pytest.raises(UnreachableError):
        here.fetch("bafy", tmp_path / "y", max_bytes=len(CONTENT))
    traced = [each.__dict__ for each in caplog.records if each.name == "pole.ipfs"]
    told = [(each["event"], each["details"]["bytes"], each["details"]["outcome"]) for each in traced]
    assert told == [
        ("fetched", len(CONTENT), "done"),
        ("added", len(CONTENT), "done"),
        ("fetched", 0, "failed"),
    ]


def test_content_that_comes_too_slowly_is_given_up(tmp_path: Path, address: str) -> None:
    times = itertools.count(0.0, 1000.0)
    slow = IpfsStore(address, policy=QUICK, clock=lambda: next(times), wait=lambda _: None)
    with pytest.raises(UnreachableError, match="did not come within 600 s"):
        slow.fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert list(tmp_path.iterdir()) == []


def test_what_the_daemon_refuses_is_passed_on_at_once(tmp_path: Path, address: str) -> None:
    Daemon.faults[:] = ["refuses"]
    waits: list[float] = []
    with pytest.raises(UnreachableError, match="could not fetch 'bafy': block was not found"):
        store(address, waits).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert waits == []


@pytest.mark.parametrize("fault", ["dies", "breaks off"])
def test_a_request_that_breaks_is_made_anew(tmp_path: Path, address: str, fault: str) -> None:
    Daemon.faults[:] = [fault, fault]
    waits: list[float] = []
    store(address, waits).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert waits == [0.25, 0.5]


@pytest.mark.parametrize("fault", ["dies", "breaks off"])
def test_a_daemon_that_keeps_dying_is_given_up_and_nothing_is_left(
    tmp_path: Path, address: str, fault: str
) -> None:
    Daemon.faults[:] = [fault] * 3
    with pytest.raises(UnreachableError, match="No IPFS daemon answers"):
        store(address).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("within", [None, 0.5])
def test_content_that_does_not_begin_is_given_up_at_once(
    tmp_path: Path, address: str, within: float | None
) -> None:
    Daemon.faults[:] = ["hangs"]
    waits: list[float] = []
    impatient = replace(QUICK, first_byte_within=0.5)
    with pytest.raises(UnreachableError, match="could not fetch 'bafy': nothing came within"):
        store(address, waits, policy=impatient).fetch("bafy", tmp_path / "x", max_bytes=1000, within=within)
    assert waits == []


def test_a_busy_daemon_is_told_from_one_without_peers(tmp_path: Path, address: str) -> None:
    impatient = replace(QUICK, first_byte_within=0.3, connect_within=0.3)
    Daemon.faults[:] = ["hangs"]
    with pytest.raises(UnreachableError, match="connect it to other peers"):
        store(address, policy=impatient).fetch("bafy", tmp_path / "x", max_bytes=1000)
    Daemon.faults[:] = ["hangs", "hangs"]
    with pytest.raises(UnreachableError, match="it is busy") as told:
        store(address, policy=impatient).fetch("bafy", tmp_path / "x", max_bytes=1000)
    assert "peers" not in str(told.value)


@pytest.mark.parametrize("within", [None, 1.0])
def test_content_that_trickles_in_is_given_up_in_its_time(
    tmp_path: Path, address: str, within: float | None
) -> None:
    Daemon.faults[:] = ["trickles"]
    started, waits = time.monotonic(), list[float]()
    with pytest.raises(UnreachableError, match="did not come within 1 s"):
        store(address, waits, policy=replace(QUICK, fetch_within=1)).fetch(
            "bafy", tmp_path / "x", max_bytes=2000, within=within
        )
    assert time.monotonic() - started < 3
    assert waits == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cid", ["\udcff\udcfe", "\udc80"])
def test_a_name_that_is_no_text_names_nothing(tmp_path: Path, address: str, cid: str) -> None:
    with pytest.raises(UnreachableError, match="no text"):
        store(address).fetch(cid, tmp_path / "x", max_bytes=1000)
    with pytest.raises(UnreachableError, match="no text"):
        store(address).keep(cid, "wallet/1")


def test_the_daemon_is_given_the_time_of_the_whole_transfer(tmp_path: Path, address: str) -> None:
    for within in (None, 2.5):
        store(address).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT), within=within)
    assert [options["timeout"] for options in Daemon.asked] == [["600s"], ["3s"]]


def test_content_that_is_wanted_soon_is_tried_once(tmp_path: Path, address: str) -> None:
    Daemon.faults[:] = ["dies"]
    waits: list[float] = []
    with pytest.raises(UnreachableError):
        store(address, waits).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT), within=2)
    assert waits == []


def test_a_failed_fetch_leaves_the_old_file(tmp_path: Path, address: str) -> None:
    (tmp_path / "x").write_bytes(b"old")
    Daemon.faults[:] = ["refuses"]
    with pytest.raises(UnreachableError):
        store(address).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_full_disk_is_no_fault_of_the_daemon(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    waits: list[float] = []
    monkeypatch.setattr(Path, "open", lambda *_: Full())
    with pytest.raises(DiskError, match=r"No space left on device\): make room on this machine's disk"):
        store(address, waits).fetch("bafy", tmp_path / "x", max_bytes=len(CONTENT))
    assert waits == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["is no daemon", "says nothing"])
def test_something_else_on_the_port_is_no_daemon(address: str, fault: str) -> None:
    Daemon.faults[:] = [fault] * 3
    with pytest.raises(UnreachableError, match="No IPFS daemon answers"):
        store(address).version()


def test_a_file_that_is_not_there_cannot_be_added(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        store(address).add(tmp_path / "missing")


def test_a_file_is_pinned_under_a_base32_cid_of_version_1(tmp_path: Path, address: str) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    assert store(address).add(tmp_path / "x") == "bafyadded"
    (options,) = Daemon.asked
    assert options["pin"] == ["True"]
    assert options["cid-version"] == ["1"]
    assert options["cid-base"] == ["base32"]
    assert options["raw-leaves"] == ["True"]


def test_a_cid_can_be_asked_for_without_storing_anything(tmp_path: Path, address: str) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    assert store(address).cid_of(tmp_path / "x") == "bafyadded"
    (options,) = Daemon.asked
    assert options["only-hash"] == ["True"]
    assert options["pin"] == ["False"]


def test_content_is_written_whole(tmp_path: Path, address: str) -> None:
    store(address).fetch("bafy", tmp_path / "folder" / "x", max_bytes=len(CONTENT))
    assert (tmp_path / "folder" / "x").read_bytes() == CONTENT


def test_what_is_kept_twice_under_two_names_is_forgotten_by_name(address: str) -> None:
    daemon = store(address)
    for name in ("wallet/1", "wallet/1", "wallet/2", "wallet/11"):
        daemon.keep("bafyfile", name)
    daemon.keep("../odd?", "wallet/1")
    assert len(Daemon.tree) == 4
    daemon.forget("wallet/1")
    daemon.forget("wallet/1")
    assert sorted(path.rpartition("/")[0] for path in Daemon.tree) == ["/pole/wallet/11", "/pole/wallet/2"]


def test_what_a_daemon_refuses_to_keep_is_told(address: str) -> None:
    Daemon.faults += ["refuses", "refuses"]
    with pytest.raises(UnreachableError, match=r"could not keep 'bafyfile': .*block was not found"):
        store(address).keep("bafyfile", "wallet/1")
