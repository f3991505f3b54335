"""Which faults may have made a worker do what it did."""

from collections.abc import Iterable
from typing import Final

from scripts.stress.soak.conductor import Incident
from scripts.stress.soak.plan import CHAIN, IPFS

RECOVERY: Final = 30.0
"""Seconds after a fault until which a worker may be behind by it: it starts, and waits between attempts."""


def named(incidents: Iterable[Incident], worker: str, begin: float, end: float) -> list[str]:
    """Return the faults of a worker, or of what all share, that a time of the calendar may have felt."""
    return [
        str(each.fault)
        for each in incidents
        if each.held
        and each.fault.target in (worker, CHAIN, IPFS)
        and each.began is not None
        and each.began <= end
        and (each.ended is None or each.ended + RECOVERY >= begin)
    ]
