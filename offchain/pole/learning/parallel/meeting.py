"""Where ranks find each other: by a file on one machine, by an address of the first among several.

torch's own store listens on every interface unless it is given a socket, and gloo and NCCL where the
machine's name leads. None of them knows a password, so that who reaches them is trusted.
"""

import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import torch.distributed

from pole.errors import InputError
from pole.quoting import reason

STORE_SECONDS: Final = timedelta(seconds=20)
ADDRESS_OF_INTERFACE: Final = 0x8915
"""SIOCGIFADDR of netdevice(7)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IPv4 address and a port of the first machine, and a name for what is kept there."""

    host: str
    port: int
    name: str = ""


Meeting = Path | Endpoint


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint of `HOST:PORT`; raises InputError for anything else."""
    host, _, port = text.rpartition(":")
    try:
        address = socket.gethostbyname(host) if host else ""
    except (OSError, UnicodeError) as error:
        raise InputError(f"The machine {host!r} is not known here: {reason(error)}.") from error
    if not address or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 2**16:
        raise InputError(f"The address is {text!r}, but must be like 10.0.0.1:29500.")
    return Endpoint(address, int(port))


def listen(endpoint: Endpoint) -> Any:
    """Return a new store that listens at this address of this machine, and at no other.

    Raises InputError where that cannot be.
    """
    interface_with(endpoint.host)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((endpoint.host, endpoint.port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"This machine cannot listen at {endpoint.host}:{endpoint.port}: {reason(error)}; name another "
            "port."
        ) from error
    listener.listen()
    return _store(endpoint, is_master=True, master_listen_fd=listener.detach())


def join(endpoint: Endpoint) -> Any:
    """Return the store that listens at an endpoint; raises RuntimeError where none does."""
    return _store(endpoint, is_master=False)


def _store(endpoint: Endpoint, **options: Any) -> Any:
    return torch.distributed.TCPStore(  # type: ignore[attr-defined]
        endpoint.host, endpoint.port, None, timeout=STORE_SECONDS, wait_for_workers=False, **options
    )


def open_store(meeting: Meeting, ranks: int) -> Any:
    """Return the store by which so many ranks meet; gloo and NCCL are to keep to its interface."""
    store: Any
    if isinstance(meeting, Path):
        interface = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
        store = torch.distributed.FileStore(str(meeting), ranks)  # type: ignore[attr-defined]
    else:
        interface = os.environ.get("GLOO_SOCKET_IFNAME") or interface_with(own_address(meeting.host))
        store = torch.distributed.PrefixStore(meeting.name, join(meeting))  # type: ignore[attr-defined]
    os.environ.update(GLOO_SOCKET_IFNAME=interface, NCCL_SOCKET_IFNAME=interface)
    return store


def own_address(host: str) -> str:
    """Return the address of this machine from which packets to a host leave."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the kernel only looks up the route.
        probe.connect((host, 9))
        return str(probe.getsockname()[0])


def interface_with(address: str) -> str:
    """Return the name of this machine's interface with an address; raises InputError where there is none."""
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                request = struct.pack("256s", name.encode()[:15])
                found = fcntl.ioctl(probe.fileno(), ADDRESS_OF_INTERFACE, request)[20:24]
            except OSError:
                # It has no IPv4 address.
                continue
        if socket.inet_ntoa(found) == address:
            return name
    raise InputError(
        f"No interface of this machine has the address {address}: name one of its own addresses, or the "
        "interface in GLOO_SOCKET_IFNAME."
    )
