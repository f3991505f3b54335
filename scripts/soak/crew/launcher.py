"""A worker as the soak starts it: `pole` itself, which kills itself where a file of its home says so.

A kill from outside hits an instruction by chance. What must survive one is what stands between two of them:
so the functions on both sides of each such place look for its name in the file, and end the process there.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

from scripts.soak.plan import MINING_POINT, SENDING_POINTS, VOTING_POINT

POINT_FILE: Final = "killed-at"

Die = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A method of a class at which a worker is killed: `after` it has returned, or before it is called."""

    holder: type
    method: str
    after: bool


def places() -> dict[str, Place]:
    """Return the place of each point."""
    from pole.adapters.sending.transactions import Sender
    from pole.adapters.storage.journal import SqliteJournal
    from pole.roles.memory import MinerMemory, VerifierMemory

    journal, sent, broadcast, noted = SENDING_POINTS
    return {
        journal: Place(SqliteJournal, "add_send", after=False),
        sent: Place(SqliteJournal, "add_send", after=True),
        broadcast: Place(Sender, "_broadcast", after=True),
        noted: Place(Sender, "_settle", after=False),
        MINING_POINT: Place(MinerMemory, "keep_claim", after=True),
        VOTING_POINT: Place(VerifierMemory, "keep_votes", after=True),
    }


def arm(file: Path, die: Die) -> None:
    """Let every place look into the file, and die there once if it has the point's name."""
    for point, place in places().items():
        method = getattr(place.holder, place.method)
        setattr(place.holder, place.method, _deadly(method, place, point, file, die))


def _deadly(method: Callable[..., Any], place: Place, point: str, file: Path, die: Die) -> Callable[..., Any]:
    def look() -> None:
        if is_set(file, point):
            file.unlink()
            die()

    @wraps(method)
    def looking(*arguments: Any, **options: Any) -> Any:
        if not place.after:
            look()
        done = method(*arguments, **options)
        if place.after:
            look()
        return done

    return looking


def is_set(file: Path, point: str) -> bool:
    """Return whether the file names the point."""
    try:
        return file.read_text() == point
    except FileNotFoundError:
        return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run `pole` with the arguments of this process."""
    from pole.cli import main as pole

    arm(Path(os.environ["POLE_HOME"]) / POINT_FILE, _die)
    pole()


if __name__ == "__main__":
    main()
