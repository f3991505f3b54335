"""Every page shows what the index has, links to nothing that is not there, and has a twin in JSON."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.types import ASGIApp
from tests.unit.explore.asking import ask, ask_all
from tests.unit.explore.chains import FIRST, chain_of, receipt_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import MOODS, played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore import schema
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.pages import PAGES
from pole.explore.server.rendering import environment
from pole.explore.server.serving import names_of
from pole.protocol.amounts import written

API = Path(__file__).parents[4] / "docs" / "api.md"
NPM = Path(__file__).parents[4] / "devnet"
UPLOT = NPM / "node_modules" / "uplot"
STATIC = Path(schema.__file__).parent / "server" / "static"
ROUNDS = 120
LINK = re.compile(r'(?:href|src)="([^"]*)"')


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with opened(tmp_path_factory.mktemp("pages")) as engine:
        made = EventDatabase(engine, where(PARAMETERS))
        made.catch_up(chain_of(played(MOODS[:8] * (ROUNDS // 8))))
        yield made


@pytest.fixture(scope="module")
def app(index: EventDatabase) -> ASGIApp:
    newest = index.newest()
    assert newest is not None
    return application(index, lambda: newest, names_of("127.0.0.1"))


def paths(index: EventDatabase) -> dict[str, str]:
    """Return an example of each page's path, by the page's name."""
    with index.engine.connect() as connection:
        sent = connection.execute(select(schema.events.c.transaction)).scalars().first()
        miner = connection.execute(select(schema.solutions.c.miner)).scalars().first()
    assert sent is not None
    return {
        "now": "/",
        "tasks": "/tasks?state=block",
        "task": "/tasks/3",
        "rounds": "/rounds",
        "round": "/rounds/2",
        "blocks": "/blocks",
        "block": "/blocks/2",
        "record": "/blocks/2/records/1",
        "account": f"/accounts/{miner}",
        "transaction": f"/transactions/0x{sent.hex()}",
        "miners": "/miners?days=90",
        "verifiers": "/verifiers",
        "economics": "/economics?days=7",
        "search": "/search?q=7",
    }


def test_every_page_is_in_the_document_of_the_api() -> None:
    document = API.read_text(encoding="utf-8")
    for page in PAGES:
        path = "/now" if page.path == "/" else page.path
        assert f"| `{page.name}` | `{path}.json` |" in document


def test_every_page_has_an_example_here(index: EventDatabase) -> None:
    assert list(paths(index)) == [page.name for page in PAGES]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/tasks/999999", 404),
        ("/tasks/0", 404),
        ("/tasks/-1", 404),
        ("/tasks/99999999999999999999", 404),
        ("/rounds/9999999999999999999", 404),
        ("/rounds?state=won", 404),
        ("/rounds?before=x", 404),
        ("/blocks/1/records/9999", 404),
        ("/accounts/0x12", 404),
        ("/accounts/0x" + "12" * 20, 404),
        ("/transactions/0x" + "00" * 32, 404),
        ("/nothing", 404),
        ("/static/../app.py", 404),
        ("/" + "x" * 600, 414),
        ("/search?q=" + "x" * 600, 414),
    ],
)
def test_what_is_not_there_is_said_on_a_page_of_its_own(app: ASGIApp, url: str, status: int) -> None:
    answer = ask(app, url)
    assert answer.status == status
    assert "content-security-policy" in answer.headers
    if status == 404:
        assert "search above" in answer.text
        assert ask(app, url, accept="application/json").document["error"]


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_page_is_whole_and_safe(app: ASGIApp, index: EventDatabase, name: str) -> None:
    answer = ask(app, paths(index)[name])
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.text.count("<h1>") == 1
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert not re.search(r"<[^>]* on[a-z]+=", answer.text)


def test_gas_that_is_unknown_is_a_dash(tmp_path: Path) -> None:
    chain = chain_of(played(("block",)))
    chain.unreceipted = {chain.head().number}
    with opened(tmp_path) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        newest = index.catch_up(chain)
        app = application(index, lambda: newest, names_of("127.0.0.1"))
        first, *_, last = (event.transaction.hex() for event in chain.page(FIRST, newest.number).events)
        known, unknown = (ask(app, f"/transactions/0x{hash_}") for hash_ in (first, last))
        day, twin = ask(app, "/economics?days=7"), ask(app, f"/transactions/0x{last}.json").document["data"]
        days = ask(app, "/economics.json?days=7").document["data"]["lines"]
    receipt = receipt_of(bytes.fromhex(first))
    assert f"/accounts/{receipt.sender}" in known.text
    assert f"{written(receipt.price, 'gwei')}</data>" in known.text
    assert "no receipt" not in known.text
    assert "<dt>Sender</dt><dd>–</dd>" in unknown.text
    assert "no receipt" in unknown.text
    assert [twin[name] for name in ("sender", "gas", "price", "paid")] == [None] * 4
    assert '<td class="number">–</td><td class="number">–</td>' in day.text
    assert (days[0]["gas"], days[0]["gasPaid"]) == (None, None)


def transactions_with(index: EventDatabase, name: str) -> str:
    """Return the path of the page of a transaction with an event of that name."""
    asked = select(schema.events.c.transaction).where(schema.events.c.name == name)
    with index.engine.connect() as connection:
        return f"/transactions/0x{connection.execute(asked).scalars().all()[-1].hex()}"


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.parametrize("name", ["TaskPosted", "VoteRevealed", "BlockAppended", "Recorded", "Slashed"])
def test_arguments_are_shown_as_words_and_never_as_a_program_writes_them(
    app: ASGIApp, index: EventDatabase, name: str
) -> None:
    page = text_of(ask(app, transactions_with(index, name)).text)
    assert not re.search(r"[{\[]['{]|': |None|True", page)


def test_arguments_have_units_and_links(app: ASGIApp, index: EventDatabase) -> None:
    posted = ask(app, transactions_with(index, "TaskPosted")).text
    assert re.search(r'task id\s+<a href="/tasks/\d+">', posted)
    assert re.search(r'owner\s+<a class="address" href="/accounts/0x', posted)
    said = text_of(posted)
    assert "time limit 600 s" in said
    assert "required train accuracy 90.00 %" in said
    assert re.search(r"reward 0\.\d+ ETH", said)


def test_a_ballot_is_shown_by_its_round_and_committee(app: ASGIApp, index: EventDatabase) -> None:
    said = text_of(ask(app, transactions_with(index, "VoteRevealed")).text)
    assert re.search(r"ballot id \d+: committee [12] of round \d+", said)
    assert "verdict ok" in said


def test_a_transaction_says_what_its_record_says(app: ASGIApp) -> None:
    *_, payouts = [
        each for each in ask(app, "/blocks/1.json").document["data"]["records"] if each["kind"] == "Payouts"
    ]
    path = f"/transactions/{payouts['transaction']}"
    assert re.search(r"payouts payee 0x\S+ , reason [a-z ]+, amount 0\.\d+ ETH", text_of(ask(app, path).text))
    (event,) = [each for each in ask(app, f"{path}.json").document["data"]["events"] if each["kind"]]
    assert {"TASK_REWARD", "DATA_BOND"} <= {each["reason"] for each in event["record"]["payouts"]}


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_page_links_to_its_twin(app: ASGIApp, index: EventDatabase, name: str) -> None:
    path, _, query = paths(index)[name].partition("?")
    (twin,) = re.findall(
        r'<a href="([^"]*)" type="application/json" download>', ask(app, f"{path}?{query}").text
    )
    assert unescape(twin) == f"{'/now' if path == '/' else path}.json" + (f"?{query}" if query else "")
    assert ask(app, unescape(twin)).document["page"] == name


def test_what_is_not_there_has_no_twin(app: ASGIApp) -> None:
    assert "application/json" not in ask(app, "/rounds/999999").text


def test_records_are_shown_in_full_and_link_to_people(app: ASGIApp) -> None:
    page = ask(app, "/blocks/1").text
    assert "{'" not in unescape(page)
    assert re.search(r"payee\s+<a class=\"address\"", page)


def test_the_genesis_block_has_no_task(app: ASGIApp) -> None:
    assert "idle" not in text_of(ask(app, "/blocks?before=1").text)
    assert "idle" not in text_of(ask(app, "/blocks/0").text)


def test_a_page_of_records_beyond_the_last_leads_back(app: ASGIApp) -> None:
    page = ask(app, "/blocks/1?first=9000").text
    assert "It has no record from number 9000 on" in page
    assert 'href="/blocks/1"' in page


def test_no_link_leads_to_nothing(app: ASGIApp, index: EventDatabase) -> None:
    links = {link for answer in ask_all(app, paths(index).values()) for link in LINK.findall(answer.text)}
    links = {link.replace("&amp;", "&") for link in links if not link.startswith("#")}
    assert all(link.startswith("/") for link in links)
    answers = zip(sorted(links), ask_all(app, sorted(links)), strict=True)
    assert [(link, answer.status) for link, answer in answers if answer.status != 200] == []


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_page_has_a_twin(app: ASGIApp, index: EventDatabase, name: str) -> None:
    path, _, query = paths(index)[name].partition("?")
    twin = ask(app, f"{'/now' if path == '/' else path}.json?{query}")
    assert twin.document["page"] == name
    assert twin.document["version"] == 1
    assert twin.body == ask(app, f"{path}?{query}", accept="application/json").body


def test_amounts_are_strings_and_bytes_have_0x(app: ASGIApp) -> None:
    document = ask(app, "/tasks/1.json").document["data"]
    assert document["line"]["reward"] == document["terms"]["reward"] == "1000003"
    assert document["terms"]["trainCount"] == 100
    assert document["files"]["specDigest"] == "0x" + "11" * 32
    assert re.fullmatch("0x[0-9a-f]{64}", document["transaction"])


def test_payouts_of_a_round_are_those_of_the_index(app: ASGIApp, index: EventDatabase) -> None:
    document = ask(app, "/rounds/1.json").document["data"]
    with index.engine.connect() as connection:
        table = schema.payouts
        rows = list(connection.execute(select(table).where(table.c.round_id == 1).order_by(table.c.place)))
    assert document["payouts"] == [
        {"payee": row.payee, "reason": row.reason, "amount": str(row.amount)} for row in rows
    ]


def test_a_records_proof_is_a_file(app: ASGIApp) -> None:
    path = "/blocks/2/records/1/proof"
    answer = ask(app, path)
    assert answer.body == ask(app, f"{path}.json").body == ask(app, path, accept="application/json").body
    assert answer.body.decode() == ask(app, "/blocks/2/records/1.json").document["data"]["proof"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert f'href="{path}" download' in ask(app, "/blocks/2/records/1").text


@pytest.mark.parametrize(
    "place", ["2/records/9999", "0/records/0", "9999/records/0", "x/records/0", "2/records/-1"]
)
def test_a_proof_of_nothing_is_said_to_be_none(app: ASGIApp, place: str) -> None:
    assert ask(app, f"/blocks/{place}/proof").status == 404
    assert ask(app, f"/blocks/{place}/proof.json").document["error"]


def test_lists_go_on_to_their_end(app: ASGIApp) -> None:
    seen: list[int] = []
    path = "/rounds.json"
    while path:
        data = ask(app, path).document["data"]
        seen += [line["roundId"] for line in data["lines"]]
        assert len(data["lines"]) <= 50
        path = f"/rounds.json?before={data['before']}" if data["before"] else ""
    assert seen == list(range(ROUNDS, 0, -1))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8600", "127.0.0.1.evil.example", "", "[::1].evil.example"]
)
def test_a_page_of_others_cannot_read_these(app: ASGIApp, host: str) -> None:
    assert ask(app, "/", host=host).status == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8600", "localhost", "[::1]:8600"])
def test_this_machine_is_answered(app: ASGIApp, host: str) -> None:
    assert ask(app, "/", host=host).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_read_only(app: ASGIApp, method: str) -> None:
    assert ask(app, "/", method=method).status == 405


def test_templates_are_ready_before_the_first_request(
    index: EventDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = index.newest()
    assert newest is not None
    environment.cache_clear()
    app = application(index, lambda: newest, ())

    def read(*_: Any) -> Any:
        raise AssertionError("a template was compiled while somebody waited")

    monkeypatch.setattr(environment().loader, "load", read)
    assert {answer.status for answer in ask_all(app, paths(index).values())} == {200}


def test_scripts_of_a_page_share_no_name() -> None:
    """They share one scope: a name that two of them declare keeps the second one from running."""
    declared = [
        name
        for file in sorted(STATIC.glob("*.js"))
        for name in re.findall(r"^(?:const|let|class|async function|function) (\w+)", file.read_text(), re.M)
    ]
    assert len(declared) > 10
    assert sorted(set(declared)) == sorted(declared)


def test_search_finds_what_has_a_name_here(app: ASGIApp, index: EventDatabase) -> None:
    with index.engine.connect() as connection:
        block = connection.execute(select(schema.pole_blocks).where(schema.pole_blocks.c.height == 3)).one()
        solution = connection.execute(
            select(schema.solutions).where(schema.solutions.c.model_digest.is_not(None))
        ).first()
        sent = connection.execute(select(schema.events.c.transaction)).scalars().first()
    assert solution is not None
    assert sent is not None

    def found(question: str) -> list[Any]:
        told = ask(app, f"/search.json?q={question}").document["data"]["found"]
        return [each["path"] for each in told]

    assert found("%20%237%20") == ["/tasks/7", "/rounds/7", "/blocks/7"]
    assert found(f"0x{block.hash.hex()}") == ["/blocks/3"]
    assert "/rounds/1" not in found(f"0x{solution.model_digest.hex()}")
    assert len(found(f"0x{solution.model_digest.hex()}")) == 20
    assert found(f"0x{sent.hex()}") == [f"/transactions/0x{sent.hex()}"]
    assert found(solution.miner.lower()) == [f"/accounts/{solution.miner}"]
    assert found("bafykeys")
    assert found("9" * 19) == found("nothing") == found("") == []


def test_a_static_file_is_served(app: ASGIApp) -> None:
    files = [file for file in STATIC.rglob("*") if file.is_file()]
    assert STATIC / "charts.js" in files
    for file in files:
        answer = ask(app, f"/static/{file.relative_to(STATIC).as_posix()}")
        assert (answer.status, answer.body) == (200, file.read_bytes())


@pytest.mark.skipif(not UPLOT.is_dir(), reason="npm's packages are not installed")
def test_the_library_of_charts_is_the_one_that_npm_has_locked() -> None:
    kept = {file.name: file.read_bytes() for file in STATIC.joinpath("uplot").iterdir()}
    locked = [UPLOT / "LICENSE", *(UPLOT / "dist" / name for name in ("uPlot.iife.min.js", "uPlot.min.css"))]
    assert kept == {file.name: file.read_bytes() for file in locked}
    wanted = json.loads((NPM / "package.json").read_text(encoding="utf-8"))["dependencies"]["uplot"]
    assert f"(v{wanted})".encode() in kept["uPlot.iife.min.js"]
