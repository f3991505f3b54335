"""How each kind of fault begins and ends."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from scripts.demo.network import Ground
from scripts.stress.soak.crew.crew import Crew
from scripts.stress.soak.node.answers import Answer
from scripts.stress.soak.node.proxy import FaultyNode, Window
from scripts.stress.soak.plan import BAD_SHARE, Fault, FaultKind

from pole.adapters.machine.devnet import DevnetSettings, programs_folder, start_ipfs
from pole.adapters.machine.process import running_process

UNTIL_ROUND_ENDS: Final = frozenset({FaultKind.KILL_AT_POINT, FaultKind.BAD_SENDING, FaultKind.WRONG_CLOCK})
"""Faults that wait for their occasion, or last, to the end of their round."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of fault begins and ends.

    To begin returns whether it could, for one cannot stop what does not run; to end, whether it had its
    occasion. None stands for True.
    """

    begin: Callable[[Fault], bool | None]
    end: Callable[[Fault], bool | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Injector:
    """Lets faults begin and end; used by one thread. `later` runs what takes long beside it."""

    ground: Ground
    crew: Crew
    later: Callable[[Callable[[], object]], object]

    def begin(self, fault: Fault) -> bool:
        """Let a fault begin; return whether it could."""
        return self._way(fault.kind).begin(fault) is not False

    def end(self, fault: Fault) -> bool:
        """Let a fault end; return whether it had its occasion."""
        return self._way(fault.kind).end(fault) is not False

    def _way(self, kind: FaultKind) -> Way:
        return (self._ways_of_processes() | self._ways_of_files() | self._ways_of_services())[kind]

    def _ways_of_processes(self) -> dict[FaultKind, Way]:
        crew = self.crew
        return {
            FaultKind.KILL: Way(lambda fault: crew.kill(fault.target)),
            FaultKind.KILL_AT_POINT: Way(
                lambda fault: crew.set_point(fault.target, fault.seed, fault.detail),
                lambda fault: not crew.clear_point(fault.target, fault.seed),
            ),
            FaultKind.STOP: Way(
                lambda fault: crew.pause(fault.target), lambda fault: crew.resume(fault.target)
            ),
            FaultKind.WRONG_CLOCK: Way(
                lambda fault: crew.shift_clock(fault.target, fault.detail),
                lambda fault: crew.shift_clock(fault.target, ""),
            ),
        }

    def _ways_of_files(self) -> dict[FaultKind, Way]:
        crew = self.crew
        return {
            FaultKind.FULL_HOME: Way(
                lambda fault: crew.fill_home(fault.target), lambda fault: crew.empty_home(fault.target)
            ),
            FaultKind.LOCKED_JOURNAL: Way(
                lambda fault: crew.lock_journal(fault.target), lambda fault: crew.unlock_journal(fault.target)
            ),
        }

    def _ways_of_services(self) -> dict[FaultKind, Way]:
        return {
            FaultKind.BAD_ANSWERS: Way(
                lambda fault: self._node(fault).open_window(_window(fault)),
                lambda fault: self._node(fault).close_window(),
            ),
            FaultKind.BAD_SENDING: Way(
                lambda fault: self._node(fault).bend_next_sending(Answer(fault.detail)) or None,
                lambda fault: not self._node(fault).bend_next_sending(None),
            ),
            FaultKind.NO_IPFS: Way(
                lambda _: self._signal("ipfs", signal.SIGKILL), lambda _: self._later_start_ipfs()
            ),
            FaultKind.NO_CHAIN: Way(
                lambda _: self._signal("chain", signal.SIGSTOP),
                lambda _: self._signal("chain", signal.SIGCONT),
            ),
        }

    def _node(self, fault: Fault) -> FaultyNode:
        return self.crew.members[fault.target].node

    def _devnet(self) -> Path:
        # `pole devnet` has a folder in its home, which is one in the ground's.
        return self.ground.folder / "devnet" / "devnet"

    def _signal(self, service: str, number: signal.Signals) -> None:
        process = running_process(self._devnet() / f"{service}.json")
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _later_start_ipfs(self) -> None:
        rpc, ipfs, swarm = self.ground.ports
        settings = DevnetSettings(self._devnet(), programs_folder(), rpc, ipfs, swarm)
        self.later(lambda: start_ipfs(settings))


def _window(fault: Fault) -> Window:
    return Window(BAD_SHARE, Random(fault.seed))  # noqa: S311 (no secret)
