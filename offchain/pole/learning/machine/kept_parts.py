"""Parts of long work, kept until all of it is done: a kill costs a part, and not the whole.

A part is named by a digest of everything that it is made of, so that other rows, options or programs find
nothing to go on from, and nobody has to compare them.
"""

import hashlib
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pole.errors import DiskError, InputError, PoleError

Part = NDArray[Any]

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS parts (name BLOB PRIMARY KEY, digest BLOB NOT NULL, content BLOB NOT NULL) "
    "WITHOUT ROWID"
)
_OTHERS: Final = "SELECT 1 FROM sqlite_master WHERE tbl_name <> 'parts'"
_BEGINNING: Final = b"SQLite format 3\0"


class Parts:
    """Keeps nothing: each part is made anew."""

    def part(self, name: bytes, make: Callable[[], Part]) -> Part:
        """Return the part that is kept under a name, or else what `make` returns."""
        return make()


class KeptParts(Parts):
    """Keeps parts in a SQLite file, for its owner alone; those that were damaged are made anew.

    One process has the file at a time. Raises InputError where another has it, or where it is a file of
    something else, which is left as it is, and DiskError where it cannot be written; so does each use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._execute("SELECT 1")

    def part(self, name: bytes, make: Callable[[], Part]) -> Part:
        """Return the part that is kept under a name, or else keep what `make` returns."""
        found = self._execute("SELECT digest, content FROM parts WHERE name = ?", name)
        if found is not None and _digest(found[1]) == found[0]:
            kept: Part = np.load(io.BytesIO(found[1]), allow_pickle=False)
            return kept
        made = make()
        content = io.BytesIO()
        np.save(content, made, allow_pickle=False)
        values = name, _digest(content.getvalue()), content.getvalue()
        self._execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", *values)
        return made

    def is_empty(self) -> bool:
        """Return whether no part is kept."""
        return self._execute("SELECT 1 FROM parts") is None

    def close(self) -> None:
        """Close the file; parts that were kept are kept."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def delete(self) -> None:
        """Close the file and delete it."""
        # Before it is closed: it could be another's a moment later.
        self.path.unlink(missing_ok=True)
        self.close()
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)

    def _execute(self, statement: str, *values: bytes) -> tuple[Any, ...] | None:
        """Return the first row that a statement gives; in place of a damaged file there is an empty one."""
        try:
            try:
                return self._row(statement, values)
            except (sqlite3.OperationalError, OSError):
                raise
            except sqlite3.DatabaseError:
                self.delete()
                return self._row(statement, values)
        except (sqlite3.Error, OSError) as error:
            raise self._told(error) from error

    def _row(self, statement: str, values: tuple[bytes, ...]) -> tuple[Any, ...] | None:
        if self._connection is None:
            _require_database(self.path)
            self._connection = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            if self._connection.execute(_OTHERS).fetchone() is not None:
                self.close()
                raise _another(self.path)
            self._connection.execute(_SCHEMA)
            # It is a writer that others are kept out by.
            self._connection.execute("PRAGMA user_version = 1")
        found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found

    def _told(self, error: OSError | sqlite3.Error) -> PoleError:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
            return InputError(
                f"Another command is at work with {self.path}; wait for it, or name another file to write."
            )
        return DiskError(
            f"{self.path} cannot be written ({getattr(error, 'strerror', None) or error}): make room on this "
            "machine's disk, or check who owns the folder."
        )


@contextmanager
def keeping_parts(path: Path) -> Iterator[KeptParts]:
    """Yield parts that are kept in a file until the work within is done; it is deleted then.

    Raises InputError where another command has the file, or it is one of something else, and DiskError where
    it cannot be written.
    """
    with closing(KeptParts(path)) as parts:
        try:
            yield parts
        except BaseException:
            if parts.is_empty():
                parts.delete()
            raise
        parts.delete()


def name_of(*parts: bytes) -> bytes:
    """Return the digest under which a part is kept that is made of these."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _require_database(path: Path) -> None:
    """Make an empty file where there is none; raises InputError where one does not begin as a database."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        beginning = os.pread(number, len(_BEGINNING), 0)
    finally:
        os.close(number)
    if not _BEGINNING.startswith(beginning):
        raise _another(path)


def _another(path: Path) -> InputError:
    return InputError(f"{path} is no file of kept parts; move it, or name another file to write.")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
