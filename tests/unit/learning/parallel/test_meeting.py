"""Where ranks meet: at one address of this machine, and at no other."""

import socket
from pathlib import Path

import pytest

from pole.adapters.machine.devnet import free_port
from pole.errors import InputError
from pole.learning.parallel.meeting import Endpoint, interface_with, join, listen, own_address, parse_endpoint


@pytest.mark.parametrize(
    "text",
    ["", "29500", ":29500", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:²"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"like 10\.0\.0\.1:29500"):
        parse_endpoint(text)


def test_a_machine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="is not known here"):
        parse_endpoint("nobody.invalid:29500")


def test_an_address_is_read() -> None:
    assert parse_endpoint("127.0.0.1:29500") == Endpoint("127.0.0.1", 29500)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])  # noqa: S104 - refused
def test_all_interfaces_and_those_of_others_are_refused(host: str) -> None:
    with pytest.raises(InputError, match="No interface of this machine has the address"):
        listen(Endpoint(host, 29500))


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="name another port"):
            listen(Endpoint("127.0.0.1", taken.getsockname()[1]))


def test_a_store_listens_at_its_address_alone() -> None:
    endpoint = Endpoint("127.0.0.1", free_port())
    store = listen(endpoint)
    store.set("word", "kept")
    assert join(endpoint).get("word") == b"kept"
    shown = f":{endpoint.port:04X}"
    tables = [Path(f"/proc/self/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    listening = [line.split()[1] for table in tables for line in table if line.split()[3] == "0A"]
    assert [each for each in listening if each.endswith(shown)] == [f"0100007F{shown}"]


def test_loopback_is_reached_by_its_interface() -> None:
    assert interface_with(own_address("127.0.0.1")).startswith("lo")
