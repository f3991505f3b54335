"""An account's page: what it has to do, what it may lose, and lists that go on to their end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.protocol.example_rounds import DATA_NODE, MINERS, PARAMETERS
from tests.unit.protocol.ledger import COMMITTEE, HONEST, VERIFIERS, Ledger

from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.index.money import EARNED, STAKES
from pole.explore.server.rendering import render
from pole.explore.views.accounts import DAYS, AccountPage, account_page
from pole.explore.views.duties import duties
from pole.explore.views.looking import ROWS, Act, Look, NotThereError, Time, head_of
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import SolutionDisplaced, TaskCancelled
from pole.protocol.rounds.rent import rent
from pole.protocol.state import Phase
from pole.roles.ports import Moment

ROUNDS = 300
DEADLINE, DEADLINE_BLOCK = 5_000, 99
PENALTY = PARAMETERS.committee.penalty
SEAT_AGE = PARAMETERS.committee.seat_age


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """Few people, so that each is in more rounds than a page has lines."""
    with opened(tmp_path_factory.mktemp("accounts")) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(GeneratedChain(ROUNDS, people=14))
        with engine.connect() as connection:
            yield Look(connection, where(PARAMETERS))


def people(look: Look) -> list[str]:
    return list(look.connection.scalars(select(schema.account_totals.c.address).distinct()))


def rows_of(look: Look, table: Any, condition: Any) -> list[Any]:
    return look.rows(select(table).where(condition))


def pages_by_round(look: Look, address: str) -> Iterator[AccountPage]:
    before: int | None = None
    while True:
        page = account_page(look, address, before_round=before)
        yield page
        before = page.before_round
        if before is None:
            return


def test_totals_are_the_sums_of_the_days(look: Look) -> None:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for row in look.rows(select(schema.account_days)):
        amount, times = sums.get((row.address, row.kind), (0, 0))
        sums[row.address, row.kind] = (amount + row.amount, times + row.times)
    totals = look.rows(select(schema.account_totals))
    assert {(row.address, row.kind): (row.amount, row.times) for row in totals} == sums


def test_rounds_are_counted_as_they_are_kept(look: Look) -> None:
    for address in people(look):
        page = account_page(look, address)
        mined = rows_of(look, schema.solutions, schema.solutions.c.miner == address)
        sat = rows_of(look, schema.seats, schema.seats.c.verifier == address)
        assert (page.mined, page.sat) == (len(mined), len(sat))
        assert page.wins == sum(row.ending == "won" for row in mined)


def test_every_round_is_on_one_page_of_an_account(look: Look) -> None:
    address = people(look)[0]
    pages = list(pages_by_round(look, address))
    mined = rows_of(look, schema.solutions, schema.solutions.c.miner == address)
    sat = rows_of(look, schema.seats, schema.seats.c.verifier == address)
    assert len(sat) > ROWS
    assert all(len(page.solutions) <= ROWS and len(page.seats) <= ROWS for page in pages)
    shown = [line.round_id for page in pages for line in page.solutions]
    assert shown == sorted((row.round_id for row in mined), reverse=True)
    seats = [(line.round_id, line.attempt) for page in pages for line in page.seats]
    assert seats == sorted(((row.round_id, row.ballot_id % 4) for row in sat), reverse=True)


@contextmanager
def changed(look: Look) -> Iterator[None]:
    """Let rows be written that are taken back afterwards."""
    nested = look.connection.begin_nested()
    try:
        yield
    finally:
        nested.rollback()


def test_every_day_is_on_one_page_of_an_account(look: Look) -> None:
    address = people(look)[0]
    rows = [
        {"address": address, "day": 3 * day, "kind": kind, "amount": day + 1, "times": 1}
        for day in range(2 * DAYS + 1)
        for kind in ("BLOCK_REWARD", "VERIFICATION", "STAKED")
    ]
    with changed(look):
        look.connection.execute(delete(schema.account_days))
        look.connection.execute(insert(schema.account_days), rows)
        first = account_page(look, address)
        second = account_page(look, address, first.before_day)
        third = account_page(look, address, second.before_day)
        assert account_page(look, address, 2**63 - 1).days == first.days
    assert (len(first.days), len(second.days), len(third.days)) == (DAYS, DAYS, 1)
    assert third.before_day is None
    days = [*first.days, *second.days, *third.days]
    assert [line.day for line in days] == [3 * day for day in range(2 * DAYS, -1, -1)]
    for line in days:
        assert {part.kind for part in line.parts} == {"BLOCK_REWARD", "VERIFICATION"}
        assert line.earned == sum(line.by_kind.values()) == 2 * (line.day // 3 + 1)


def test_earnings_of_a_day_are_those_of_its_kinds(look: Look) -> None:
    for address in people(look):
        for line in account_page(look, address).days:
            table = schema.account_days
            own = (table.c.address == address) & (table.c.day == line.day) & table.c.kind.in_(EARNED)
            assert line.earned == sum(row.amount for row in rows_of(look, table, own))


@pytest.mark.parametrize("day", [-719_162, 0, 2_932_896])
def test_an_account_of_any_year_and_below_zero_is_shown(look: Look, day: int) -> None:
    address = people(look)[0]
    odd = {"address": address, "day": day, "kind": "BLOCK_REWARD", "amount": -(10**25), "times": 1}
    with changed(look):
        look.connection.execute(delete(schema.account_days))
        look.connection.execute(insert(schema.account_days), [odd])
        look.connection.execute(delete(schema.balances))
        owed = {"holder": address, "account": "credit", "amount": -5}
        look.connection.execute(insert(schema.balances), [owed])
        page = account_page(look, address)
        head = head_of(look)
    shown = render(
        "account",
        page="account",
        view=page,
        head=head,
        now=head.time,
        complaint="",
        twin="",
        links_trainings=False,
    )
    assert page.duties == ()
    assert 'value="-5"' in shown
    assert f'value="-{10**25}"' in shown
    assert {-719_162: "0001-01-01", 0: "1970-01-01", 2_932_896: "9999-12-31"}[day] in shown


def test_an_address_that_nobody_used_is_not_there(look: Look) -> None:
    with pytest.raises(NotThereError, match="Nothing on this chain"):
        account_page(look, "0x" + "12" * 20)


def test_an_account_without_a_round_has_an_empty_page(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    page = pages_of(tmp_path, ledger, None, DATA_NODE)[DATA_NODE]
    assert (page.roles, page.duties, page.days, page.mined) == (("data node",), (), (), 0)


def pages_of(folder: Path, ledger: Ledger, phase: Phase | None, *addresses: str) -> dict[str, AccountPage]:
    """Return pages of accounts while the round that was opened last is in a phase."""
    chain = chain_of(ledger)
    if phase is not None:
        round_id, attempt = ledger.newest[0], 0
        now = (chain.head().time, chain.head().number)
        chain.lanes = (Moment(0, 1, round_id, phase, DEADLINE, DEADLINE_BLOCK, attempt, 0, None, *now),)
    with opened(folder) as engine:
        EventDatabase(engine, where(ledger.parameters)).catch_up(chain)
        with engine.connect() as connection:
            look = Look(connection, where(ledger.parameters))
            return {address: account_page(look, address) for address in addresses}


def due(page: AccountPage) -> list[str]:
    return [duty.what for duty in page.duties]


def test_a_data_node_owes_keys_and_a_test_set(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.seed(ledger.open())
    bond = ledger.tasks[1].terms.data_bond
    page = pages_of(tmp_path, ledger, Phase.KEYS, DATA_NODE)[DATA_NODE]
    (duty,) = page.duties
    assert (duty.what, duty.round_id, duty.at_stake) == ("post the keys", 1, bond)
    assert (duty.until, duty.until_block) == (DEADLINE, DEADLINE_BLOCK)
    assert [(risk.what, risk.amount) for risk in page.risks] == [("data bond", bond)]
    later = Ledger()
    later.post()
    later.run_to_training()
    assert due(pages_of(tmp_path, later, Phase.TEST_RELEASE, DATA_NODE)[DATA_NODE]) == [
        "release the test set"
    ]
    assert due(pages_of(tmp_path, later, Phase.TRAINING, DATA_NODE)[DATA_NODE]) == []


def test_a_miner_owes_a_reveal_until_it_has_revealed(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for n in (0, 1):
        ledger.commit(round_id, n)
    ledger.reveal_all(round_id, 0)
    pages = pages_of(tmp_path, ledger, Phase.REVEAL, *MINERS[:2])
    assert due(pages[MINERS[0]]) == []
    (duty,) = pages[MINERS[1]].duties
    assert (duty.what, duty.at_stake) == ("reveal the model", pages[MINERS[1]].held)
    assert pages[MINERS[0]].held == pages[MINERS[1]].held > 0
    assert (pages[MINERS[0]].mined, pages[MINERS[0]].wins) == (1, 0)


def test_a_displaced_miner_owes_nothing(tmp_path: Path) -> None:
    chain = replace(PARAMETERS.chain, max_solutions=2)
    ledger = Ledger(replace(PARAMETERS, chain=chain))
    ledger.post()
    round_id = ledger.run_to_training()
    for n in range(chain.max_solutions + 1):
        if n == chain.max_solutions:
            ledger.add(SolutionDisplaced(round_id, MINERS[0]))
        ledger.commit(round_id, n, train=90 + n)
    ledger.reveal_all(round_id)
    page = pages_of(tmp_path, ledger, Phase.REVEAL, MINERS[0])[MINERS[0]]
    assert page.solutions[0].solution.place is None
    assert page.duties == ()
    assert page.risks == ()


def test_a_member_owes_a_vote_and_its_reveal(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_reveal()
    choices = ledger.draw(round_id)
    drawn = pages_of(tmp_path, ledger, Phase.VOTE_COMMIT, *VERIFIERS)
    assert [due(page) for page in drawn.values()] == [["commit to a vote"]] * len(VERIFIERS)
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * choices, VERIFIERS[:1])
    # Whoever has committed and revealed owes nothing any more.
    later = pages_of(tmp_path, ledger, Phase.VOTE_REVEAL, *VERIFIERS)
    assert [due(page) for page in later.values()] == [[], [], []]
    page = later[VERIFIERS[0]]
    assert [(risk.what, risk.attempt, risk.amount) for risk in page.risks] == [("stake", 0, PENALTY)]
    assert page.sat == 1


def test_a_vote_that_was_committed_is_owed_to_be_revealed(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_reveal()
    choices = ledger.draw(round_id)
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * choices, VERIFIERS[:1])
    ledger.records.pop()
    page = pages_of(tmp_path, ledger, Phase.VOTE_REVEAL, VERIFIERS[0])[VERIFIERS[0]]
    assert due(page) == ["reveal the vote"]
    assert page.duties[0].command == "pole verifier run"


def test_what_ended_is_owed_no_more(look: Look) -> None:
    for address in people(look):
        page = account_page(look, address)
        assert page.risks == ()
        assert page.held == page.stake_at_risk == 0
        assert {duty.what for duty in page.duties} <= {"withdraw the credit"}
        credit = [duty.at_stake for duty in page.duties]
        assert credit == ([page.credit] if page.credit else [])


def test_a_round_that_the_lanes_do_not_name_has_no_deadline(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.run_to_training()
    assert pages_of(tmp_path, ledger, None, DATA_NODE)[DATA_NODE].duties == ()


def test_stake_at_risk_is_no_more_than_the_stake(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.draw(ledger.run_to_reveal())
    page = pages_of(tmp_path, ledger, Phase.VOTE_COMMIT, VERIFIERS[0])[VERIFIERS[0]]
    # `Ledger` has no stakes.
    assert (page.stake, page.stake_at_risk) == (0, 0)
    assert page.duties[0].at_stake == PENALTY


Told = tuple[str, str, dict[str, Any]]
SEAT = 10
STRANGER = "0x000000000000000000000000000000000000dEaD"


def deposit(holder: str, of: str, amount: int) -> Told:
    told = {"holder": holder, "account": bytes.fromhex(STAKES[2:]), "from": of, "amount": amount}
    return "RewardReservoir", "Deposited", told


def staked(paid: int, verifier: str = VERIFIERS[0]) -> tuple[Told, ...]:
    """Return what a verifier that takes a seat emits, which pays what its stake lacks."""
    told: Told = ("VerifierCommittee", "Staked", {"verifier": verifier, "stake": SEAT})
    return (told, deposit(COMMITTEE, COMMITTEE, paid)) if paid else (told,)


def seat(name: str, stake: int) -> tuple[Told, ...]:
    return (("VerifierCommittee", name, {"verifier": VERIFIERS[0], "stake": stake}),)


def slashed(amount: int) -> Told:
    told = {"ballotId": ballot_id(99, 0), "verifier": VERIFIERS[0], "amount": amount}
    return "VerifierCommittee", "Slashed", told


@pytest.mark.parametrize(
    ("transactions", "stake"),
    [
        ([staked(SEAT)], 10),
        ([staked(SEAT), seat("SeatLeft", 10)], 10),
        ([staked(SEAT), seat("SeatLeft", 10), staked(0)], 10),
        ([staked(SEAT), seat("SeatLeft", 10), staked(0), seat("SeatLeft", 10), staked(0)], 10),
        ([staked(SEAT), seat("SeatLeft", 10), seat("Reclaimed", 10)], 0),
        ([staked(SEAT), seat("SeatLeft", 10), staked(0), seat("SeatLeft", 10), seat("Reclaimed", 10)], 0),
        ([staked(SEAT), seat("SeatLeft", 10), seat("Reclaimed", 10), staked(SEAT)], 10),
        ([staked(SEAT), (slashed(4), *seat("SeatLeft", 6))], 6),
        ([staked(SEAT), (slashed(4), *seat("SeatLeft", 6)), staked(4)], 10),
        ([staked(SEAT), (slashed(10), *seat("SeatLeft", 0)), staked(SEAT)], 10),
        # A contract that is a verifier gives the stakes of all something, in the same transaction.
        ([staked(SEAT), seat("SeatLeft", 10), (*staked(0), deposit(COMMITTEE, STRANGER, 5))], 10),
        ([staked(SEAT), seat("SeatLeft", 10), (*staked(0), deposit(STRANGER, STRANGER, 5))], 10),
        ([staked(SEAT), seat("SeatLeft", 10), (*staked(0), *staked(SEAT, VERIFIERS[1]))], 10),
        ([staked(SEAT), seat("SeatLeft", 10), staked(0), (deposit(COMMITTEE, COMMITTEE, SEAT),)], 10),
    ],
)
def test_a_stake_is_what_was_paid_for_it_and_is_still_there(
    tmp_path: Path, transactions: list[tuple[Told, ...]], stake: int
) -> None:
    chain = chain_of(Ledger())
    start, first = chain.head().number + 1, chain.happenings[0]
    chain.happenings += [replace(first, events=told) for told in transactions]
    chain.happenings.append(replace(first, time=first.time + SEAT_AGE + 1, events=()))
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain)
        with engine.connect() as connection:
            page = account_page(Look(connection, where(PARAMETERS)), VERIFIERS[0])
        chain.reorganise(start, [replace(first, events=())], b"other")
        index.catch_up(chain)
        with engine.connect() as connection:
            assert connection.execute(select(schema.account_totals.c.kind)).scalars().all() == ["GAS_PAID"]
    assert (page.roles, page.stake) == (("verifier",), stake)
    has_left = transactions[-1][-1][1] == "SeatLeft"
    assert due(page) == ["reclaim the stake"] * has_left
    times = {each.kind: each.times for each in page.kinds}
    assert times["STAKED"] == sum(told == staked(0)[0] for each in transactions for told in each)


@pytest.mark.parametrize("ending", ["cancelled", "replaced"])
def test_what_a_task_paid_in_comes_back_but_for_its_fee(tmp_path: Path, ending: str) -> None:
    ledger = Ledger()
    task_id = ledger.post()
    if ending == "cancelled":
        ledger.add(TaskCancelled(task_id))
    else:
        ledger.replace(task_id, task_id + 1)
    page = pages_of(tmp_path, ledger, None, DATA_NODE)[DATA_NODE]
    terms, limits = ledger.tasks[task_id].terms, ledger.parameters.task_list
    paid_in = terms.reward + terms.data_bond + rent(terms.reward, limits)
    assert {each.kind: each.amount for each in page.kinds} == {
        "TASK_DEPOSIT": paid_in,
        "TASK_FEE": terms.fee,
        "TASK_REFUND": paid_in,
    }
    assert paid_in > terms.reward + terms.data_bond


@pytest.mark.parametrize(
    ("kinds", "seconds", "is_due"),
    [
        ((), 10**6, False),
        (("Staked",), 10**6, False),
        (("Staked", "SeatLeft"), SEAT_AGE, False),
        (("Staked", "SeatLeft"), SEAT_AGE + 1, True),
        (("Staked", "SeatLeft", "Staked"), SEAT_AGE + 1, False),
    ],
)
def test_a_stake_that_no_round_can_draw_is_due(
    tmp_path: Path, kinds: tuple[str, ...], seconds: int, is_due: bool
) -> None:
    with opened(tmp_path) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(chain_of(Ledger()))
        with engine.connect() as connection:
            look = Look(connection, where(PARAMETERS))
            left = Time(head_of(look).time - seconds)
            for number, kind in enumerate(kinds):
                act = Act(left, 0, kind, VERIFIERS[0], None, None, "")
                connection.execute(insert(schema.acts).values(asdict(act) | {"log_index": number}))
            found = duties(look, VERIFIERS[0], (), credit=0, stake=5)
            assert [(duty.what, duty.at_stake) for duty in found] == [("reclaim the stake", 5)] * is_due
            assert duties(look, VERIFIERS[0], (), credit=0, stake=0) == ()


def test_a_stake_that_an_open_round_can_draw_is_not_due(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    ledger.open()
    with opened(tmp_path) as engine:
        EventDatabase(engine, where(PARAMETERS)).catch_up(chain_of(ledger))
        with engine.connect() as connection:
            look = Look(connection, where(PARAMETERS))
            opened_at = connection.execute(select(schema.rounds.c.opened_at)).scalar_one()
            connection.execute(insert(schema.blocks).values(number=999, hash=b"", time=opened_at + 10**6))
            for left, is_due in ((opened_at - SEAT_AGE, False), (opened_at - SEAT_AGE - 1, True)):
                act = Act(Time(left), left, "SeatLeft", VERIFIERS[0], None, None, "")
                connection.execute(delete(schema.acts))
                connection.execute(insert(schema.acts).values(asdict(act) | {"log_index": 0}))
                assert bool(duties(look, VERIFIERS[0], (), credit=0, stake=5)) is is_due
