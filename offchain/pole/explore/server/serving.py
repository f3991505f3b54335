"""The server: a socket on this machine, the application, and its end by Ctrl-C."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from pole.errors import InputError

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
MAX_CONNECTIONS: Final = 500
BACKLOG: Final = 128
KEEP_ALIVE: Final = 5
"""Seconds that an idle connection is kept."""


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str) -> frozenset[str]:
    """Return the names under which a server that listens on `host` answers; none stands for any."""
    return frozenset({*LOOPBACK_NAMES, host}) if is_loopback(host) else frozenset()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any that is free. Raises InputError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP it gets TCP_NODELAY of asyncio; without, each answer waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError, ValueError, TypeError) as error:
        listening.close()
        raise InputError(
            f"Nothing can listen on {host}, port {port} ({error}): choose others with --host and --port."
        ) from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Return the URL of the first page."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(app: ASGIApp, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until Ctrl-C; `ready` is called before the first."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )
    ready()
    # Once all is closed uvicorn raises again what Ctrl-C raised.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
