"""How SQLite and PostgreSQL are opened, and what neither takes: amounts of wei, and text of any bytes."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, String, Text, TypeDecorator, create_engine, event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from pole.errors import InputError

DIGITS: Final = 30
"""Decimal digits of the largest amount: all the ether there is has 27 in wei."""


class Wei(TypeDecorator[int]):
    """An amount of wei, zero or more, as decimal digits that sort as the amounts do.

    No integer of SQLite's or PostgreSQL's holds ten ether in wei.
    """

    impl = String(DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Return the digits; raises ValueError for an amount that has more of them, or is negative."""
        if value is None:
            return None
        if not 0 <= value < 10**DIGITS:
            raise ValueError(f"{value} wei is no amount of ether")
        return f"{value:0{DIGITS}d}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        """Return the amount."""
        return None if value is None else int(value)


class Signed(TypeDecorator[int]):
    """An amount of wei of either sign, in decimal digits; it does not sort."""

    impl = String(DIGITS + 1)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Return the digits."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        """Return the amount."""
        return None if value is None else int(value)


class Words(TypeDecorator[str]):
    """Text of strangers, as `storable` has it; what is compared with it goes the same way."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text that is stored."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    r"""Return text that every database and file takes.

    Contracts hold strings to nothing: bytes that are no UTF-8, which are kept as in names of files, and zeros
    become escapes, such as \xff.
    """
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return plain.replace("\0", r"\x00")


def sqlite_dsn(file: Path) -> str:
    """Return the DSN of a database file."""
    return f"sqlite:///{file}"


def open_database(dsn: str) -> Engine:
    """Return the engine of a database, which is first connected to when it is used.

    A transaction sees one state from its first question on. A write that follows from a state which another
    has changed since raises OperationalError.

    Raises InputError where the DSN is none, or its driver is not installed.
    """
    try:
        is_postgres = make_url(dsn).get_backend_name() == "postgresql"
        engine = create_engine(dsn, **({"isolation_level": "REPEATABLE READ"} if is_postgres else {}))
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(
            "--database is no DSN of SQLite or PostgreSQL: give one like sqlite:///pole.sqlite or "
            "postgresql+psycopg://user@host/name."
        ) from error
    except ImportError as error:
        raise InputError(
            "The driver of --database is not installed: PostgreSQL's comes with the extra 'postgres' of pole."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Let readers go on while the index writes; what a crash of the machine loses is read again."""
    # Python's driver would begin a transaction with its first write: what is read before is of other states.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
