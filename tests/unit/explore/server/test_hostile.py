"""Strangers' strings are text on a page, and no request makes the server fail."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from tests.unit.explore.asking import ask
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.protocol.example_rounds import PARAMETERS
from tests.unit.protocol.ledger import Ledger

from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.rendering import MAX_TEXT
from pole.explore.server.serving import names_of
from pole.protocol.encoding.records import KeysPosted

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202egnp'
CSP = "content-security-policy"
words = st.one_of(
    st.sampled_from(["..", ".", "tasks", "rounds", "blocks", "records", "accounts", "static", "now"]),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=40).map(lambda text: "".join(f"%{byte:02x}" for byte in text.encode()[:60])),
    st.sampled_from(["0x" + "ff" * 20, "0x" + "00" * 32, "0x", "%00", "%2e%2e%2f", "{{7*7}}", "' or 1=1 --"]),
)
names = st.sampled_from(["state", "before", "first", "q", "page", "self"])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    ledger = Ledger()
    for text in (SCRIPT, "x" * 100_000):
        ledger.post()
        round_id = ledger.open()
        ledger.seed(round_id)
        ledger.add(KeysPosted(round_id, text, b"\x21" * 32))
        ledger.finalise(round_id)
    with opened(tmp_path_factory.mktemp("hostile")) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain_of(ledger))
        newest = index.newest()
        assert newest is not None
        yield application(index, lambda: newest, names_of("127.0.0.1"))


@pytest.mark.parametrize(
    "path", ["/rounds/1", "/tasks/1", "/search?q=" + "".join(f"%{byte:02x}" for byte in SCRIPT.encode())]
)
def test_a_strangers_string_is_text(app: ASGIApp, path: str) -> None:
    text = ask(app, path).text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_strangers_string_is_bounded_on_a_page(app: ASGIApp) -> None:
    text = ask(app, "/rounds/2").text
    assert "x" * (MAX_TEXT + 1) not in text
    assert len(text) < 30_000


@settings(max_examples=1_000, deadline=None)
@given(
    path=st.lists(words, max_size=5),
    query=st.lists(st.tuples(names, words), max_size=3),
    ending=st.sampled_from(["", ".json"]),
)
def test_no_request_makes_the_server_fail(
    app: ASGIApp, path: list[str], query: list[tuple[str, str]], ending: str
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query)
    answer = ask(app, "/" + "/".join(path) + ending + "?" + asked)
    assert answer.status in (200, 307, 404, 405, 414)
    assert CSP in answer.headers
