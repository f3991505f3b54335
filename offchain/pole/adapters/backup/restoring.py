"""Restoring a backup into a data folder that is empty or not there yet, as a whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from pole.adapters.backup.contents import LENGTH, MAX_LIST_BYTES, Contents, Entry, read_list
from pole.adapters.backup.stream import open_stream
from pole.adapters.storage.private_file import private_folder, sync_folder
from pole.errors import DiskError, InputError, IntegrityError
from pole.quoting import listed
from pole.roles.support.files import make_private_folder, open_private, own_disk

Keep = Callable[[Entry, Iterator[bytes]], None]
"""What is done with a file of a backup: it has to read all pieces."""

_EXHAUSTED: Final = b""


def restore_backup(home: Path, backup: Path, password: str) -> Contents:
    """Make the data folder `home` of a backup; return what was in it.

    The whole backup is checked before anything is written. Files are their owner's alone. Raises InputError
    where `home` holds anything or the backup cannot be read; IntegrityError for another password and for a
    file that is no backup, was changed, cut short, or names what no backup has; DiskError.
    """
    home = home.resolve()
    _require_empty(home)
    with _opened(backup) as sealed:
        read_backup(sealed, password, lambda _, pieces: _skip(pieces))
        sealed.seek(0)
        private_folder(home.parent)
        with own_disk(home):
            made = Path(tempfile.mkdtemp(prefix=f".{home.name}.restore-", dir=home.parent))
        try:
            contents = read_backup(sealed, password, lambda entry, pieces: _write(made / entry.path, pieces))
            _sync_all(made)
            _put_in_place(made, home)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return contents


def read_backup(sealed: BinaryIO, password: str, keep: Keep) -> Contents:
    """Read a backup from its start to its end, and give each file to `keep`; return what is in it.

    Raises IntegrityError for another password, and for what is no backup as one was made.
    """
    plaintext = _Plaintext(open_stream(sealed, password))
    (length,) = LENGTH.unpack(plaintext.exactly(LENGTH.size))
    if length > MAX_LIST_BYTES:
        raise IntegrityError("The list of the backup's files is malformed: use another copy.")
    contents = read_list(plaintext.exactly(length))
    for entry in contents.files:
        keep(entry, plaintext.pieces(entry.size))
    plaintext.require_end()
    return contents


class _Plaintext:
    """The bytes of a stream, taken from its start on."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes; raises IntegrityError where the stream ends before."""
        left = size
        while left:
            if not self._waiting:
                self._waiting = next(self._pieces, _EXHAUSTED)
            if not self._waiting:
                raise IntegrityError("The backup has fewer bytes than it says: use another copy.")
            taken, self._waiting = self._waiting[:left], self._waiting[left:]
            left -= len(taken)
            yield taken

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return b"".join(self.pieces(size))

    def require_end(self) -> None:
        """Raise IntegrityError where the stream goes on."""
        if self._waiting or next(self._pieces, _EXHAUSTED):
            raise IntegrityError("The backup has more bytes than it says: use another copy.")


def _require_empty(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise InputError(f"{home} is no folder: name another data folder with --home.")
    there = sorted(path.name for path in home.iterdir()) if home.is_dir() else []
    if there:
        raise InputError(
            f"The data folder {home} is not empty, it holds {listed(there)}: move these away, or name "
            "another folder with --home."
        )


def _opened(backup: Path) -> BinaryIO:
    try:
        return backup.open("rb")
    except OSError as error:
        raise InputError(f"The backup {backup} cannot be read: {error.strerror}.") from error


def _skip(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with own_disk(path):
        make_private_folder(path.parent)
        with open_private(path) as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())


def _sync_all(folder: Path) -> None:
    for name, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(name))


def _put_in_place(made: Path, home: Path) -> None:
    # Over an empty folder this is one step of the system, and over any other it fails.
    try:
        made.replace(home)
    except OSError as error:
        if home.is_dir() and any(home.iterdir()):
            _require_empty(home)
        raise DiskError(
            f"The data folder {home} cannot be put in place ({error.strerror}): name a folder that is not a "
            "mount point with --home, such as one inside of it."
        ) from error
    sync_folder(home.parent)
