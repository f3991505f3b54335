"""Sums that are kept in tables: terms are added to them, and taken out again as terms of the other sign."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select, tuple_

CHUNK: Final = 400
"""Keys of a statement: SQLite bounds the variables of one."""

Terms = Mapping[Any, tuple[int, ...]]
"""What is added to the columns of a table that are no key of it, by the values of its key, in their order."""


def chunks(keys: Sequence[Any]) -> list[Sequence[Any]]:
    """Return keys in parts that a statement can take."""
    return [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]


def negative(terms: Terms) -> Terms:
    """Return the terms that take others out."""
    return {key: tuple(-each for each in term) for key, term in terms.items()}


def add_terms(connection: Connection, table: Table, terms: Terms) -> None:
    """Add terms to the rows of a table of sums; a row whose sums are all zero goes."""
    keys, sums = table.primary_key.columns, [each for each in table.columns if not each.primary_key]
    changed = [key for key, term in terms.items() if any(term)]
    before: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for chunk in chunks(changed):
        condition = tuple_(*keys).in_(chunk)
        for row in connection.execute(select(*keys, *sums).where(condition)):
            before[tuple(row[: len(keys)])] = tuple(row[len(keys) :])
        connection.execute(delete(table).where(condition))
    names = [column.name for column in (*keys, *sums)]
    rows = []
    for key in changed:
        after = tuple(map(sum, zip(before.get(key, (0,) * len(sums)), terms[key], strict=True)))
        if any(after):
            rows.append(dict(zip(names, (*key, *after), strict=True)))
    if rows:
        connection.execute(insert(table), rows)
