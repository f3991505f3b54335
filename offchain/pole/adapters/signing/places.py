"""Where signers listen: over HTTP as nodes do, or on a socket of this machine (Clef's IPC)."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pole.adapters.node.answers import UnansweredError
from pole.adapters.node.http import HttpPost
from pole.errors import InputError

MAX_ANSWER_BYTES: Final = 2**20
_CONNECT_WITHIN: Final = 5.0
_CHUNK: Final = 2**16

Post = Callable[[bytes], bytes]
"""Sends the bytes of a request and returns those of its answer; raises UnansweredError without one."""


def post_to(place: str, *, within: float) -> Post:
    """Return what posts to a URL or a socket's path, and waits for so many seconds.

    Raises InputError where the place is neither.
    """
    if _is_url(place):
        return HttpPost(place, connect_within=_CONNECT_WITHIN, answer_within=within)
    if place.startswith("/"):
        return SocketPost(Path(place), within)
    raise InputError("A signer is a URL, such as http://127.0.0.1:8550, or the absolute path of its socket.")


def shown(place: str) -> str:
    """Return a place as it may be printed: a URL may hold a key."""
    if not _is_url(place):
        return place
    parts = urlsplit(place)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _is_url(place: str) -> bool:
    try:
        parts = urlsplit(place)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class SocketPost:
    """Posts to a Unix socket, a connection a request; the answer is a line, as geth's encoder writes it."""

    def __init__(self, path: Path, within: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._within = within
        self._clock = clock

    def __call__(self, body: bytes) -> bytes:
        """Return the answer; raises UnansweredError where none comes in time, or it is too long."""
        deadline = self._clock() + self._within
        try:
            with socket.socket(socket.AF_UNIX) as connected:
                connected.settimeout(_CONNECT_WITHIN)
                connected.connect(str(self._path))
                connected.sendall(body + b"\n")
                return self._line(connected, deadline)
        except OSError as error:
            raise UnansweredError(type(error).__name__) from error

    def _line(self, connected: socket.socket, deadline: float) -> bytes:
        content = bytearray()
        while b"\n" not in content:
            left = deadline - self._clock()
            if left <= 0:
                raise TimeoutError
            connected.settimeout(left)
            chunk = connected.recv(_CHUNK)
            if not chunk:
                break
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise UnansweredError(f"the answer has over {MAX_ANSWER_BYTES} bytes")
        return bytes(content)
