"""What a researcher reads from the files is what the index has, and every record is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Engine, select
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import MOODS, played
from tests.unit.protocol.example_rounds import PARAMETERS
from tests.unit.protocol.ledger import Ledger

from pole.errors import DiskError
from pole.explore import schema
from pole.explore.export import parquet
from pole.explore.export.parquet import Written, write_tables
from pole.explore.index.following import EventDatabase
from pole.protocol.encoding.records import Payouts, decode_record
from pole.protocol.state import RecordKind


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return played(tuple(mood for mood in MOODS if mood not in ("open", "cancelled")))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, ledger: Ledger) -> Iterator[Engine]:
    with opened(tmp_path_factory.mktemp("parquet")) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(chain_of(ledger))
        yield engine


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> dict[str, Written]:
    found = write_tables(engine, tmp_path_factory.mktemp("tables") / "new")
    return {each.file.stem: each for each in found}


def rows_of(written: Written) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(written.file).to_pylist()
    assert len(rows) == written.rows
    return rows


def test_a_folder_that_cannot_be_made_is_told(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        write_tables(engine, tmp_path / "file" / "folder")


def test_there_is_a_file_for_every_table_and_every_kind_of_record(written: dict[str, Written]) -> None:
    assert set(schema.METADATA.tables) <= set(written)
    assert sum(name.startswith("record_") for name in written) == len(RecordKind)


def test_every_record_is_there_once(written: dict[str, Written], ledger: Ledger) -> None:
    places = [
        (row["height"], row["index"])
        for name, each in written.items()
        if name.startswith("record_")
        for row in rows_of(each)
    ]
    assert sorted(places) == [(record.height, record.index) for record in ledger.records]


def test_payouts_are_exact(written: dict[str, Written], ledger: Ledger) -> None:
    told = [each for record in ledger.records if isinstance(each := decode_record(record), Payouts)]
    rows = rows_of(written["record_payouts"])
    assert [row["round_id"] for row in rows] == [each.round_id for each in told]
    for row, each in zip(rows, told, strict=True):
        found = [(payout["payee"], payout["reason"], int(payout["amount"])) for payout in row["payouts"]]
        assert found == [(payout.payee, payout.reason.name, payout.amount) for payout in each.payouts]


def test_a_table_has_the_values_of_the_index(written: dict[str, Written], engine: Engine) -> None:
    with engine.connect() as connection:
        tasks = list(connection.execute(select(schema.tasks)))
    rows = rows_of(written["tasks"])
    assert [int(row["reward"]) for row in rows] == [task.reward for task in tasks]
    assert [row["transaction"] for row in rows] == ["0x" + task.transaction.hex() for task in tasks]
    assert json.loads(rows[0]["terms"])["reward"] == tasks[0].reward


def test_more_rows_than_are_held_at_a_time_are_all_written(
    engine: Engine, written: dict[str, Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH", 7)
    again = {each.file.stem: each for each in write_tables(engine, tmp_path)}
    assert rows_of(again["events"]) == rows_of(written["events"])
