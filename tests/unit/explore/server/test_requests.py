"""Requests that no browser sends: bytes of every kind as path, query, host, header and method."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp
from tests.unit.explore.asking import Answer, Header, ask_bytes
from tests.unit.explore.chains import chain_of, where
from tests.unit.explore.databases import opened
from tests.unit.explore.playing import played
from tests.unit.protocol.example_rounds import PARAMETERS

from pole.explore.index.following import EventDatabase
from pole.explore.server.app import application
from pole.explore.server.guarding import HEADERS
from pole.explore.server.serving import names_of

PATIENCE = 60
LARGEST_ANSWER = 200_000
MARK = "<i\x00x=\"'&{{7*7}}>"
CLEAR = {200, 206, 304, 307, 400, 404, 405, 414, 416}
FOLDERS = ("", ".", "..", "tasks", "rounds", "blocks", "accounts", "transactions", "search", "economics")
FILES = ("static", "pages.css", "live.js", "uplot", "miners", "verifiers", "records", "now.json", ".json")
NAMED = (
    b"/etc/passwd",
    b"..\\..",
    b"%",
    b"%u0041",
    b"%c0%ae%c0%ae",
    b"%ff%fe",
    b"%00",
    b"0",
    b"1",
    b"-1",
    b"1e9",
)

encoded = st.binary(max_size=40).map(lambda raw: b"".join(b"%%%02x" % byte for byte in raw))
marked = st.just(b"".join(b"%%%02x" % byte for byte in MARK.encode()))
huge = st.integers(1, 2_000).map(lambda size: b"9" * size)
bits = st.one_of(
    st.sampled_from([each.encode() for each in (*FOLDERS, *FILES)]),
    st.sampled_from(NAMED),
    *(encoded, marked, huge, st.integers(-(2**70), 2**70).map(lambda number: b"%d" % number)),
    st.binary(max_size=20).map(lambda raw: raw.replace(b"?", b"").replace(b"stream", b"")),
)
paths = st.lists(bits, max_size=6).map(lambda parts: b"/" + b"/".join(parts))
asked_names = st.sampled_from([b"q", b"before", b"first", b"state", b"days", b"task", b"round", b"", b"q[]"])
pairs = st.tuples(asked_names, st.one_of(bits, st.binary(max_size=30)))
queries = st.one_of(
    st.lists(pairs, max_size=4).map(lambda given: b"&".join(name + b"=" + value for name, value in given)),
    st.binary(max_size=600),
    st.integers(1, 400).map(lambda count: b"q=&" * count),
)
NAMES = """
accept accept-encoding range if-range if-none-match if-modified-since cookie content-length content-type host
transfer-encoding origin referer x-forwarded-host x-forwarded-for x-http-method-override last-event-id upgrade
connection forwarded authorization expect"""
VALUES = """application/json|*/*|bytes=0-|bytes=-1|bytes=9-1|bytes=0-0,2-3|bytes=99999999999999999999-|chunked
|Thu, 01 Jan 1970 00:00:00 GMT|Thu, 99 Foo 99999 99:99:99 XYZ|W/""|*|websocket|-1|\xff|text/html"""
header_names = st.sampled_from(NAMES.encode().split())
values = st.one_of(st.sampled_from(VALUES.encode("latin-1").split(b"|")), st.binary(max_size=200))
headers = st.lists(st.tuples(header_names, values), max_size=6)
hosts = st.one_of(
    st.sampled_from(
        [b"127.0.0.1:8600", b"localhost", b"[::1]", b"[", b"x/rounds/1#", b"evil.example", b"", b"a@b"]
    ),
    st.binary(max_size=60),
)
methods = st.one_of(
    st.sampled_from(
        ["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "PRI"]
    ),
    st.text(alphabet="ABCGETHPOST-_!", max_size=20),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventDatabase]:
    with opened(tmp_path_factory.mktemp("requests")) as engine:
        index = EventDatabase(engine, where(PARAMETERS))
        index.catch_up(chain_of(played(("block", "challenged", "open"))))
        yield index


@pytest.fixture(scope="module")
def app(index: EventDatabase) -> ASGIApp:
    return made(index, "127.0.0.1")


@pytest.fixture(scope="module")
def public(index: EventDatabase) -> ASGIApp:
    return made(index, "0.0.0.0")  # noqa: S104 - answers under any name, and listens nowhere


def made(index: EventDatabase, host: str) -> ASGIApp:
    newest = index.newest()
    assert newest is not None
    return application(index, lambda: newest, names_of(host))


def put(
    app: ASGIApp, path: bytes, query: bytes = b"", given: Sequence[Header] = (), method: str = "GET"
) -> Answer:
    """Return the answer, which keeps what every answer must."""
    asked = ask_bytes(app, path, query, given, method)
    answer = asyncio.run(asyncio.wait_for(asked, PATIENCE))
    assert HEADERS.items() <= {name.title(): value for name, value in answer.headers.items()}.items()
    assert len(answer.body) < LARGEST_ANSWER
    assert "set-cookie" not in answer.headers
    kind = answer.headers.get("content-type", "")
    assert "html" not in kind or MARK.replace("\x00", "") not in answer.text.replace("\x00", "")
    assert "\x00" not in answer.text
    return answer


@settings(max_examples=1_000, deadline=None)
@given(path=paths, query=queries, given=headers, method=methods)
def test_every_request_has_a_page_or_a_clear_refusal(
    app: ASGIApp, path: bytes, query: bytes, given: list[Header], method: str
) -> None:
    answer = put(app, path, query, [(b"host", b"127.0.0.1:8600"), *given], method)
    assert answer.status in CLEAR
    assert method in ("GET", "HEAD") or answer.status == 405


@settings(max_examples=200, deadline=None)
@given(path=paths, query=queries, given=headers, host=hosts)
def test_a_server_that_has_any_name_takes_none_from_a_request(
    public: ASGIApp, path: bytes, query: bytes, given: list[Header], host: bytes
) -> None:
    answer = put(public, path, query, [(b"host", host), *given])
    assert answer.status in CLEAR
    # What is kept of an answer is given to all who ask the same, whatever host somebody named.
    assert put(public, b"/rounds/1", given=[(b"host", b"x")]).text.count("<h1>Round 1</h1>") == 1


@settings(max_examples=200, deadline=None)
@given(path=paths, host=hosts, given=headers)
def test_another_host_is_refused_whatever_else_is_asked(
    app: ASGIApp, path: bytes, host: bytes, given: list[Header]
) -> None:
    known = host.lower().partition(b":")[0] in (b"127.0.0.1", b"localhost") or host.startswith(b"[::1]")
    status = put(app, path, given=[(b"host", host), *given]).status
    assert status == 421 or known


@pytest.mark.parametrize("page", ["/tasks?q=", "/search?q=", "/blocks?before="])
@pytest.mark.parametrize("length", [499, 500, 501, 10_000, 1_000_000])
def test_a_query_of_any_length_is_answered_shortly(app: ASGIApp, page: str, length: int) -> None:
    path, _, query = page.encode().partition(b"?")
    answer = put(app, path, query.ljust(length, b"1"), [(b"host", b"127.0.0.1")])
    assert answer.status == (414 if length > 500 else 404 if b"before" in query else 200)
    assert len(answer.body) < 50_000


@pytest.mark.parametrize(
    "path", [b"/static/../app.py", b"/static/%2e%2e/app.py", b"/static//etc/passwd", b"/static"]
)
def test_no_file_but_those_of_pages_is_served(app: ASGIApp, path: bytes) -> None:
    assert put(app, path, given=[(b"host", b"127.0.0.1")]).status in (307, 404, 405)
