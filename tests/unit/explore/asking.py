"""Requests put to the application without a socket."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message

HOST = "127.0.0.1:8600"
NO_HEADERS: Mapping[str, str] = {}
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def ask(
    app: ASGIApp,
    url: str,
    *,
    method: str = "GET",
    host: str = HOST,
    accept: str = "text/html",
    client: str = "127.0.0.1",
    headers: Mapping[str, str] = NO_HEADERS,
) -> Answer:
    sent = {"host": host, "accept": accept, **headers}
    return asyncio.run(_asked(app, url, method, sent, client))


def ask_all(
    app: ASGIApp, urls: Iterable[str], *, method: str = "GET", host: str = HOST, accept: str = "text/html"
) -> list[Answer]:
    async def each() -> list[Answer]:
        return [await _asked(app, url, method, {"host": host, "accept": accept}) for url in urls]

    return asyncio.run(each())


async def _asked(
    app: ASGIApp, url: str, method: str, headers: dict[str, str], client: str = "127.0.0.1"
) -> Answer:
    parts = urlsplit(url)
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    return await ask_bytes(app, parts.path.encode(), parts.query.encode(), given, method, client)


async def ask_bytes(
    app: ASGIApp,
    path: bytes,
    query: bytes,
    headers: Sequence[Header],
    method: str = "GET",
    client: str = "127.0.0.1",
) -> Answer:
    """Put a request as a server hands it on that looks at none of its bytes."""
    sent = list[Message]()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "root_path": "",
        "query_string": query,
        "headers": list(headers),
        "client": (client, 1),
        "server": ("127.0.0.1", 8600),
    }

    unread = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not unread:
            await asyncio.Event().wait()
        return unread.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    begun = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(
        begun["status"],
        {name.decode("latin-1"): value.decode("latin-1") for name, value in begun["headers"]},
        body,
    )
