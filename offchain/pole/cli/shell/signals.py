"""What signals ask of a worker, from the first moment of its process on.

Loading takes a part of a second. SIGTERM in it ends the worker as later, by exit code 0, and SIGUSR1, which
asks it to be drained, is kept for when it runs.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from pole.adapters.machine.fleet.draining import DRAIN, DRAINING

ROLES: Final = frozenset({"miner", "verifier", "data-node", "key-holder"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a worker was asked for: to end between two steps (`stopping`), or to be drained (`draining`)."""

    stopping: threading.Event = field(default_factory=threading.Event)
    draining: threading.Event = field(default_factory=threading.Event)


_EARLY: Final = Asked()


def catch_early(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Where a command line runs a worker, have signals ask for what they ask for later.

    Nothing is open yet that its end could leave half done.
    """
    if "run" not in words or ROLES.isdisjoint(words):
        return
    if environment.get(DRAINING):
        _EARLY.draining.set()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(DRAIN, lambda *_: _EARLY.draining.set())


@contextmanager
def heed_signals() -> Iterator[Asked]:
    """Give what SIGTERM, SIGINT and SIGUSR1 ask for; what they asked for before is in it."""
    asked = Asked()
    actions = {
        signal.SIGTERM: asked.stopping,
        signal.SIGINT: asked.stopping,
        DRAIN: asked.draining,
    }
    before = {number: signal.signal(number, _setter(event)) for number, event in actions.items()}
    if _EARLY.draining.is_set():
        asked.draining.set()
    try:
        yield asked
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _setter(event: threading.Event) -> "signal._HANDLER":
    def set_it(_number: int, _frame: FrameType | None) -> None:
        event.set()

    return set_it


def _end(_number: int, _frame: FrameType | None) -> None:
    # An exception could be lost in the middle of an import; there is nothing to be undone.
    os._exit(0)
