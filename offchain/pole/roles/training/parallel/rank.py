"""Ranks as processes of this machine: started, heard, and ended with all that they have started."""

import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, cast

from pole.quoting import one_line
from pole.roles.support.files import make_private_folder, own_disk
from pole.roles.training.parallel import rank_process
from pole.roles.training.parallel.rank_process import STOP, Epoch, Failed, Finished, Order, Place
from pole.roles.training.processes import PROCESSES, started

SPARE: Final = 2.0
"""Seconds that ranks have to end once they shall."""

LINES: Final = 3
TAIL_BYTES: Final = 4096

# Its server has torch loaded: ranks begin at once. DistributedDataParallel imports torch's compiler.
LOADED: Final = (rank_process.__name__, "torch._dynamo")


def prepare_processes() -> None:
    """Start the server that ranks are forked from, which loads torch meanwhile."""
    PROCESSES.set_forkserver_preload(list(LOADED))
    forkserver.ensure_running()


def await_processes() -> None:
    """Return once ranks begin at once."""
    prepare_processes()
    first = PROCESSES.Process(target=time.monotonic)
    first.start()
    first.join()


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank's process, and this end of the line to it."""

    place: Place
    process: BaseProcess
    connection: Connection

    def message(self) -> Epoch | Finished | Failed | None:
        """Wait for what it sends next, and return it; None where it has ended."""
        try:
            return cast(Epoch | Finished | Failed, self.connection.recv())
        except (EOFError, OSError):
            return None

    def stop(self) -> None:
        """Ask it to stop; where it has ended, the next message says so."""
        with suppress(OSError):
            self.connection.send(STOP)

    def exit_code(self) -> int | None:
        """Return with what it ended, None where it does not end soon; below 0 a signal's number."""
        self.process.join(SPARE)
        return self.process.exitcode

    def end(self) -> None:
        """End it, with all that it has started."""
        self.process.kill()
        # Its group is there unless it has ended, or had not begun.
        with suppress(ProcessLookupError):
            os.killpg(cast(int, self.process.pid), signal.SIGKILL)
        self.process.join()
        self.connection.close()

    def why(self, failed: Failed | None) -> str:
        """Return a sentence on why it ended, with the last lines that it printed."""
        why = f"ended with exit code {self.exit_code()}" if failed is None else f"failed: {failed.why}"
        where = f"Rank {self.place.rank} of {self.place.ranks} on {self.place.device}"
        return f"{where} {one_line(why).rstrip('.')}. Its last lines: {self._last_lines()}"

    def _last_lines(self) -> str:
        try:
            with self.place.log.open("rb") as file:
                file.seek(max(0, self.place.log.stat().st_size - TAIL_BYTES))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return "none"
        return " | ".join([one_line(line) for line in lines if line.strip()][-LINES:]) or "none"


@contextmanager
def running_ranks(places: Sequence[Place], order: Order | None) -> Iterator[list[Rank]]:
    """Start ranks that are ended at the end of the context; rank 0 has the order.

    Raises LearnerError where one of them ends before it has what it is given.
    """
    prepare_processes()
    running: list[Rank] = []
    try:
        for place in places:
            running.append(_start(place, order))
        yield running
    finally:
        for rank in running:
            rank.end()


def _start(place: Place, order: Order | None) -> Rank:
    name = f"rank {place.rank}"
    if place.rank == 0:
        return Rank(place, *started(name, rank_process.lead, (place, order)))
    return Rank(place, *started(name, rank_process.follow, (place,)))


def fresh_folder(path: Path) -> Path:
    """Return an empty folder for the files of ranks; others beside it, of other rounds, are deleted."""
    with own_disk(path):
        for other in path.parent.glob(f"*{path.suffix}"):
            shutil.rmtree(other)
        make_private_folder(path)
    return path
