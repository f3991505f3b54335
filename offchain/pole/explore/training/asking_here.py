"""Whether a request comes from this machine, to which alone trainings are shown."""

import ipaddress
from collections.abc import Container
from typing import Final

from starlette.requests import Request

_PASSED_ON: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of requests that a proxy on this machine passes on for somebody elsewhere."""


def asks_here(request: Request, names: Container[str]) -> bool:
    """Return whether a request comes from loopback, names one of this machine's `names`, and is no proxy's.

    A web page of somebody else's, whose name was pointed at this machine, names its own host.
    """
    if any(header in request.headers for header in _PASSED_ON):
        return False
    # The port is after the last colon, and an address of IPv6 is in brackets.
    host = request.headers.get("host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in names and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
