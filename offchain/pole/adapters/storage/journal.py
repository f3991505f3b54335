"""What a wallet must not forget, in one SQLite file: salts, votes, and the transactions it signed.

Every call is one SQLite transaction, on disk when it returns (write-ahead log, `synchronous=FULL`), so a
process that is killed at any instruction finds all it was told it had kept. Several threads and processes
may share the file.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pole.adapters.storage.file_lock import file_lock
from pole.errors import InputError, JournalError
from pole.quoting import quoted, reason

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE transactions (id INTEGER PRIMARY KEY, intent TEXT NOT NULL, nonce INTEGER NOT NULL, hash "
    "TEXT NOT NULL UNIQUE, raw BLOB NOT NULL, max_fee INTEGER NOT NULL, tip INTEGER NOT NULL, state TEXT "
    "NOT NULL)",
    "CREATE INDEX transactions_by_intent ON transactions (intent)",
    f"PRAGMA user_version = {_VERSION}",
)
_COLUMNS = "intent, nonce, hash, raw, max_fee, tip, state"
# Signatures are deterministic: a call that was lost and is signed again under its old nonce has its old hash.
_ADD_SEND = (
    f"INSERT INTO transactions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 (a constant)
    "ON CONFLICT (hash) DO UPDATE SET intent = excluded.intent, state = excluded.state"
)


class SendState(Enum):
    """What became of a signed transaction.

    It may still be mined, it was and did its work, it was and reverted, or it never can be.
    """

    PENDING = "pending"
    DONE = "done"
    REVERTED = "reverted"
    LOST = "lost"


_STATES = frozenset(state.value for state in SendState)
_MINED = SendState.DONE.value, SendState.REVERTED.value


@dataclass(frozen=True, slots=True)
class SignedSend:
    """A transaction as it was signed: what it was for, its nonce, hash, bytes, and fees in wei per gas."""

    intent: str
    nonce: int
    hash: str
    raw: bytes
    max_fee: int
    tip: int
    state: SendState


class SqliteJournal:
    """The journal of one wallet on one deployment; fulfils `roles.ports.Journal`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.Lock()
        # SQLite does not wait when two processes turn on the write-ahead log at once: one of them would fail.
        with file_lock(path.with_name(f"{path.name}.lock")):
            self._connection = self._open()
            self._prepare()
        self._newest_before = self._newest()

    def close(self) -> None:
        """Close the file; what was kept is kept."""
        self._connection.close()

    def secret(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return the bytes kept under `key`, made and kept first when there are none."""
        with self._writing() as connection:
            kept = _value(connection, key)
            if kept is not None:
                return kept
            made = make()
            connection.execute("INSERT INTO entries VALUES (?, ?)", (key, made))
            return made

    def get(self, key: str) -> bytes | None:
        """Return the bytes kept under `key`."""
        with self._mutex, self._usable():
            return _value(self._connection, key)

    def put(self, key: str, value: bytes) -> None:
        """Keep `value` under `key`, replacing what was there."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", (key, value))

    def add_send(self, send: SignedSend) -> None:
        """Keep a signed transaction, before it is broadcast."""
        row = (send.intent, send.nonce, send.hash, send.raw, send.max_fee, send.tip, send.state.value)
        with self._writing() as connection:
            connection.execute(_ADD_SEND, row)

    def mark_send(self, transaction: str, state: SendState) -> None:
        """Note what became of the transaction of that hash."""
        with self._writing() as connection:
            connection.execute("UPDATE transactions SET state = ? WHERE hash = ?", (state.value, transaction))

    def sends_of(self, intent: str) -> tuple[SignedSend, ...]:
        """Return what was signed for an intent, oldest first."""
        return self._sends("WHERE intent = ?", intent)

    def pending_sends(self) -> tuple[SignedSend, ...]:
        """Return what may still be mined, by nonce and then by age."""
        return self._sends("WHERE state = ?", SendState.PENDING.value)

    def nonces_used(self) -> int:
        """Return how many nonces are used by the last transaction that was seen mined."""
        return int(
            self._one("SELECT coalesce(max(nonce), -1) + 1 FROM transactions WHERE state IN (?, ?)", *_MINED)
        )

    def is_mined(self, nonce: int) -> bool:
        """Return whether a transaction of that nonce was seen mined."""
        query = "SELECT count(*) FROM transactions WHERE state IN (?, ?) AND nonce = ?"
        return bool(self._one(query, *_MINED, nonce))

    def sends_made(self) -> tuple[SignedSend, ...]:
        """Return what was signed since this journal was opened here."""
        return self._sends("WHERE id > ?", self._newest_before)

    def next_intent(self, action: str) -> str:
        """Return the intent for doing `action` once more because somebody asks for it.

        The one in flight if there is one, otherwise a new one; never that of a worker, whose intents are an
        action and a round.
        """
        asked = f"{action}/asked/"
        query = "SELECT count(*) FROM transactions WHERE state = ? AND substr(intent, 1, ?) = ?"
        return f"{asked}{self._one(query, SendState.DONE.value, len(asked), asked)}"

    def _newest(self) -> int:
        return int(self._one("SELECT coalesce(max(id), 0) FROM transactions"))

    def _one(self, query: str, *arguments: str | int) -> Any:
        """Return the value that a query has for an answer."""
        with self._mutex, self._usable():
            return self._connection.execute(query, arguments).fetchone()[0]

    def _sends(self, condition: str, argument: str | int) -> tuple[SignedSend, ...]:
        query = f"SELECT {_COLUMNS} FROM transactions {condition} ORDER BY nonce, id"  # noqa: S608 (constants)
        with self._mutex, self._usable():
            return tuple(map(_send, self._connection.execute(query, (argument,)).fetchall()))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, self._usable():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        with self._usable():
            # SQLite gives the files beside it the mode of this one, which a restored copy may have lost.
            self.path.touch(mode=0o600)
            self.path.chmod(0o600)
            # Transactions are written out below; sqlite3's own implicit ones would hide where they end.
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise JournalError(
                f"The journal {self.path} cannot be used ({reason(error)}): make room on the disk, "
                "restore the file, or use another --home."
            ) from error

    def _prepare(self) -> None:
        with self._writing() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA:
                    connection.execute(statement)
            elif version != _VERSION:
                raise InputError(
                    f"The journal {self.path} was written by a newer pole (format {version}): update pole."
                )


def _value(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
    if row is not None and not isinstance(row[0], bytes):
        raise sqlite3.DataError(f"the value of {quoted(key)} is damaged")
    return None if row is None else row[0]


def _send(row: tuple[str, int, str, bytes, int, int, str]) -> SignedSend:
    intent, nonce, transaction, raw, max_fee, tip, state = row
    if state not in _STATES:
        raise sqlite3.DataError(f"transaction {quoted(transaction)} is damaged")
    return SignedSend(intent, nonce, transaction, raw, max_fee, tip, SendState(state))
