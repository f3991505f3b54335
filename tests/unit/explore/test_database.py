"""A transaction sees one state of the index, and changes no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, insert, select
from sqlalchemy.exc import OperationalError
from tests.unit.explore.databases import opened

from pole.explore.schema import METADATA, blocks

COUNT = select(func.count()).select_from(blocks)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with opened(tmp_path) as engine:
        METADATA.create_all(engine)
        yield engine


def add_block(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(insert(blocks).values(number=number, hash=bytes(32), time=number))


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(engine: Engine) -> None:
    add_block(engine, 1)
    with engine.connect() as reader:
        assert reader.scalar(COUNT) == 1
        add_block(engine, 2)
        assert reader.scalar(COUNT) == 1
    with engine.connect() as reader:
        assert reader.scalar(COUNT) == 2


def test_a_write_that_follows_from_what_has_changed_is_refused(engine: Engine) -> None:
    add_block(engine, 1)
    with engine.connect() as late, engine.connect() as early:
        assert late.scalar(COUNT) == early.scalar(COUNT) == 1
        early.execute(delete(blocks))
        early.commit()
        with pytest.raises(OperationalError):
            late.execute(insert(blocks).values(number=2, hash=bytes(32), time=2))
    with engine.connect() as reader:
        assert reader.scalar(COUNT) == 0
