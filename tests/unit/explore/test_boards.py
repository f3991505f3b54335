"""Leaderboards and days of the network, held against the rounds, payouts and events that they sum up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from tests.unit.explore.chains import FIRST, Happening, chain_of, receipt_of, shifted, where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore import schema
from pole.explore.database import DIGITS, Wei, open_database
from pole.explore.index.following import EventDatabase
from pole.explore.index.money import DAY, POOL, STAKES, TASKS
from pole.explore.views.economics import economics_page
from pole.explore.views.leaderboards import MAX_FIRST, miner_board, verifier_board
from pole.explore.views.looking import ROWS, Look, NotThereError, head_of, wei_of, wei_sum
from pole.explore.views.now import now_page
from pole.explore.views.transactions import transaction_page

ROUNDS = 300
STRANGER, OTHER = "0x000000000000000000000000000000000000dEaD", "0x" + "12" * 20
amounts = st.lists(st.one_of(st.integers(0, 10**DIGITS - 1), st.integers(0, 10**20)), max_size=8)


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    with opened(tmp_path_factory.mktemp("boards")) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(GeneratedChain(ROUNDS, people=70))
        with engine.connect() as connection:
            yield Look(connection, where(PARAMETERS))


def lines_of(board: Any, look: Look, days: str) -> list[Any]:
    lines: list[Any] = []
    first: int | None = 0
    while first is not None:
        page = board(look, days, first)
        assert len(page.lines) <= ROWS
        lines += page.lines
        first = page.first
    return lines


def ended_within(look: Look, table: Table, days: int) -> list[Any]:
    oldest = head_of(look).time // DAY - days
    rounds = schema.rounds
    asked = select(table).join(rounds, rounds.c.round_id == table.c.round_id)
    return look.rows(asked.where(rounds.c.ended_at >= (oldest + 1) * DAY))


@pytest.mark.parametrize("days", ["1", "7", "90"])
def test_miners_stand_where_their_solutions_put_them(look: Look, days: str) -> None:
    rows = ended_within(look, schema.solutions, int(days))
    lines = lines_of(miner_board, look, days)
    assert [line.rank for line in lines] == list(range(1, len(lines) + 1))
    assert [line.paid for line in lines] == sorted((line.paid for line in lines), reverse=True)
    assert {line.miner for line in lines} == {row.miner for row in rows}
    for line in lines:
        own = [row for row in rows if row.miner == line.miner]
        assert (line.rounds, line.paid, line.lost) == (
            len(own),
            sum(row.paid for row in own),
            sum(row.lost for row in own),
        )
        endings = [row.ending for row in own]
        assert (line.won, line.unrevealed) == (endings.count("won"), endings.count("not-revealed"))
        assert line.refuted == sum(map(endings.count, ("false-claim", "unavailable", "malformed")))
        assert line.confirmed + line.refuted + line.unrevealed <= line.rounds


@pytest.mark.parametrize("days", ["1", "7", "90"])
def test_verifiers_stand_where_their_seats_put_them(look: Look, days: str) -> None:
    rows = ended_within(look, schema.seats, int(days))
    lines = lines_of(verifier_board, look, days)
    assert {line.verifier for line in lines} == {row.verifier for row in rows}
    for line in lines:
        own = [row for row in rows if row.verifier == line.verifier]
        endings = [row.ending for row in own]
        assert (line.seats, line.paid, line.lost) == (
            len(own),
            sum(row.fee for row in own),
            sum(row.lost for row in own),
        )
        assert (line.agreed, line.leaked) == (endings.count("right"), endings.count("leaked"))
        assert line.absent == endings.count("absent") + endings.count("not-revealed")
        assert line.differed == sum(map(endings.count, ("false", "alone", "overruled", "abstained")))


def test_a_leaderboard_ends_somewhere(look: Look) -> None:
    assert miner_board(look, "", MAX_FIRST).lines == ()
    with pytest.raises(NotThereError, match="its tables"):
        verifier_board(look, "", MAX_FIRST + 1)


def test_days_of_the_network_are_sums_of_what_happened_on_them(look: Look) -> None:
    page = economics_page(look, "365")
    assert [line.day for line in page.lines] == sorted((line.day for line in page.lines), reverse=True)
    tasks, payouts = look.rows(select(schema.tasks)), look.rows(select(schema.payouts))
    assert sum(line.tasks for line in page.lines) == len(tasks)
    assert sum(line.offered for line in page.lines) == sum(task.reward for task in tasks)
    paid = sum(each.amount for each in payouts if each.reason in ("TASK_REWARD", "TRAINING_REWARD"))
    assert sum(line.rewards for line in page.lines) == paid
    states = [row.state for row in look.rows(select(schema.rounds))]
    assert sum(line.blocks for line in page.lines) == states.count("block")
    assert sum(line.void for line in page.lines) == states.count("void")
    fees = sum(row.fee for row in look.rows(select(schema.seats)))
    assert sum(line.verification for line in page.lines) == fees


def test_gas_of_each_day_is_what_its_transactions_used_and_paid(look: Look) -> None:
    page = economics_page(look, "365")
    times = {row.number: row.time for row in look.rows(select(schema.blocks))}
    for line in page.lines:
        sent = look.rows(select(schema.transactions))
        own = [row for row in sent if times[row.block] // DAY == line.day]
        assert line.transactions == len(own) > 0
        assert (line.gas, line.gas_paid) == (sum(row.gas for row in own), sum(row.paid for row in own))


def test_gas_of_a_day_is_unknown_where_that_of_one_transaction_is(tmp_path: Path) -> None:
    chain = chain_of(played(("block",)))
    chain.happenings[-1] = shifted(chain.happenings[-1], DAY)
    chain.unreceipted = {FIRST + 5}
    with opened(tmp_path) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(chain)
        with engine.connect() as connection:
            look = Look(connection, where(PARAMETERS))
            known, *_, unknown = economics_page(look, "365").lines
            pages = [transaction_page(look, each.transaction) for each in chain.page(FIRST, FIRST + 6).events]
    assert known.transactions == 1
    assert known.gas is not None
    assert known.gas_paid is not None
    assert unknown.transactions > 1
    assert (unknown.gas, unknown.gas_paid) == (None, None)
    for page in pages:
        receipt = receipt_of(page.hash)
        told = (receipt.sender, receipt.gas, receipt.price, receipt.gas * receipt.price)
        shown = (page.sender, page.gas, page.price, page.paid)
        assert shown == ((None,) * 4 if page.block == FIRST + 5 else told)


def test_levels_of_each_day_are_what_its_events_leave(look: Look) -> None:
    page = economics_page(look, "365")
    held = {
        name: sum(row.amount for row in look.rows(select(schema.balances)) if row.account == account)
        for name, account in (("pool", POOL), ("stakes", STAKES))
    }
    assert (page.pool, page.stakes) == (held["pool"], held["stakes"])
    assert (page.lines[0].pool, page.lines[0].stakes) == (held["pool"], held["stakes"])
    changes = look.rows(select(schema.network_days).where(schema.network_days.c.kind == "POOL"))
    for line in page.lines:
        assert line.pool == sum(row.amount for row in changes if row.day <= line.day)


@given(amounts)
def test_amounts_are_added_exactly_in_a_database(given_amounts: list[int]) -> None:
    table = Table("sums", MetaData(), Column("at", Integer, primary_key=True), Column("amount", Wei))
    engine = open_database("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        rows = [{"at": at, "amount": amount} for at, amount in enumerate(given_amounts)]
        if rows:
            connection.execute(insert(table), rows)
        row = connection.execute(select(*wei_sum(table.c.amount, "all"))).one()
    engine.dispose()
    assert wei_of(row, "all") == sum(given_amounts)


def moved(name: str, holder: str, account: str, **told: Any) -> tuple[str, str, dict[str, Any]]:
    pair = ("fromHolder", "fromAccount") if name == "Transferred" else ("holder", "account")
    named = dict(zip(pair, (holder, bytes.fromhex(account[2:])), strict=True))
    return "RewardReservoir", name, {**named, "amount": 10**20, **told}


@pytest.mark.parametrize("account", [POOL, STAKES, TASKS])
def test_a_strangers_accounts_of_the_same_names_are_nobodys_but_its_own(tmp_path: Path, account: str) -> None:
    shared = where(PARAMETERS).shared
    real = [
        moved("Deposited", *each, **{"from": STRANGER}) for each in (shared.pool, shared.stakes, shared.tasks)
    ]
    chain = chain_of(played(("block",)))
    chain.happenings.append(Happening(chain.head().time, tuple(real)))
    others = [holder for holder, name in (shared.pool, shared.stakes, shared.tasks) if name != account]
    forged = [
        *(moved("Deposited", holder, account, **{"from": STRANGER}) for holder in (STRANGER, *others)),
        moved("Transferred", STRANGER, account, toHolder=OTHER, toAccount=bytes.fromhex(account[2:])),
        moved("Credited", OTHER, account, payee=OTHER, amount=10**19),
    ]
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain)
        with engine.connect() as connection:
            before = figures(Look(connection, where(PARAMETERS)))
        chain.happenings.append(Happening(chain.head().time, tuple(forged)))
        index.catch_up(chain)
        with engine.connect() as connection:
            assert figures(Look(connection, where(PARAMETERS))) == before
    assert before[:5] == (10**20,) * 5


def figures(look: Look) -> tuple[Any, ...]:
    """Return what pages say of the shared accounts."""
    now, page = now_page(look), economics_page(look, "365")
    days = [(line.day, line.pool, line.stakes) for line in page.lines]
    return (now.pool, now.stakes, page.pool, page.stakes, page.waiting, days)


def test_a_network_without_rounds_has_empty_boards(tmp_path: Path) -> None:
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        with index.engine.connect() as connection:
            assert economics_page(Look(connection, where(PARAMETERS)), "").lines == ()
            assert miner_board(Look(connection, where(PARAMETERS)), "", 0).lines == ()
