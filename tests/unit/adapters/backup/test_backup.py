"""A backup has what nobody else has, becomes a data folder as a whole or not at all, and nothing else."""

import io
import json
import os
import sqlite3
import stat
import struct
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.backup.homes import CHEAP, KEPT, WORK, files_in, make_home

from pole.adapters.backup.contents import Contents, Entry, read_list, write_list
from pole.adapters.backup.making import make_backup
from pole.adapters.backup.restoring import read_backup, restore_backup
from pole.adapters.backup.stream import seal_stream
from pole.adapters.storage.file_lock import sole_holder
from pole.adapters.storage.home_lock import alone_in, present_in
from pole.adapters.storage.journal import SqliteJournal
from pole.errors import DiskError, InputError, IntegrityError, JournalError

NOW = 1_800_000_000
PASSWORD = "password"


def backed_up(home: Path, out: Path, password: str = PASSWORD) -> Contents:
    return make_backup(home, out, password, now=NOW, cost=CHEAP)


def test_a_restored_folder_has_what_nobody_else_has_and_its_owner_alone_reads_it(tmp_path: Path) -> None:
    home, out, restored = tmp_path / "home", tmp_path / "out.backup", tmp_path / "new" / "home"
    journal = make_home(home)
    made = backed_up(home, out)
    journal.close()
    assert made.made == NOW
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = os.umask(0)
    try:
        assert restore_backup(restored, out, "password") == made
    finally:
        os.umask(before)
    found = files_in(restored)
    assert {name: content for name, content in found.items() if "journal" not in name} == KEPT
    assert SqliteJournal(restored / WORK / "journal.sqlite").get("salt/7") == b"a salt"
    for path in (restored, *restored.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out.backup", "new"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["home"]


def test_a_backup_shows_nothing_of_what_is_in_it(tmp_path: Path) -> None:
    make_home(tmp_path / "home").close()
    backed_up(tmp_path / "home", tmp_path / "out")
    content = (tmp_path / "out").read_bytes()
    for hidden in (b"alice", b"sealed", b"salt", b"journal", b"m" * 64):
        assert hidden not in content


def test_what_a_killed_worker_left_beside_its_journal_is_backed_up_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    journal = make_home(home)
    assert (home / WORK / "journal.sqlite-wal").stat().st_size
    backed_up(home, tmp_path / "out")
    journal.close()
    restore_backup(tmp_path / "new", tmp_path / "out", "password")
    assert SqliteJournal(tmp_path / "new" / WORK / "journal.sqlite").get("salt/7") == b"a salt"


def test_a_damaged_journal_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_home(home).close()
    path = home / WORK / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(7 * n % 251 for n in range(len(content) - 4096))
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.sqlite (cannot be copied|is damaged)"):
        backed_up(home, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(home.glob(".backup-*"))


def test_a_backup_is_refused_while_anybody_works_and_names_the_workers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_home(home).close()
    with present_in(home), pytest.raises(InputError, match=r"A command works in .*: stop it first"):
        backed_up(home, tmp_path / "out")
    worker = home / "locks" / "x-miner.lock"
    named = pytest.raises(InputError, match=f"Process {os.getpid()} works in")
    with sole_holder(worker, "A miner"), present_in(home), named:
        backed_up(home, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    backed_up(home, tmp_path / "out")


def test_nobody_begins_to_work_while_a_backup_is_made(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(InputError, match="is being backed up"), present_in(tmp_path):
        pass
    with present_in(tmp_path), present_in(tmp_path):
        pass


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    make_home(home).close()
    out.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        backed_up(home, out)
    assert out.read_text() == "mine"
    out.unlink()
    backed_up(home, out)
    before = files_in(home)
    with pytest.raises(InputError, match=r"is not empty, it holds 'key-budget', 'locks', 'models'"):
        restore_backup(home, out, "password")
    assert files_in(home) == before
    with pytest.raises(InputError, match="is no folder"):
        restore_backup(out, out, "password")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    make_home(tmp_path / "home").close()
    backed_up(tmp_path / "home", tmp_path / "out")
    (tmp_path / "new").mkdir()
    restore_backup(tmp_path / "new", tmp_path / "out", "password")
    assert (tmp_path / "new/wallets/alice.json").read_bytes() == b"{}"


def test_a_mount_point_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path / "home").close()
    backed_up(tmp_path / "home", tmp_path / "out")
    (tmp_path / "new").mkdir()

    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(DiskError, match="not a mount point"):
        restore_backup(tmp_path / "new", tmp_path / "out", "password")
    assert not list((tmp_path / "new").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out", "new"}


def test_what_cannot_be_backed_up_is_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(InputError, match="There is no data folder"):
        backed_up(home, tmp_path / "out")
    home.mkdir()
    with pytest.raises(InputError, match="nothing to back up"):
        backed_up(home, tmp_path / "out")
    make_home(home).close()
    with pytest.raises(InputError, match="password is empty"):
        backed_up(home, tmp_path / "out", "")
    with pytest.raises(DiskError):
        backed_up(home, tmp_path / "missing" / "out")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        restore_backup(tmp_path / "new", tmp_path / "no", "password")


@pytest.mark.parametrize("place", ["secrets/link.box", f"{WORK}/tasks/00/link", "models/link"])
def test_a_link_is_not_followed_but_told(tmp_path: Path, place: str) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    make_home(home).close()
    elsewhere.mkdir()
    (home / place).symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link or no file"):
        backed_up(home, tmp_path / "out")


def test_a_file_that_shrinks_meanwhile_makes_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    make_home(home).close()
    shrinking = home / "models/task-1/model.safetensors"

    def shrink(contents: Contents) -> bytes:
        shrinking.write_bytes(b"less")
        return write_list(contents)

    monkeypatch.setattr("pole.adapters.backup.making.write_list", shrink)
    with pytest.raises(InputError, match="changed while it was read"):
        backed_up(home, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def crafted(listed: bytes, *contents: bytes, length: int | None = None) -> bytes:
    size = struct.pack(">I", len(listed) if length is None else length)
    return b"".join(seal_stream([size + listed, *contents], "password", cost=CHEAP))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def listing(*files: Any, **others: Any) -> bytes:
    document = {"format": "pole.backup", "version": 1, "made": NOW, "files": list(files), **others}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


HOSTILE = [
    "../x",
    "/etc/passwd",
    "wallets/../x",
    "wallets/../../x",
    "wallets//x",
    "wallets/",
    "wallets/.x",
    "wallets/x/y",
    "wallets",
    "",
    ".",
    "locks/home.lock",
    "work/journal.sqlite",
    f"{WORK}/journal.sqlite/x",
    f"{WORK}/journal.sqlite-wal",
    f"{WORK}/files/x",
    f"{WORK}/rounds/7/shards/x",
    "work/../wallets/journal.sqlite",
    "models/a/" + "b/" * 20 + "c",
    "wallets/a\nb",
    "wallets/a\0b",
    "wallets/a\\b",
    "wallets/" + "a" * 256,
    "WALLETS/x",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_no_file_leaves_the_folder_or_is_of_another_kind(tmp_path: Path, path: str) -> None:
    hostile = written(tmp_path / "out", crafted(listing([path, 1]), b"x"))
    with pytest.raises(IntegrityError):
        restore_backup(tmp_path / "in" / "new", hostile, "password")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "listed",
    [
        listing(["wallets/a", 1], ["wallets/a", 1]),
        listing(["wallets/a", 1], ["wallets/A", 1]),
        listing(["models/a", 1], ["models/a/b", 1]),
        listing(["wallets/a", -1]),
        listing(["wallets/a", True]),
        listing(["wallets/a", 2**60]),
        listing(["wallets/a"]),
        listing("wallets/a"),
        listing([7, 1]),
        listing(made=-1),
        listing(made="now"),
        listing(files={}),
        listing(version=2),
        listing(more=1),
        b"{}",
        b"[]",
        b"",
        b"\xff",
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, listed: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_list(listed)
    hostile = written(tmp_path / "out", crafted(listed, b"xx"))
    with pytest.raises(IntegrityError):
        restore_backup(tmp_path / "new", hostile, "password")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (crafted(listing(["wallets/a", 2]), b"x"), "fewer bytes"),
        (crafted(listing(["wallets/a", 2**40]), b"x"), "fewer bytes"),
        (crafted(listing(["wallets/a", 1]), b"xx"), "more bytes"),
        (crafted(b"", b"", length=2**32 - 1), "malformed"),
        (crafted(b"", b"", length=100), "fewer bytes"),
    ],
    ids=["shorter", "much shorter", "longer", "a long list", "no list"],
)
def test_sizes_that_are_not_those_of_the_content_are_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(IntegrityError, match=why):
        restore_backup(tmp_path / "new", written(tmp_path / "out", content), "password")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("how", ["cut", "changed", "longer", "password"])
def test_a_backup_that_was_changed_is_refused_before_anything_is_written(tmp_path: Path, how: str) -> None:
    make_home(tmp_path / "home").close()
    backed_up(tmp_path / "home", tmp_path / "out")
    content = bytearray((tmp_path / "out").read_bytes())
    if how == "cut":
        del content[-1000:]
    elif how == "changed":
        content[-1000] ^= 1
    elif how == "longer":
        content += b"more"
    (tmp_path / "out").write_bytes(content)
    password = "another" if how == "password" else PASSWORD
    with pytest.raises(IntegrityError):
        restore_backup(tmp_path / "deep" / "new", tmp_path / "out", password)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out"}


SEGMENT = st.text("abcXYZ019._-", min_size=1, max_size=8).filter(lambda text: text[0] not in ".-")
PATHS = st.one_of(
    st.builds("{}/{}".format, st.sampled_from(["wallets", "secrets", "key-budget", "served-seeds"]), SEGMENT),
    st.builds("models/{}/{}".format, SEGMENT, SEGMENT),
    st.builds("work/{}/tasks/{}/{}".format, SEGMENT, SEGMENT, SEGMENT),
    st.builds("work/{}/rounds/{}/models/{}".format, SEGMENT, SEGMENT, SEGMENT),
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(PATHS, st.binary(max_size=200), min_size=1, max_size=8))
def test_any_folder_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folded = [path.casefold() for path in files]
    if len(set(folded)) < len(folded):
        return
    folder = tmp_path_factory.mktemp("any")
    for name, content in files.items():
        path = folder / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    backed_up(folder / "home", folder / "out")
    restore_backup(folder / "new", folder / "out", "password")
    assert files_in(folder / "new") == files


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(PATHS, st.integers(0, 2**40)), max_size=6, unique_by=lambda each: each[0].casefold())
)
def test_any_list_is_read_as_it_was_written(files: list[tuple[str, int]]) -> None:
    contents = Contents(NOW, tuple(Entry(*each) for each in files))
    assert read_list(write_list(contents)) == contents


def test_a_restored_folder_can_be_backed_up_and_read_again(tmp_path: Path) -> None:
    make_home(tmp_path / "home").close()
    first = backed_up(tmp_path / "home", tmp_path / "a")
    restore_backup(tmp_path / "new", tmp_path / "a", "password")
    assert backed_up(tmp_path / "new", tmp_path / "b") == first
    kept: dict[str, bytes] = {}

    def keep(entry: Entry, pieces: Iterable[bytes]) -> None:
        kept[entry.path] = b"".join(pieces)

    read_backup(io.BytesIO((tmp_path / "b").read_bytes()), "password", keep)
    assert {name: kept[name] for name in KEPT} == KEPT


STEPS = ("fsync", "replace", "mkdir", "rename", "open")


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Do some work in a process that dies at its step number `step`; return whether it died."""
    child = os.fork()
    if child == 0:
        left = step

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    os._exit(9)
                return real(*arguments, **options)

            return called

        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_backup_killed_at_any_step_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_home(home).close()
    for step in range(1000):
        out = tmp_path / f"out-{step}"
        died = dies_at(step, partial(backed_up, home, out))
        if out.exists():
            restore_backup(tmp_path / f"new-{step}", out, "password")
        if not died:
            break
    assert step > 10
    assert out.exists()
    assert not list(home.glob(".backup-*"))


def test_a_restore_killed_at_any_step_leaves_a_whole_folder_or_none_and_can_be_made_again(
    tmp_path: Path,
) -> None:
    make_home(tmp_path / "home").close()
    backed_up(tmp_path / "home", tmp_path / "out")
    whole = set(KEPT) | {f"{WORK}/journal.sqlite"}
    for step in range(1000):
        new = tmp_path / f"new-{step}"
        died = dies_at(step, partial(restore_backup, new, tmp_path / "out", PASSWORD))
        assert not new.exists() or set(files_in(new)) == whole
        if not died:
            break
        if not new.exists():
            restore_backup(new, tmp_path / "out", "password")
        assert set(files_in(new)) == whole
    assert step > 10
