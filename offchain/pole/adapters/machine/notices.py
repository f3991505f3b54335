"""What a process says to the supervisor that started it, by systemd's protocol: sd_notify(3)."""

import os
import socket
from collections.abc import Mapping
from typing import Final

SOCKET: Final = "NOTIFY_SOCKET"
"""The variable that names the supervisor's socket; without it nobody listens."""


def notify(environment: Mapping[str, str] = os.environ, /, **values: str) -> None:
    """Say values, such as READY="1"; a supervisor that does not take them is no fault of the process's."""
    address = environment.get(SOCKET)
    if not address:
        return
    lines = "".join(f"{name}={' '.join(value.split())}\n" for name, value in values.items())
    # A name that begins with @ is one of Linux's abstract sockets.
    where = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0)
        try:
            sender.sendto(lines.encode(), where)
        except OSError:
            return
