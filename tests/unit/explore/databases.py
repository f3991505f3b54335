"""Databases of tests, and all that is in one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from pole.explore.database import open_database, sqlite_dsn
from pole.explore.schema import METADATA, blocks


@contextmanager
def opened(folder: Path) -> Iterator[Engine]:
    """Open a database file in a folder, a new one each time."""
    names = (folder / f"index-{number}.sqlite" for number in range(1_000))
    engine = open_database(sqlite_dsn(next(file for file in names if not file.exists())))
    try:
        yield engine
    finally:
        engine.dispose()


def dump(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table, sorted; of blocks without an event which are kept is left open."""
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for name, table in METADATA.tables.items()
            if table is not blocks
        }
