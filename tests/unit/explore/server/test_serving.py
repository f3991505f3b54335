import socket

import pytest

from pole.errors import InputError
from pole.explore.server.serving import is_loopback, listen, names_of, url_of


@pytest.mark.parametrize("host", ["256.0.0.1", "no such host", "127.0.0.1\0"])
def test_an_address_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="choose others with --host and --port"):
        listen(host, 0)


def test_a_port_that_is_taken_is_refused() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(InputError, match="Nothing can listen"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_the_url_is_that_of_the_socket() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert listening.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)
    assert host in names_of(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - none listens
def test_another_address_is_answered_under_any_name(host: str) -> None:
    assert not is_loopback(host)
    assert not names_of(host)
