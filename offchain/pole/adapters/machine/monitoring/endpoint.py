"""Where Prometheus reads a worker: a small HTTP server on loopback, in threads of its own."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from pole.errors import InputError

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")
"""The names under which it answers: a web page can give its own name this machine's address."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Requests(WSGIRequestHandler):
    timeout = 10
    """Seconds after which a connection that sends nothing is closed."""

    def log_message(self, *_: object) -> None:
        """Stay silent: the log is the worker's."""


@contextmanager
def serving(registry: CollectorRegistry, port: int) -> Iterator[str]:
    """Answer on a port of loopback while the context lasts; give the URL.

    Port 0 takes any that is free. Raises InputError where nothing can listen there.
    """
    app = _for_this_machine(make_wsgi_app(registry))
    try:
        server = make_server(HOST, port, app, ThreadingWSGIServer, handler_class=_Requests)
    except OSError as error:
        raise InputError(
            f"Metrics cannot be served on {HOST}, port {port} ({error.strerror}): give each worker a port of "
            "its own with --metrics."
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _for_this_machine(app: Application) -> Application:
    """Return an application that refuses requests under another name than this machine's own."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "").rpartition(":")[0] not in NAMES:
            start("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Ask for http://127.0.0.1 and the port.\n"]
        return app(environ, start)

    return guarded
