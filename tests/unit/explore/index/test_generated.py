"""A generated history is one that could have been: the index takes it, and its money sums."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from sqlalchemy import Engine, func, select
from tests.unit.explore.chains import where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.index.stored import events_where
from pole.explore.views.blocks import block_list, block_page, record_page
from pole.explore.views.looking import Look
from pole.explore.views.rounds.pages import round_page

ROUNDS = 60


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with opened(tmp_path_factory.mktemp("generated")) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(GeneratedChain(ROUNDS))
        yield engine


def test_every_round_has_ended_and_breaks_no_rule(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = list(connection.execute(select(schema.rounds)))
    assert [row.fault for row in rows] == [None] * ROUNDS
    assert {row.state for row in rows} == {"block", "void"}
    assert sum(row.challenges for row in rows) > 0


def test_money_sums(engine: Engine) -> None:
    with engine.connect() as connection:
        balances = list(connection.execute(select(schema.balances)))
        moved = events_where(connection, schema.events.c.name.in_(("Deposited", "Withdrawn")))
    signs = {"Deposited": 1, "Withdrawn": -1}
    assert sum(row.amount for row in balances) == sum(
        signs[each.name] * each.arguments["amount"] for each in moved
    )
    assert all(row.amount > 0 for row in balances)
    rounds = {f"0x{round_id:064x}" for round_id in range(1, ROUNDS + 1)}
    assert rounds.isdisjoint(row.account for row in balances)


def test_records_are_numbered_as_in_a_body(engine: Engine) -> None:
    with engine.connect() as connection:
        recorded = events_where(connection, schema.events.c.name == "Recorded")
        blocks = connection.scalars(select(func.count()).select_from(schema.pole_blocks)).one()
    places = [(each.arguments["height"], each.arguments["index"]) for each in recorded]
    assert all(later in ((height, index + 1), (height + 1, 0)) for (height, index), later in pairwise(places))
    assert places[0] == (1, 0)
    assert blocks > 1


def test_every_record_is_proven_to_be_in_its_block(engine: Engine) -> None:
    with engine.connect() as connection:
        look = Look(connection, where(PARAMETERS))
        heights = [line.height for line in block_list(look, None).lines if line.height]
        for height in heights:
            last = block_page(look, height, 0).count - 1
            assert record_page(look, height, last).record.index == last


def test_the_same_seed_makes_the_same_chain() -> None:
    one, other = GeneratedChain(5, seed=3), GeneratedChain(5, seed=3)
    assert one.page(one.first_block, one.head().number) == other.page(one.first_block, one.head().number)
    assert one.page(12, 40) != GeneratedChain(5, seed=4).page(12, 40)


def test_what_was_put_into_a_round_was_paid_out_of_it(engine: Engine) -> None:
    with engine.connect() as connection:
        look = Look(connection, where(PARAMETERS))
        for round_id in range(1, ROUNDS + 1):
            page = round_page(look, round_id)
            assert page.money.held == 0
            assert page.money.paid_in == page.money.paid_out > 0
            assert not [line for line in page.money.lines if line.what == "GIFT"]
