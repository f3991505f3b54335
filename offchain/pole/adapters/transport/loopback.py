"""Whether an address is this machine's own, where no proxy has a part."""

from ipaddress import ip_address
from typing import Any


def is_loopback(host: str) -> bool:
    """Return whether a host, by name or number, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def proxies_for(host: str) -> dict[str, Any] | None:
    """Return what requests is to know of proxies on the way to a host: that there are none to this machine.

    None leaves them to the environment.
    """
    # requests asks the environment for the proxies that are not named, and leaves out the None.
    return {"http": None, "https": None, "all": None} if is_loopback(host) else None
