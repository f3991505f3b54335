"""What a process says to its supervisor: systemd's datagrams, and nothing where nobody listens."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pole.adapters.machine.notices import notify


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(5)
        yield made


@pytest.mark.parametrize("name", ["{folder}/notify", "\0pole-{folder}"], ids=["file", "abstract"])
def test_a_supervisor_hears_each_value_on_a_line(listener: socket.socket, name: str, tmp_path: Path) -> None:
    where = name.format(folder=tmp_path)
    listener.bind(where)
    notify({"NOTIFY_SOCKET": where.replace("\0", "@")}, READY="1", STATUS="Ready\nMAINPID=1 as 0xAB.")
    assert listener.recv(4096) == b"READY=1\nSTATUS=Ready MAINPID=1 as 0xAB.\n"


def test_nothing_is_said_where_nobody_listens(tmp_path: Path) -> None:
    notify({}, READY="1")
    notify({"NOTIFY_SOCKET": ""}, READY="1")
    notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}, READY="1")
    notify({"NOTIFY_SOCKET": "x" * 200}, READY="1")


def test_a_supervisor_that_takes_nothing_more_holds_nobody_up(
    listener: socket.socket, tmp_path: Path
) -> None:
    listener.bind(str(tmp_path / "notify"))
    for _ in range(2000):
        notify({"NOTIFY_SOCKET": str(tmp_path / "notify")}, STATUS="x" * 1000)
