"""The server that Prometheus asks."""

import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry, Counter

from pole.adapters.machine.monitoring.endpoint import serving
from pole.errors import InputError


def status(port: int, host: str, method: str = "GET") -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, "/metrics", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"127.0.0.1, port {port} .*: give each worker a port of its own"),
            serving(CollectorRegistry(), port),
        ):
            pytest.fail("it is served")


def test_two_workers_cannot_have_one_port() -> None:
    with serving(CollectorRegistry(), 0) as url:
        port = urlsplit(url).port or 0
        with pytest.raises(InputError), serving(CollectorRegistry(), port):
            pytest.fail("it is served")


def test_it_answers_on_this_machines_own_names_alone_and_ends_with_the_worker() -> None:
    registry = CollectorRegistry()
    Counter("pole_example", "An example.", registry=registry)
    with serving(registry, 0) as url:
        port = urlsplit(url).port or 0
        assert status(port, f"127.0.0.1:{port}") == status(port, f"localhost:{port}") == 200
        assert status(port, f"evil.example:{port}") == status(port, "") == 421
        assert status(port, f"127.0.0.1:{port}", "POST") == 405
    with pytest.raises(OSError, match="refused"):
        status(port, f"127.0.0.1:{port}")


def test_a_client_that_says_nothing_keeps_nobody_else_out() -> None:
    with serving(CollectorRegistry(), 0) as url:
        port = urlsplit(url).port or 0
        with socket.create_connection(("127.0.0.1", port)):
            assert status(port, f"127.0.0.1:{port}") == 200
