"""A round's page is whole at every moment of every kind of round, and however often somebody acted in it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.types import ASGIApp
from tests.unit.explore.asking import Answer, ask
from tests.unit.explore.chains import FIRST, Chain, chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.generated import GeneratedChain
from tests.unit.explore.playing import played
from tests.unit.protocol.example_rounds import PARAMETERS
from tests.unit.protocol.ledger import HONEST, Ledger

from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.views import transactions
from pole.explore.views.rounds import pages
from pole.explore.views.rounds.pages import MAX_ACTS
from pole.protocol.ballots import ballot_id
from pole.protocol.encoding.records import SubmissionsClosed
from pole.protocol.state import Phase
from pole.roles.ports import Moment

WIDTHS = re.compile(r'<rect class="bar[^"]*" x="(-?\d+)" y="9" width="(-?\d+)"')


def app_of(engine: Engine, chain: Chain | GeneratedChain) -> ASGIApp:
    index = EventDatabase(engine, where(PARAMETERS))
    index.catch_up(chain)
    return application(index, chain.head, ())


def check(page: Answer) -> None:
    assert page.status == 200
    assert page.text.count("<svg") == page.text.count("</svg>") == 1
    assert all(88 <= int(x) <= 340 and int(width) > 0 for x, width in WIDTHS.findall(page.text))
    assert "None" not in page.text


def twin(app: ASGIApp, round_id: int = 1) -> Any:
    return ask(app, f"/rounds/{round_id}.json").document["data"]


def moment(phase: Phase, deadline: int = 9_000) -> Moment:
    return Moment(0, 1, 1, phase, deadline, 0, 0, 0, 0, 1_000, 10)


@pytest.mark.parametrize("lanes", [(), (moment(Phase.TRAINING),), (moment(Phase.SETTLEMENT, 0),)])
def test_a_round_has_a_page_after_every_record(tmp_path: Path, lanes: tuple[Moment, ...]) -> None:
    chain = chain_of(played(("challenged",)))
    everything, chain.lanes = chain.happenings, lanes
    with opened(tmp_path) as engine:
        for length in range(3, len(everything) + 1):
            chain.happenings = everything[:length]
            app = app_of(engine, chain)
            check(ask(app, "/rounds/1"))
            found = twin(app)
            is_open = found["line"]["state"] == "open"
            assert (found["timeline"]["stretches"][-1]["ends"] is None) == is_open
    assert not is_open


def test_a_round_that_is_open_says_what_it_holds(tmp_path: Path) -> None:
    chain = GeneratedChain(1)
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        head = chain.head()
        for number in range(chain.first_block + 3, head.number):
            chain.head = lambda number=number: chain._mark(number)  # type: ignore[method-assign, misc]
            index.catch_up(chain)
            app = application(index, chain.head, ())
            if ask(app, "/rounds/1").status == 200:
                check(ask(app, "/rounds/1"))
                assert int(twin(app)["money"]["held"]) > 0
                assert "Held by the round" in ask(app, "/rounds/1").text


def test_an_idle_round_has_a_page(tmp_path: Path) -> None:
    ledger = Ledger()
    round_id = ledger.open()
    ledger.seed(round_id)
    ledger.commit(round_id, 0)
    ledger.add(SubmissionsClosed(round_id))
    ledger.draw_test_seed(round_id)
    ledger.reveal(round_id, 0)
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id))
    with opened(tmp_path) as engine:
        app = app_of(engine, chain_of(ledger))
        check(ask(app, f"/rounds/{round_id}"))
        found = twin(app, round_id)
    assert found["line"]["taskId"] == 0
    assert "KEYS" not in {each["phase"] for each in found["timeline"]["stretches"]}


def test_a_thousand_acts_are_bounded_on_the_page(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.post()
    round_id = ledger.run_to_training()
    for _ in range(1_000):
        ledger.commit(round_id, 0)
    ledger.reveal_all(round_id, 0)
    ledger.vote(ballot_id(round_id, 0), (HONEST,) * ledger.draw(round_id))
    chain = chain_of(ledger)
    chain.happenings = [replace(each, time=1_000 + place) for place, each in enumerate(chain.happenings)]
    with opened(tmp_path) as engine:
        app = app_of(engine, chain)
        page, found = ask(app, f"/rounds/{round_id}"), twin(app, round_id)
    check(page)
    assert len(found["acts"]) == MAX_ACTS
    # The newest are listed, of which the last is a vote, and the page says that there were others.
    assert found["acts"][-1]["kind"] == "VoteRevealed"
    assert found["hasOlderActs"]
    assert f"Only the newest {MAX_ACTS} acts are listed" in page.text
    assert found["timeline"]["stretches"][-1]["phase"] in ("CHALLENGE", "SETTLEMENT")
    assert len(page.text) < 400_000


def test_a_round_of_as_many_acts_as_are_listed_has_no_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as engine:
        app = app_of(engine, chain_of(played(("block",))))
        count = len(twin(app)["acts"])
        for maximum, has_older in ((count, False), (count - 1, True)):
            monkeypatch.setattr(pages, "MAX_ACTS", maximum)
            assert (len(twin(app)["acts"]), twin(app)["hasOlderActs"]) == (maximum, has_older)
            assert ("acts are listed" in ask(app, "/rounds/1").text) == has_older


def test_a_transaction_of_more_events_than_are_listed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(played(("block",)))
    events = chain.page(FIRST, chain.head().number).events
    path = f"/transactions/0x{events[-1].transaction.hex()}"
    count = sum(event.transaction == events[-1].transaction for event in events)
    with opened(tmp_path) as engine:
        app = app_of(engine, chain)
        for maximum, has_more in ((count, False), (count - 1, True)):
            monkeypatch.setattr(transactions, "MAX_EVENTS", maximum)
            found = ask(app, f"{path}.json").document["data"]
            assert (len(found["events"]), found["hasMoreEvents"]) == (maximum, has_more)
            assert ("events are listed" in ask(app, path).text) == has_more


@pytest.mark.parametrize("mood", ["block", "nobody", "silent", "false", "leaked", "keyless", "unrevealed"])
def test_every_kind_of_ending_has_a_page(tmp_path: Path, mood: str) -> None:
    with opened(tmp_path) as engine:
        app = app_of(engine, chain_of(played((mood,))))
        check(ask(app, "/rounds/1"))
        assert twin(app)["timeline"]["stretches"][-1]["phase"] == "SETTLEMENT"


def test_the_zero_is_shown(tmp_path: Path) -> None:
    with opened(tmp_path) as engine:
        app = app_of(engine, GeneratedChain(12))
        for round_id in range(1, 13):
            page = ask(app, f"/rounds/{round_id}")
            check(page)
            assert '<td class="number">0 wei</td>' in page.text
            assert "is not what was paid out" not in page.text
            money = twin(app, round_id)["money"]
            assert money["held"] == "0"
            paid = [sum(int(line[name]) for line in money["lines"]) for name in ("paidIn", "paidOut")]
            assert paid == [int(money["paidIn"]), int(money["paidOut"])]
