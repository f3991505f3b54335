"""A worker as the soak starts it: `pole` itself, which kills itself where a file of a folder says so.

A kill from outside hits an instruction by chance. What must survive one is what stands between two of them:
so the functions on both sides of each such place look for a file with its name, and end the process there.
Each kill has a file of its own, since rounds side by side may have kills of one worker at once.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

from scripts.stress.soak.plan import MINING_POINT, SENDING_POINTS, VOTING_POINT

POINTS: Final = "killed-at"

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


def arm(folder: Path, die: Die) -> None:
    """Let every place look into the folder, and die there once for each file that has the point's name."""
    for point, place in places().items():
        method = getattr(place.holder, place.method)
        setattr(place.holder, place.method, _deadly(method, place, point, folder, die))


def _deadly(
    method: Callable[..., Any], place: Place, point: str, folder: Path, die: Die
) -> Callable[..., Any]:
    def look() -> None:
        for file in sorted(folder.glob("*")):
            if file.read_text() == point:
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


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run `pole` with the arguments of this process."""
    from pole.cli import main as pole

    arm(Path(os.environ["POLE_HOME"]) / POINTS, _die)
    pole()


if __name__ == "__main__":
    main()
