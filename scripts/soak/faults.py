"""How each fault begins and ends."""

import os
import resource
import signal
from collections.abc import Callable
from typing import Final

from scripts.soak.network import Network
from scripts.soak.plan import Fault, Planned

from pole.adapters.machine.process import stop_process

ON_THE_WAY: Final = frozenset(Fault) - {
    *(Fault.KILLED, Fault.STOPPED, Fault.FULL_DISK, Fault.NO_IPFS, Fault.NO_NODE),
}
"""Faults that happen between a worker and its node."""

Undo = Callable[[], None]


def nothing() -> None:
    """Do nothing: what was killed is started again by who watches."""


def begin(network: Network, planned: Planned) -> Undo:
    """Let a fault begin; return what ends it."""
    if planned.fault in ON_THE_WAY:
        return _on_the_way(network, planned)
    match planned.fault:
        case Fault.KILLED:
            _signal(network.pid(planned.worker), signal.SIGKILL)
            return nothing
        case Fault.STOPPED:
            return _stopped(network.pid(planned.worker))
        case Fault.FULL_DISK:
            return _full_disk(network.pid(planned.worker))
        case Fault.NO_NODE:
            return _stopped(network.node())
    stop_process(network.ipfs_record)
    return network.ground.up


def _on_the_way(network: Network, planned: Planned) -> Undo:
    way = network.ways[planned.worker]
    way.fault = planned.fault

    def undo() -> None:
        if way.fault is planned.fault:
            way.fault = None

    return undo


def _stopped(process: int) -> Undo:
    _signal(process, signal.SIGSTOP)
    return lambda: _signal(process, signal.SIGCONT)


def _full_disk(process: int) -> Undo:
    """No file of the process grows, as where a disk is full or a quota used up."""
    soft, hard = resource.prlimit(process, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def undo() -> None:
        if _runs(process):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))

    return undo


def _signal(process: int, number: signal.Signals) -> None:
    if _runs(process):
        os.killpg(process, number)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
