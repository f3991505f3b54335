"""The index says what the protocol says of the same chain, whatever way it came to it."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import OperationalError
from tests.unit.explore.chains import FIRST, Chain, chain_of, happenings_of, receipt_of, where
from tests.unit.explore.databases import dump, opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import MOODS, played
from tests.unit.explore.replayed import check_parity
from tests.unit.protocol.example_rounds import MINERS, PARAMETERS
from tests.unit.protocol.ledger import CHAIN, COMMITTEE, HONEST, Ledger

from pole.adapters.history.pages import MAX_PAGE, BlockMark, ChainEvent
from pole.errors import AbandonedError, DiskError, InputError, UnreachableError
from pole.explore import schema
from pole.explore.database import open_database, sqlite_dsn
from pole.explore.index.following import MARKS, REREAD, EventDatabase
from pole.explore.index.keeping import Keeper
from pole.explore.index.money import GAS, GAS_PAID
from pole.explore.index.stored import events_where, record_of, rows_of, subjects
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import RecordData

histories = st.lists(st.sampled_from(MOODS[:8]), min_size=1, max_size=2).map(tuple)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with opened(tmp_path) as engine:
        yield engine


def index_of(engine: Engine) -> EventDatabase:
    return EventDatabase(engine, where(PARAMETERS))


def fresh(chain: Chain, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what an index has that reads a chain from its beginning."""
    with opened(folder) as engine:
        index_of(engine).catch_up(chain)
        return dump(engine)


def test_a_database_of_another_deployment_is_refused(engine: Engine) -> None:
    index_of(engine)
    with pytest.raises(InputError, match="another deployment"):
        EventDatabase(engine, replace(where(PARAMETERS), chain_id=1))


def test_a_database_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(DiskError, match="cannot be used"):
        index_of(open_database(sqlite_dsn(tmp_path / "index.sqlite")))


@pytest.mark.parametrize("mood", MOODS)
def test_a_round_is_what_the_replay_says(mood: str, engine: Engine) -> None:
    ledger = played((mood,))
    index_of(engine).catch_up(chain_of(ledger))
    check_parity(engine, ledger.history())


def test_a_round_that_goes_on_is_what_the_replay_says_at_every_step(engine: Engine) -> None:
    ledger = Ledger()
    index, chain = index_of(engine), chain_of(ledger)
    ledger.post()
    round_id = ledger.run_to_reveal()
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id))
    everything, records = happenings_of(ledger.history()), list(ledger.records)
    for step in range(1, len(records) + 1):
        chain.happenings = everything[: step + 1]
        index.catch_up(chain)
        ledger.records = records[:step]
        if step > 1:
            with engine.connect() as connection:
                assert connection.execute(select(schema.rounds.c.fault)).scalar_one() is None
    check_parity(engine, ledger.history())


@settings(max_examples=10, deadline=None)
@given(kept=histories, lost=histories, gained=histories, data=st.data())
def test_a_reorganised_chain_leaves_what_reading_it_anew_would(
    kept: tuple[str, ...], lost: tuple[str, ...], gained: tuple[str, ...], data: st.DataObject
) -> None:
    before, after = played((*kept, *lost)), played((*kept, *gained))
    shared = len(happenings_of(played(kept).history()))
    start = FIRST + data.draw(st.integers(1, shared), label="fork")
    chain = chain_of(before)
    chain.unreceipted = data.draw(st.sets(st.integers(FIRST, FIRST + 60)), label="without receipts")
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as engine:
        stop = data.draw(st.integers(1, len(chain.happenings)), label="stop")
        whole, chain.happenings = chain.happenings, chain.happenings[:stop]
        index = index_of(engine)
        index.catch_up(chain)
        chain.happenings = whole
        index_of(engine).catch_up(chain)
        check_parity(engine, before.history())
        new = happenings_of(after.history())
        chain.reorganise(start, new[start - FIRST :], b"other")
        index.catch_up(chain)
        check_parity(engine, after.history())
        other = Path(folder) / "other"
        other.mkdir()
        assert dump(engine) == fresh(chain, other)


def test_two_who_see_one_reorganisation_take_it_back_once(engine: Engine, tmp_path: Path) -> None:
    chain = chain_of(played(("block", "false")))
    index = index_of(engine)
    index.catch_up(chain)
    start = chain.head().number - 3
    with engine.connect() as late:
        late.execute(select(schema.events))
        chain.reorganise(start, chain.happenings[-2:], b"other")
        index.catch_up(chain)
        with pytest.raises(OperationalError):
            Keeper(where(PARAMETERS)).remove_from(late, start)
    index_of(engine).catch_up(chain)
    (tmp_path / "fresh").mkdir()
    assert dump(engine) == fresh(chain, tmp_path / "fresh")


