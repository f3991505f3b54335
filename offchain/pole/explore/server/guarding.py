"""What every answer carries, and which requests are answered at all."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]+)?", re.ASCII)

MAX_PATH: Final = 500
"""Characters of a path and of a query: the longest of ours are half as long."""


class Guard:
    """Answers requests that name one of `hosts`, with HEADERS; any host where there are none.

    A page of somebody else's, whose name was pointed at this machine, names its own host, and is refused.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        if self._hosts and _host(Headers(scope=scope).get("host", "")) not in self._hosts:
            return PlainTextResponse("This server is not of that name.\n", status_code=421)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Pages are read, not written.\n", status_code=405)
        # RFC 3986 has other bytes escaped, and Starlette fails on them.
        if not scope["query_string"].isascii():
            return PlainTextResponse("That is no address of a page.\n", status_code=400)
        if len(scope["path"]) > MAX_PATH or len(scope["query_string"]) > MAX_PATH:
            return PlainTextResponse("That is no address of a page.\n", status_code=414)
        return None


def _host(given: str) -> str:
    """Return the host of a Host header without its port, "" where it is none."""
    found = _HOST.fullmatch(given)
    return found[1].lower() if found else ""
