"""Published data sets from a server that breaks every promise a publisher makes."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from pole.adapters.storage.data_publishers import PUBLISHED, Published, fetch, is_here
from pole.errors import DiskError, IntegrityError, PoleError, UnreachableError
from pole.learning.data.files import SHA256

CONTENT = bytes(range(256)) * 5000


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        file.addfile(tarfile.TarInfo("folder/"))
        for name, content in members.items():
            entry = tarfile.TarInfo(f"folder/{name}")
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


PARTS = {"one": b"first", "two": b"second"}
PACKED = archive(**PARTS, three=b"not asked for")


class Site(ThreadingHTTPServer):
    """A publisher that knows what to answer at each path, and what it was asked for."""

    answers: dict[str, tuple[int, int, bytes]]
    asked: list[str]


class Publisher(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        status, announced, body = self.server.answers[self.path]
        self.server.asked.append(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(announced))
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "x-gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Publisher)
    server.asked = []
    server.answers = {
        "/right": (200, len(CONTENT), CONTENT),
        "/wrong": (200, len(CONTENT), CONTENT[::-1]),
        "/long": (200, 2 * len(CONTENT), CONTENT * 2),
        "/cut": (200, len(CONTENT), CONTENT[:1000]),
        "/gone": (404, 4, b"none"),
        "/packed.tar.gz": (200, len(PACKED), PACKED),
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(publisher: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, content in {"file": CONTENT, "packed.tar.gz": PACKED, **PARTS}.items():
        monkeypatch.setitem(SHA256, name, hashlib.sha256(content).hexdigest())
    return f"http://127.0.0.1:{publisher.server_port}"


def file_at(address: str, *paths: str) -> list[Published]:
    return [Published("file", len(CONTENT), tuple(address + path for path in paths))]


def ignore(*_: object) -> None:
    pass


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_fetched_once_and_its_progress_told(address: str, publisher: Site, tmp_path: Path) -> None:
    told = []
    files = file_at(address, "/right")
    assert fetch(files, tmp_path / "new", lambda *line: told.append(line)) == ["file"]
    assert fetch(files, tmp_path / "new", ignore) == []
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert publisher.asked == ["/right"]
    assert told[-1] == ("file", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("bad", ["/gone", "/wrong", "/long", "/cut"])
def test_the_next_address_is_asked_where_one_fails(address: str, tmp_path: Path, bad: str) -> None:
    assert fetch(file_at(address, bad, "/right"), tmp_path, ignore) == ["file"]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("paths", "error", "sentence"),
    [
        (("/gone",), UnreachableError, "HTTP 404"),
        (("/cut",), UnreachableError, "ProtocolError"),
        (("/wrong",), IntegrityError, "is not the published file"),
        (("/long",), IntegrityError, "is not the published file"),
        (("/wrong", "/gone"), IntegrityError, "HTTP 404"),
    ],
)
def test_what_no_address_gives_is_told_and_nothing_kept(
    address: str, tmp_path: Path, paths: tuple[str, ...], error: type[PoleError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        fetch(file_at(address, *paths), tmp_path, ignore)
    assert names_in(tmp_path) == []


def test_nobody_answering_is_one_sentence(tmp_path: Path) -> None:
    nobody = [Published("iris.data", 4551, ("http://127.0.0.1:9/iris.data",))]
    with pytest.raises(UnreachableError, match=r"iris.data does not give iris.data \(ConnectionError\)"):
        fetch(nobody, tmp_path, ignore)


def test_members_are_taken_out_of_an_archive_and_nothing_else(address: str, tmp_path: Path) -> None:
    packed = [Published("packed.tar.gz", len(PACKED), (f"{address}/packed.tar.gz",), tuple(PARTS))]
    (tmp_path / "one").write_bytes(PARTS["one"])
    (tmp_path / "two").write_bytes(b"damaged")
    assert fetch(packed, tmp_path, ignore) == ["two"]
    assert {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)} == PARTS


def test_a_folder_that_cannot_be_made_is_this_machine_s_fault(address: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(DiskError, match="taken"):
        fetch(file_at(address, "/right"), tmp_path / "taken" / "below", ignore)


def test_a_full_disk_is_this_machine_s_fault(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pole.adapters.storage.data_publishers.write_whole", full)
    with pytest.raises(DiskError, match="No space left"):
        fetch(file_at(address, "/right"), tmp_path, ignore)


def test_a_right_copy_is_never_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(requests, "get", ignore)
    monkeypatch.setitem(SHA256, "iris.data", hashlib.sha256(b"data").hexdigest())
    (tmp_path / "iris.data").write_bytes(b"data")
    assert fetch(PUBLISHED["iris"], tmp_path, ignore) == []


def test_every_file_that_is_read_has_a_publisher_and_a_checksum() -> None:
    files = {name for each in PUBLISHED.values() for published in each for name in published.files}
    assert files | {"cifar-10-python.tar.gz"} == set(SHA256)


def test_a_set_is_here_when_all_of_its_files_are(tmp_path: Path) -> None:
    assert not is_here("mnist", tmp_path)
    (tmp_path / "mnist").mkdir()
    for published in PUBLISHED["mnist"]:
        assert not is_here("mnist", tmp_path)
        for name in published.files:
            (tmp_path / "mnist" / name).touch()
    assert is_here("mnist", tmp_path)