def test_a_chain_that_was_made_wholly_anew_is_read_anew(engine: Engine, tmp_path: Path) -> None:
    chain = chain_of(played(("block", "false")))
    index = index_of(engine)
    index.catch_up(chain)
    chain.reorganise(FIRST, happenings_of(played(("silent",)).history()), b"anew")
    index.catch_up(chain)
    assert dump(engine) == fresh(chain, tmp_path)


def test_an_event_that_a_lagging_node_left_out_is_read_with_the_blocks_after_it(
    engine: Engine, tmp_path: Path
) -> None:
    chain = chain_of(played(("block",)))
    whole = chain.happenings
    chain.happenings, chain.hidden = whole[:12], {FIRST + 10, FIRST + 11}
    index = index_of(engine)
    index.catch_up(chain)
    chain.happenings, chain.hidden = whole, set()
    index.catch_up(chain)
    assert dump(engine)["rounds"] == fresh(chain, tmp_path)["rounds"]
    assert chain.asked[1][0] == FIRST + 12 - REREAD


def costs(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(schema.transactions).order_by(schema.transactions.c.block)))


def test_every_transaction_with_events_has_what_its_receipt_says(engine: Engine) -> None:
    chain = chain_of(played(("block", "leaked")))
    chain.unreceipted = {FIRST + 3, FIRST + 7}
    index_of(engine).catch_up(chain)
    rows = costs(engine)
    events = chain.page(FIRST, chain.head().number).events
    assert [row.transaction for row in rows] == list(dict.fromkeys(event.transaction for event in events))
    for row in rows:
        receipt = receipt_of(row.transaction)
        known = (receipt.sender, receipt.gas, receipt.price, receipt.gas * receipt.price)
        unknown = (None,) * 4
        assert tuple(row)[2:] == (unknown if row.block in chain.unreceipted else known)


def test_days_and_accounts_have_the_sums_of_what_is_known_of_gas(engine: Engine) -> None:
    chain = chain_of(played(("block", "silent", "false")))
    chain.unreceipted = {chain.head().number - 1}
    index_of(engine).catch_up(chain)
    rows = costs(engine)
    with engine.connect() as connection:
        days = list(connection.execute(select(schema.network_days)))
        totals = list(connection.execute(select(schema.account_totals)))
    used = [row for row in days if row.kind == GAS]
    paid = [row for row in days if row.kind == GAS_PAID]
    assert sum(row.amount for row in used) == sum(row.gas or 0 for row in rows)
    assert sum(row.times for row in used) == len(rows)
    assert sum(row.amount for row in paid) == sum(row.paid or 0 for row in rows)
    assert sum(row.times for row in paid) == len(rows) - 1
    by_sender = {row.address: (row.amount, row.times) for row in totals if row.kind == GAS_PAID}
    assert by_sender == {row.sender: (row.paid, 1) for row in rows if row.sender}


def test_a_receipt_that_a_lagging_node_left_out_is_read_with_the_blocks_after_it(
    engine: Engine, tmp_path: Path
) -> None:
    chain = chain_of(played(("block",)))
    whole = chain.happenings
    chain.happenings, chain.unreceipted = whole[:12], {FIRST + 10, FIRST + 11}
    index = index_of(engine)
    index.catch_up(chain)
    chain.happenings, chain.unreceipted = whole, set()
    index.catch_up(chain)
    assert all(row.sender for row in costs(engine))
    assert dump(engine) == fresh(chain, tmp_path)


def test_a_receipt_that_is_known_stays_when_a_node_no_longer_gives_it(engine: Engine, tmp_path: Path) -> None:
    chain = chain_of(played(("block",)))
    whole, chain.happenings = chain.happenings, chain.happenings[:-1]
    index = index_of(engine)
    index.catch_up(chain)
    chain.happenings, chain.unreceipted = whole, set(range(FIRST, chain.head().number + 1))
    index.catch_up(chain)
    chain.unreceipted = set()
    assert dump(engine) == fresh(chain, tmp_path)


def test_a_node_that_goes_away_costs_nothing_that_was_read(engine: Engine) -> None:
    chain = chain_of(played(("block",)))
    index = index_of(engine)
    index.catch_up(chain)
    before, chain.dead = dump(engine), True
    with pytest.raises(UnreachableError):
        index.catch_up(chain)
    assert dump(engine) == before


