"""Answers over HTTP that are whole within a time, however slowly they trickle in.

The read timeout of requests begins anew with each byte, so a server that sends one every few seconds holds
its client for ever. Here the time of an answer, headers included, is bounded on the socket itself.
"""

import io
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any, Final

from requests.adapters import HTTPAdapter

_BUFFER: Final = 2**16


class WholeAnswers(HTTPAdapter):
    """requests' adapter, whose answers end within `whole` seconds; silence ends them after the read timeout.

    What takes longer is requests' ReadTimeout or ConnectionError.
    """

    def __init__(self, whole: float) -> None:
        self._whole = whole
        super().__init__()

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool of connections for a request, direct or through a proxy."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if not hasattr(pool.ConnectionCls, "is_bounded"):
            pool.ConnectionCls = _bounded(pool.ConnectionCls, self._whole)
        return pool


def _bounded(connection: type, whole: float) -> type:
    class Answer(HTTPResponse):
        def __init__(self, connected: socket, *arguments: Any, **options: Any) -> None:
            super().__init__(_Bounded(connected, whole), *arguments, **options)  # type: ignore[arg-type]

    return type("Connection", (connection,), {"response_class": Answer, "is_bounded": True})


class _Bounded:
    """A socket as `http.client` reads an answer from it."""

    def __init__(self, connected: socket, whole: float) -> None:
        self._connected = connected
        self._deadline = time.monotonic() + whole

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self._connected, self._deadline), _BUFFER)


class _Stream(io.RawIOBase):
    def __init__(self, connected: socket, deadline: float) -> None:
        super().__init__()
        self._connected = connected
        self._raw = connected.makefile("rb", buffering=0)
        self._silence = connected.gettimeout()
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._connected.settimeout(left if self._silence is None else min(left, self._silence))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
