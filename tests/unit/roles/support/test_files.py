"""Files: what is not what its digest says is never used."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.roles.fake_storage import FakeStore

from pole.errors import DiskError
from pole.protocol.encoding.hashing import keccak256
from pole.roles.support.files import (
    NotHadError,
    Wanted,
    fetch,
    fetch_any,
    read_bounded,
    read_with_digest,
    with_digest,
    write_durably,
)

CONTENT = b"what was promised"


def stored(tmp_path: Path) -> tuple[FakeStore, Wanted]:
    store = FakeStore()
    path = tmp_path / "original"
    path.write_bytes(CONTENT)
    return store, Wanted(store.add(path), keccak256(CONTENT), 100)


def test_bytes_with_another_digest_are_thrown_away(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    store.lies[wanted.cid] = b"something else"
    with pytest.raises(NotHadError, match="other bytes"):
        fetch(store, wanted, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_content_longer_than_announced_is_not_had(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    with pytest.raises(NotHadError, match="not the file that was announced"):
        fetch(store, Wanted(wanted.cid, wanted.digest, 3), tmp_path / "kept")


def test_a_file_that_several_announced_is_had_from_whoever_has_it(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    gone, lie = Wanted("gone", wanted.digest, 100), Wanted("lie", wanted.digest, 100)
    store.files[lie.cid] = b"something else"
    for _ in range(2):
        assert fetch_any(store, [gone, lie, wanted], tmp_path / "kept", served_as="round") == CONTENT
    assert store.kept == {"round": {wanted.cid}}
    with pytest.raises(NotHadError, match="other bytes"):
        fetch_any(store, [gone, lie], tmp_path / "elsewhere")


def test_a_kept_file_is_not_fetched_again(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    assert fetch(store, wanted, tmp_path / "kept") == CONTENT
    store.down = True
    assert fetch(store, wanted, tmp_path / "kept") == CONTENT


def test_a_kept_file_that_was_damaged_is_fetched_again(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    fetch(store, wanted, tmp_path / "kept")
    (tmp_path / "kept" / wanted.digest.hex()).write_bytes(b"rotten")
    assert fetch(store, wanted, tmp_path / "kept") == CONTENT


def test_a_disk_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    store, wanted = stored(tmp_path)
    (tmp_path / "file").write_bytes(b"no folder")
    for write in (
        lambda: fetch(store, wanted, tmp_path / "file"),
        lambda: write_durably(tmp_path / "file" / "x", b""),
    ):
        with pytest.raises(DiskError, match="cannot be written or read"):
            write()


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_durably(path, b"one")
    write_durably(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[1:], lambda b: b"", lambda b: b + b"0"])
def test_a_file_that_changed_since_it_was_written_is_not_read(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    write_durably(tmp_path / "file", change(with_digest(CONTENT)))
    assert read_with_digest(tmp_path / "file") is None


def test_a_file_with_its_digest_is_read_back(tmp_path: Path) -> None:
    assert read_with_digest(tmp_path / "file") is None
    write_durably(tmp_path / "file", with_digest(CONTENT))
    assert read_with_digest(tmp_path / "file") == CONTENT


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_files_and_their_folders_are_their_owners_alone_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    store, wanted = stored(tmp_path)
    before = os.umask(umask)
    try:
        write_durably(tmp_path / "a" / "b" / "file", CONTENT)
        fetch(store, wanted, tmp_path / "c" / "files")
    finally:
        os.umask(before)
    folders = [tmp_path / name for name in ("a", "a/b", "c", "c/files")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o600


def test_a_longer_file_is_read_one_byte_beyond_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for length, max_bytes in ((0, 0), (9, 9), (9, 8), (200_000, 150_000), (200_000, 300_000)):
        path.write_bytes(bytes(length))
        assert len(read_bounded(path, max_bytes)) == min(length, max_bytes + 1)


def test_a_bound_takes_no_memory_beyond_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    tracemalloc.start()
    try:
        assert read_bounded(path, 2**26) == CONTENT
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
