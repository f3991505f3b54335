"""Strangers' strings are text on a page, and no request makes the server fail."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from tests.unit.explore.asking import ask
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import NO_TEXT, named
from tests.unit.protocol.example_rounds import DATA_NODE, PARAMETERS

from pole.explore.export.parquet import write_tables
from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.rendering import MAX_TEXT, moment
from pole.explore.server.serving import names_of

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202egnp'
CSP = "content-security-policy"
words = st.one_of(
    st.sampled_from(["..", ".", "tasks", "rounds", "blocks", "records", "accounts", "static", "now"]),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=40).map(lambda text: "".join(f"%{byte:02x}" for byte in text.encode()[:60])),
    st.sampled_from(["0x" + "ff" * 20, "0x" + "00" * 32, "0x", "%00", "%2e%2e%2f", "{{7*7}}", "' or 1=1 --"]),
)
names = st.sampled_from(["state", "before", "before_day", "before_round", "first", "q", "page", "self"])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with opened(tmp_path_factory.mktemp("hostile")) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain_of(named((SCRIPT, "x" * 100_000, NO_TEXT))))
        yield index


@pytest.fixture(scope="module")
def app(index: EventDatabase) -> ASGIApp:
    newest = index.newest()
    assert newest is not None
    return application(index, lambda: newest, names_of("127.0.0.1"))


@pytest.mark.parametrize(
    "path",
    [
        *("/rounds/1", "/tasks/1", f"/accounts/{DATA_NODE}"),
        "/search?q=" + "".join(f"%{byte:02x}" for byte in SCRIPT.encode()),
    ],
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


@pytest.mark.parametrize("path", ["/rounds/3", "/tasks/3", "/rounds", "/tasks", "/blocks"])
def test_a_string_that_is_no_text_is_shown_by_its_bytes(app: ASGIApp, path: str) -> None:
    page, twin = ask(app, path), ask(app, f"{path}.json")
    assert (page.status, twin.status) == (200, 200)
    assert "\x00" not in page.text
    json.dumps(twin.document, ensure_ascii=False).encode()


def test_what_such_a_string_names_is_found_by_what_is_shown(app: ASGIApp) -> None:
    shown = ask(app, "/rounds/3.json").document["data"]["keysCid"]
    assert shown == r"bafy\xff\x80\x00keys"
    found = ask(app, f"/search.json?q={quote(shown)}").document["data"]["found"]
    assert "/rounds/3" in {each["path"] for each in found}


def test_such_a_string_is_in_the_tables(index: EventDatabase, tmp_path: Path) -> None:
    files = {each.file.stem: each.file for each in write_tables(index.engine, tmp_path)}
    told = pq.read_table(files["record_keys_posted"]).column("keys_cid").to_pylist()
    assert told[2] == r"bafy\xff\x80\x00keys"


@pytest.mark.parametrize("time", [253_402_300_800, 2**63 - 1])
def test_a_time_beyond_all_dates_is_shown(time: int) -> None:
    assert "9999-12-31" in moment(time, 0)


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
