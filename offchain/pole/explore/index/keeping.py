"""Pages of events put into the tables and taken out again; what follows from them is made anew."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select

from pole.adapters.history.pages import ChainEvent, EventPage
from pole.explore import schema
from pole.explore.index.money import balance_changes, day_changes, network_changes, total_changes
from pole.explore.index.rounds import Where, opening_of
from pole.explore.index.rows.acts import act_of
from pole.explore.index.rows.blocks import block_row, ommer_rows
from pole.explore.index.rows.rounds import round_rows
from pole.explore.index.rows.tasks import task_of, task_row
from pole.explore.index.rows.transactions import Row, gas_changes, gas_days, transaction_rows
from pole.explore.index.standings import ended_days, miner_terms, verifier_terms
from pole.explore.index.stored import RESERVOIR, event_of, events_where, record_of, rows_of
from pole.explore.index.summing import Terms, add_terms, chunks, negative
from pole.protocol.encoding.records import RecordData
from pole.protocol.idle.task import IDLE_TASK_ID, idle_task
from pole.protocol.state import PostedTask

_OF_ROUND: Final = (schema.rounds, schema.solutions, schema.ballots, schema.seats, schema.payouts)

Happened = Sequence[tuple[ChainEvent, RecordData | None]]


class Keeper:
    """Writes what follows from events; every function works inside the caller's transaction."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._idle = idle_task(where.parameters)

    def add(self, connection: Connection, page: EventPage) -> None:
        """Add the events of a page that are not there yet, and its marks."""
        _insert(connection, schema.blocks, _new_marks(connection, page))
        events = _new_events(connection, page.events)
        happened = [(event, record_of(event)) for event in events]
        times = {mark.number: mark.time for mark in page.marks}
        _add_transactions(connection, transaction_rows(page), times)
        rows = self._rows(happened)
        _insert(connection, schema.events, rows)
        acts = (act_of(event, record, times[event.block]) for event, record in happened)
        _insert(connection, schema.acts, [act for act in acts if act is not None])
        appended = [event for event in events if event.name == "BlockAppended"]
        _insert(connection, schema.pole_blocks, [block_row(event) for event in appended])
        _insert(connection, schema.ommers, [row for event in appended for row in ommer_rows(event)])
        _add_money(connection, happened, times, lambda terms: terms, self._where)
        self._derive(connection, rows)

    def remove_from(self, connection: Connection, first: int) -> None:
        """Remove everything of the Ethereum blocks from `first` on."""
        gone = events_where(connection, schema.events.c.block >= first)
        happened = [(event, record_of(event)) for event in gone]
        times = _times(connection, {event.block for event in gone})
        _add_money(connection, happened, times, negative, self._where)
        lost = _transactions(connection, schema.transactions.c.block >= first)
        _add_gas(connection, lost, times, negative)
        for table in (schema.events, schema.transactions, schema.acts, schema.pole_blocks, schema.ommers):
            connection.execute(delete(table).where(table.c.block >= first))
        connection.execute(delete(schema.blocks).where(schema.blocks.c.number >= first))
        self._derive(connection, self._rows(happened))

    def _rows(self, happened: Happened) -> list[dict[str, Any]]:
        return rows_of(happened, self._where.chain_address, self._where.committee_address)

    def _derive(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Make the rows of the tasks and rounds anew that events are of."""
        tasks = {row["task_id"] for row in rows} - {None, IDLE_TASK_ID}
        rounds = {row["round_id"] for row in rows} - {None}
        for chunk in chunks(sorted(tasks)):
            self._derive_tasks(connection, chunk)
            rounds |= _rounds_on(connection, chunk)
        for chunk in chunks(sorted(rounds)):
            self._derive_rounds(connection, chunk)

    def _derive_tasks(self, connection: Connection, task_ids: Sequence[int]) -> None:
        by_task = _grouped(connection, schema.events.c.task_id, task_ids)
        times = _times(connection, _blocks_of(by_task))
        connection.execute(delete(schema.tasks).where(schema.tasks.c.task_id.in_(task_ids)))
        rows = (task_row(events, times, self._where.parameters) for events in by_task.values())
        _insert(connection, schema.tasks, [row for row in rows if row is not None])

    def _derive_rounds(self, connection: Connection, round_ids: Sequence[int]) -> None:
        by_round = _grouped(connection, schema.events.c.round_id, round_ids)
        times = _times(connection, _blocks_of(by_round))
        _stand(connection, _ended(connection, round_ids), negative)
        for table in _OF_ROUND:
            connection.execute(delete(table).where(table.c.round_id.in_(round_ids)))
        tasks = self._tasks(connection, by_round.values())
        made: dict[str, list[Mapping[str, Any]]] = {table.name: [] for table in _OF_ROUND}
        for events in by_round.values():
            opened = opening_of(events)
            task = None if opened is None else tasks.get(opened[0].task_id)
            if task is not None:
                for name, rows in round_rows(events, times, task, self._where).items():
                    made[name].extend(rows)
        for table in _OF_ROUND:
            _insert(connection, table, made[table.name])
        _stand(connection, made, lambda terms: terms)

    def _tasks(
        self, connection: Connection, rounds: Iterable[Sequence[ChainEvent]]
    ) -> Mapping[int, PostedTask]:
        openings = (opening_of(events) for events in rounds)
        wanted = {opened[0].task_id for opened in openings if opened is not None}
        found = connection.execute(select(schema.tasks).where(schema.tasks.c.task_id.in_(wanted)))
        return {IDLE_TASK_ID: self._idle, **{row.task_id: task_of(row) for row in found}}


def _add_transactions(connection: Connection, rows: Sequence[Row], times: Mapping[int, int]) -> None:
    """Add transactions that are not there yet, and receipts that came late."""
    table = schema.transactions
    blocks = [row["block"] for row in rows]
    within = table.c.block.between(min(blocks, default=0), max(blocks, default=0))
    kept = {row["transaction"]: row for row in _transactions(connection, within)}
    late = [
        kept[row["transaction"]]
        for row in rows
        if row["sender"] and row["transaction"] in kept and not kept[row["transaction"]]["sender"]
    ]
    for row in late:
        is_it = (table.c.block == row["block"], table.c.transaction == row["transaction"])
        connection.execute(delete(table).where(*is_it))
        del kept[row["transaction"]]
    new = [row for row in rows if row["transaction"] not in kept]
    _insert(connection, table, new)
    _add_gas(connection, late, times, negative)
    _add_gas(connection, new, times, lambda terms: terms)


def _add_gas(
    connection: Connection, rows: Sequence[Row], times: Mapping[int, int], signed: Callable[[Terms], Terms]
) -> None:
    days = gas_days(rows, times)
    add_terms(connection, schema.account_days, signed(days))
    add_terms(connection, schema.account_totals, signed(total_changes(days)))
    add_terms(connection, schema.network_days, signed(gas_changes(rows, times)))


def _transactions(connection: Connection, condition: Any) -> list[Row]:
    return [row._asdict() for row in connection.execute(select(schema.transactions).where(condition))]


def _add_money(
    connection: Connection,
    happened: Happened,
    times: Mapping[int, int],
    signed: Callable[[Terms], Terms],
    where: Where,
) -> None:
    changes = balance_changes(event for event, _ in happened)
    balances = {key: (amount,) for key, amount in changes.items()}
    days = day_changes(happened, times, where.shared, where.parameters.task_list)
    add_terms(connection, schema.balances, signed(balances))
    add_terms(connection, schema.account_days, signed(days))
    add_terms(connection, schema.account_totals, signed(total_changes(days)))
    add_terms(connection, schema.network_days, signed(network_changes(happened, times, days, where.shared)))


def _stand(
    connection: Connection, made: Mapping[str, Iterable[Mapping[str, Any]]], signed: Callable[[Terms], Terms]
) -> None:
    """Add what rows of rounds say to the leaderboards, or take it out of them."""
    days = ended_days(made["rounds"])
    add_terms(connection, schema.miner_days, signed(miner_terms(made["solutions"], days)))
    add_terms(connection, schema.verifier_days, signed(verifier_terms(made["seats"], days)))


def _ended(connection: Connection, round_ids: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of those of some rounds that had ended, which the leaderboards have."""
    table = schema.rounds
    ended = select(table).where(table.c.round_id.in_(round_ids), table.c.ended_at.is_not(None))
    rounds = [row._asdict() for row in connection.execute(ended)]
    within = [each["round_id"] for each in rounds]
    parts = {
        part.name: [
            row._asdict() for row in connection.execute(select(part).where(part.c.round_id.in_(within)))
        ]
        for part in (schema.solutions, schema.seats)
        if within
    }
    return {"rounds": rounds, "solutions": [], "seats": [], **parts}


def _new_marks(connection: Connection, page: EventPage) -> list[dict[str, Any]]:
    kept = set(_times(connection, {mark.number for mark in page.marks}))
    return [
        {"number": mark.number, "hash": mark.hash, "time": mark.time}
        for mark in page.marks
        if mark.number not in kept
    ]


def _new_events(connection: Connection, events: Sequence[ChainEvent]) -> list[ChainEvent]:
    """Return the events that are not there yet: a page begins some blocks before what is new."""
    if not events:
        return []
    table = schema.events
    kept = connection.execute(
        select(table.c.block, table.c.log_index).where(
            table.c.block.between(events[0].block, events[-1].block)
        )
    )
    known = {(row.block, row.log_index) for row in kept}
    return [event for event in events if (event.block, event.log_index) not in known]


def _grouped(connection: Connection, column: Any, keys: Sequence[int]) -> dict[int, list[ChainEvent]]:
    """Return the events of some rounds or tasks, by which they are of; their money is shown, not judged."""
    table = schema.events
    wanted = select(table).where(column.in_(keys), table.c.contract != RESERVOIR)
    rows = connection.execute(wanted.order_by(table.c.block, table.c.log_index))
    found: dict[int, list[ChainEvent]] = {}
    for row in rows:
        found.setdefault(row._mapping[column.name], []).append(event_of(row))
    return found


def _rounds_on(connection: Connection, task_ids: Sequence[int]) -> set[int]:
    """Return the rounds that took some tasks: their rows follow from the terms too."""
    table = schema.events
    taken = select(table.c.round_id).where(table.c.task_id.in_(task_ids), table.c.round_id.is_not(None))
    return set(connection.scalars(taken.distinct()))


def _blocks_of(found: Mapping[int, Sequence[ChainEvent]]) -> set[int]:
    return {event.block for events in found.values() for event in events}


def _times(connection: Connection, numbers: Collection[int]) -> dict[int, int]:
    """Return the times of Ethereum blocks that are kept."""
    found: dict[int, int] = {}
    for chunk in chunks(sorted(numbers)):
        rows = connection.execute(
            select(schema.blocks.c.number, schema.blocks.c.time).where(schema.blocks.c.number.in_(chunk))
        )
        found.update({row.number: row.time for row in rows})
    return found


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), list(rows))