@pytest.mark.parametrize("length", [0, 1, 2, 9, -1])
def test_a_node_that_is_behind_costs_nothing_that_was_read(
    engine: Engine, tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(played(("block",)))
    index, whole = index_of(engine), chain.happenings
    index.catch_up(chain)
    before = dump(engine)
    with monkeypatch.context() as lagging:
        chain.happenings = whole[:length]
        if not chain.happenings:
            lagging.setattr(chain, "head", lambda: BlockMark(FIRST - 1, bytes(32), 1))
        with pytest.raises(UnreachableError, match=r"is behind: its newest block is \d+.*--rpc"):
            index.catch_up(chain)
    assert dump(engine) == before
    chain.happenings = [*whole, type(whole[0])(5_000, ())]
    assert index.catch_up(chain) == chain.head()


def test_a_node_that_has_no_block_of_ours_yet_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(played(()))
    monkeypatch.setattr(chain, "head", lambda: BlockMark(FIRST - 1, bytes(32), 1))
    with pytest.raises(UnreachableError, match="is behind"):
        index_of(engine).catch_up(chain)
    assert chain.asked == []


def test_a_chain_that_is_shorter_than_what_was_read_is_read(engine: Engine, tmp_path: Path) -> None:
    chain = chain_of(played(("block",)))
    index = index_of(engine)
    index.catch_up(chain)
    chain.reorganise(FIRST + 3, chain.happenings[3:6], b"short")
    index.catch_up(chain)
    assert dump(engine) == fresh(chain, tmp_path)


def test_blocks_without_events_are_forgotten_when_they_are_old(engine: Engine) -> None:
    chain = chain_of(played(("block",)))
    index, quiet = index_of(engine), type(chain.happenings[0])(5_000, ())
    for _ in range(3):
        chain.happenings += [quiet] * MARKS
        index.catch_up(chain)
    with engine.connect() as connection:
        numbers = list(connection.scalars(select(schema.blocks.c.number)))
        known = set(connection.scalars(select(schema.events.c.block)))
    assert known <= set(numbers)
    assert len(set(numbers) - known) <= 2


@pytest.mark.parametrize("task_id", [2**63 - 1, 2**63, 2**256 - 1])
def test_partial_keys_of_any_number_of_a_task_are_read(engine: Engine, task_id: int) -> None:
    chain = chain_of(played(("block",)))
    told = {"taskId": task_id, "holder": MINERS[0], "keysCid": "bafykeys", "keysDigest": b"\x01" * 32}
    last = chain.happenings[-1]
    strange = type(last)(last.time, (("TaskList", "PartialKeysAnnounced", told),))
    chain.happenings += [strange, type(last)(last.time + 12, ())]
    assert index_of(engine).catch_up(chain) == chain.head()
    kept = task_id if task_id < 2**63 else None
    with engine.connect() as connection:
        (event,) = events_where(connection, schema.events.c.name == "PartialKeysAnnounced")
        act = connection.execute(select(schema.acts).where(schema.acts.c.who == MINERS[0])).all()[-1]
    assert event.arguments["taskId"] == task_id
    assert (act.kind, act.task_id) == ("PartialKeysAnnounced", kept)


def every_event() -> list[tuple[ChainEvent, RecordData | None]]:
    """Return what rounds of every mood emit, money included, and what only strangers do."""
    sources = (chain_of(played(MOODS)), GeneratedChain(12))
    read = (each.page(FIRST, each.head().number).events for each in sources)
    keys = {"taskId": 1, "holder": MINERS[0], "keysCid": "bafykeys", "keysDigest": b"\x01" * 32}
    strange = ChainEvent(FIRST, 0, bytes(32), "TaskList", "PartialKeysAnnounced", keys)
    return [(each, record_of(each)) for each in (strange, *(event for page in read for event in page))]


def numbered(value: Any, number: int) -> Any:
    """Return arguments, or a record, with each of their numbers but a kind made this one."""
    if isinstance(value, Mapping):
        return {name: each if name == "kind" else numbered(each, number) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **numbered({each.name: getattr(value, each.name) for each in fields(value)}, number)
        )
    return number if type(value) is int else value


@pytest.mark.parametrize("number", [-1, 2**63, 2**256 - 1])
def test_no_number_of_an_event_is_too_large_for_the_tables(engine: Engine, number: int) -> None:
    index_of(engine)
    strange = [
        (replace(event, arguments=numbered(event.arguments, number)), numbered(record, number))
        for event, record in every_event()
    ]
    assert len({event.name for event, _ in strange}) > 12
    found = [kept for each in strange for kept in subjects(*each) if kept is not None]
    assert all(0 <= each < 2**63 for each in found)
    rows = rows_of(strange, CHAIN, COMMITTEE)
    for place, row in enumerate(rows):
        row["log_index"] = place
    with engine.begin() as connection:
        connection.execute(insert(schema.events), rows)


def test_a_reading_that_is_stopped_ends_after_a_page_and_is_gone_on_with_later(
    engine: Engine, tmp_path: Path
) -> None:
    chain, index = chain_of(played(("block",))), index_of(engine)
    chain.happenings += [type(chain.happenings[0])(5_000, ())] * MAX_PAGE
    index.stop()
    with pytest.raises(AbandonedError, match="what was read is kept"):
        index.catch_up(chain)
    newest = index.newest()
    assert newest is not None
    assert newest.number < chain.head().number
    index_of(engine).catch_up(chain)
    (tmp_path / "fresh").mkdir()
    assert dump(engine) == fresh(chain, tmp_path / "fresh")
