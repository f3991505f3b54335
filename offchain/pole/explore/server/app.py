"""The application: routes to pages, their JSON twins, the event stream and the files that pages need."""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from pole.adapters.history.pages import BlockMark
from pole.adapters.history.trainings import MinerTrainings
from pole.errors import IntegrityError, PoleError
from pole.explore.index.following import EventDatabase
from pole.explore.server.asking import Asked
from pole.explore.server.documents import VERSION, document
from pole.explore.server.guarding import Guard
from pole.explore.server.keeping import Answer, KeptAnswers
from pole.explore.server.pages import FIRST_JSON, OWN_PAGES, PAGES, OwnPage, Page
from pole.explore.server.rendering import prepare, render
from pole.explore.server.serving import LOOPBACK_NAMES
from pole.explore.server.watching import Pulse, kept_up
from pole.explore.training.asking_here import asks_here
from pole.explore.training.views import Network
from pole.explore.views.blocks import record_page
from pole.explore.views.looking import (
    FindSpecification,
    Head,
    Look,
    NotThereError,
    Time,
    head_of,
    nothing_kept,
)
from pole.quoting import one_line

JSON: Final = ".json"
_OF_QUERIES: Final = "/?:@!$&'()*+,;=%~"
PROOF: Final = "/blocks/{height}/records/{index}/proof"
"""A record's proof, to be kept as a file."""

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_STREAMS: Final = 100
"""Event streams at a time: each holds a connection."""


class Twins:
    """Takes `.json` off a path and remembers that JSON is wanted; its `Accept` header says it too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"].endswith(JSON):
            path = scope["path"].removesuffix(JSON)
            scope = {**scope, "path": "/" if path == FIRST_JSON else path, "wants_json": True}
        await self._app(scope, receive, send)


Miners = Callable[[], Sequence[MinerTrainings]]
Looked = Callable[[], AbstractContextManager[Look]]


@dataclass(frozen=True, slots=True)
class Here:
    """What the pages of files on this machine are made of, this machine's `names`, and the time."""

    miners: Miners
    network: Network
    names: Collection[str]
    now: Callable[[], float]


def application(
    index: EventDatabase,
    look: Callable[[], BlockMark],
    hosts: Collection[str],
    pause: float = 1.0,
    miners: Miners = tuple,
    find_specification: FindSpecification = nothing_kept,
    now: Callable[[], float] = time.time,
) -> ASGIApp:
    """Return the application over an index, which `look` brings up to date, again a pause of seconds later.

    It answers for `hosts` alone, for any where there are none. The trainings of `miners`, at the seconds
    since 1970 that `now` tells, are shown to this machine alone, and linked where all is for it alone.
    `find_specification` looks for the specification of a task on this machine.
    """
    pulse, kept = Pulse(), KeptAnswers()
    network = Network(index.where.chain_id, index.where.chain_address[2:10].lower())
    here = Here(miners, network, hosts or LOOPBACK_NAMES, now)
    prepare()

    @contextlib.contextmanager
    def looked() -> Iterator[Look]:
        with index.engine.connect() as connection:
            yield Look(connection, index.where, find_specification)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with kept_up(look, pulse, pause):
            try:
                yield
            finally:
                # The thread that reads cannot be cancelled, and is waited for.
                index.stop()

    made = Starlette(
        routes=[
            *(Route(page.path, _endpoint(page, looked, pulse, kept), name=page.name) for page in PAGES),
            *(Route(page.path, _own(page, looked, pulse, here)) for page in OWN_PAGES),
            Route(PROOF, _proof(looked), name="proof"),
            Route("/stream", _stream(pulse)),
            Mount("/static", StaticFiles(packages=[("pole.explore.server", "static")])),
        ],
        exception_handlers={HTTPException: _missing, PoleError: _failed, SQLAlchemyError: _failed},
        lifespan=lifespan,
    )
    made.state.is_for_this_machine = bool(hosts)
    return Guard(Twins(made), hosts)


def _endpoint(page: Page, looked: Looked, pulse: Pulse, kept: KeptAnswers) -> Endpoint:
    making: dict[Hashable, asyncio.Future[Answer]] = {}

    def made(request: Request) -> Answer:
        asked = Asked({**request.query_params, **request.path_params})
        with looked() as look:
            view, head = page.view(look, asked), head_of(look)
        return _made(request, page.name, view, head, head.time, pulse.complaint)

    async def answer(request: Request) -> Response:
        state = (pulse.head, pulse.complaint)
        asked = (request.url.path, request.url.query, _wants_json(request))
        found = kept.find(state, asked)
        if found is None:
            found = await _once(making, (state, asked), lambda: run_in_threadpool(made, request))
            # Before the first look has ended, what was read changes all the time.
            if pulse.head is not None:
                kept.keep(state, asked, found)
        return found.response()

    return answer


