"""Making a backup of a data folder in which nobody works meanwhile."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from pole.adapters.backup.contents import JOURNAL, LENGTH, Contents, Entry, files_of, write_list
from pole.adapters.backup.stream import seal_stream
from pole.adapters.storage.home_lock import alone_in
from pole.adapters.storage.private_file import sync_folder
from pole.adapters.wallet.secret_box import STANDARD_COST, ScryptCost
from pole.errors import InputError, JournalError
from pole.quoting import reason
from pole.roles.support.files import own_disk

PIECE_BYTES: Final = 2**20
_COPIES: Final = ".backup-"


def make_backup(
    home: Path, out: Path, password: str, *, now: int, cost: ScryptCost = STANDARD_COST
) -> Contents:
    """Write a backup of `home` into a new file under a password; return what is in it.

    `now` is the time in seconds since 1970 that the backup names. The file appears whole or not at all.
    Raises InputError for an empty password, where the file is there already, where there is nothing to back
    up and while anybody works in `home`; JournalError for a damaged journal; DiskError.
    """
    if not password:
        raise InputError("The password is empty: choose one.")
    _require_new(out)
    if not home.is_dir():
        raise InputError(f"There is no data folder {home}: name it with --home.")
    with alone_in(home), _copied_journals(home) as copies:
        sources = {path.relative_to(home).as_posix(): copies.get(path, path) for path in files_of(home)}
        if not sources:
            raise InputError(f"There is nothing to back up in {home}: name another data folder with --home.")
        contents = Contents(now, tuple(_entry(name, path) for name, path in sources.items()))
        _write(out, seal_stream(_plaintext(contents, sources), password, cost=cost))
    return contents


def _plaintext(contents: Contents, sources: Mapping[str, Path]) -> Iterator[bytes]:
    listed = write_list(contents)
    yield LENGTH.pack(len(listed)) + listed
    for entry in contents.files:
        yield from _pieces(sources[entry.path], entry.size)


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with own_disk(path), path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            left -= len(piece)
            yield piece
    if left:
        raise InputError(f"{path} changed while it was read: make the backup again.")


def _entry(name: str, path: Path) -> Entry:
    with own_disk(path):
        return Entry(name, path.stat().st_size)


def _write(out: Path, pieces: Iterator[bytes]) -> None:
    with own_disk(out):
        descriptor, temporary = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.absolute().parent)
    try:
        with own_disk(out), os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        _require_new(out)
        with own_disk(out):
            Path(temporary).replace(out)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(out.absolute().parent)


def _require_new(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise InputError(f"The file {out} is there already: choose another.")


@contextmanager
def _copied_journals(home: Path) -> Iterator[dict[Path, Path]]:
    """Give a whole copy of each journal by its path: a journal's newest part may be in a file beside it."""
    for left in home.glob(f"{_COPIES}*"):
        shutil.rmtree(left, ignore_errors=True)
    with own_disk(home):
        folder = Path(tempfile.mkdtemp(prefix=_COPIES, dir=home))
    try:
        journals = sorted(home.glob(f"work/*/{JOURNAL}"))
        copies = {path: folder / f"{number}.sqlite" for number, path in enumerate(journals)}
        for path, copy in copies.items():
            _copy_journal(path, copy)
        yield copies
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_journal(path: Path, copy: Path) -> None:
    try:
        copy.touch(mode=0o600)
        there = path.absolute().as_uri() + "?mode=rw"
        with closing(sqlite3.connect(there, uri=True)) as journal, closing(sqlite3.connect(copy)) as made:
            journal.backup(made)
            (sound,) = made.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"The journal {path} cannot be copied ({reason(error)}): restore it.") from error
    if sound != "ok":
        raise JournalError(f"The journal {path} is damaged ({reason(ValueError(sound))}): restore it.")