def _made(request: Request, name: str, view: Any, head: Head, now: int, complaint: str) -> Answer:
    """Return a page, or its twin."""
    if _wants_json(request):
        told = {"version": VERSION, "page": name, "head": document(head), "data": document(view)}
        return Answer(json.dumps(told).encode(), "application/json")
    shown = {"view": view, "head": head, "now": now, "complaint": complaint}
    shown |= {"twin": _twin(request), **_around(request)}
    return Answer(render(name, page=name, **shown).encode(), "text/html")


def _twin(request: Request) -> str:
    """Return the path of a page's twin in JSON, with the same query."""
    # The request's URL is not asked for: it is made of the name that the request gives this server.
    path, query = request.scope["path"], request.scope["query_string"]
    told = quote(FIRST_JSON if path == "/" else path) + JSON
    return f"{told}?{quote(query, safe=_OF_QUERIES)}" if query else told


def _around(request: Request) -> dict[str, Any]:
    """Return what the frame of every page is made of."""
    return {"links_trainings": request.app.state.is_for_this_machine}


def _own(page: OwnPage, looked: Looked, pulse: Pulse, here: Here) -> Endpoint:
    def made(request: Request) -> Response:
        asked = Asked({**request.query_params, **request.path_params})
        view = page.view(here.miners(), here.network, asked)
        with looked() as look:
            head = head_of(look)
        answer = _made(request, page.name, view, head, int(here.now()), pulse.complaint).response()
        # Files change between two blocks: a page that is open asks again, and replaces what is new.
        seen = hashlib.sha256(json.dumps(document(view)).encode()).hexdigest()
        answer.headers.update({"Cache-Control": "no-store", "ETag": f'"{seen}"'})
        return answer

    async def answer(request: Request) -> Response:
        if not asks_here(request, here.names):
            raise NotThereError("Trainings are shown on the machine of this server alone: open it there.")
        return await run_in_threadpool(made, request)

    return answer


async def _once(
    making: dict[Hashable, asyncio.Future[Answer]], asked: Hashable, make: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Return what is made of a question; whoever asks the same meanwhile waits for the same answer."""
    if asked not in making:
        making[asked] = asyncio.ensure_future(make())
        making[asked].add_done_callback(lambda _: making.pop(asked))
    return await asyncio.shield(making[asked])


def _proof(looked: Looked) -> Endpoint:
    def made(asked: Asked) -> Response:
        height, index = asked.number("height"), asked.number("index")
        with looked() as look:
            page = record_page(look, height, index)
        named = f'attachment; filename="pole-proof-{height}-{index}.json"'
        return Response(page.proof, media_type="application/json", headers={"Content-Disposition": named})

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(made, Asked(request.path_params))

    return answer


def _stream(pulse: Pulse) -> Endpoint:
    slots = asyncio.Semaphore(MAX_STREAMS)

    async def lines() -> AsyncIterator[str]:
        async with slots:
            async for head in pulse.changes():
                if head is None:
                    yield ": still here\n\n"
                else:
                    told = {"block": head.number, "time": head.time, "complaint": pulse.complaint}
                    yield f"event: head\ndata: {json.dumps(told)}\n\n"

    async def answer(_request: Request) -> Response:
        if slots.locked():
            return Response("Too many pages are open.\n", status_code=503)
        return StreamingResponse(
            lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return answer


def _wants_json(request: Request) -> bool:
    if request.scope.get("wants_json"):
        return True
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _told(request, status, "There is no such page.")


def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, NotThereError):
        return _told(request, 404, str(error))
    if isinstance(error, IntegrityError):
        return _told(request, 502, str(error))
    return _told(request, 503, "The index cannot be read now: try again, and look at what pole prints.")


_NOWHERE: Final = {"now": 0, "complaint": "", "page": "missing", "twin": ""}


def _told(request: Request, status: int, sentence: str) -> Response:
    shown = one_line(sentence)
    if _wants_json(request):
        return JSONResponse({"version": VERSION, "error": shown}, status_code=status)
    head = Head(0, Time(0))
    return HTMLResponse(
        render("missing", sentence=shown, head=head, **_NOWHERE, **_around(request)),
        status_code=status,
    )
