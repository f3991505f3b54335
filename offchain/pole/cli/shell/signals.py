"""What signals ask of a worker, from the first moment of its process on.

Loading takes a part of a second. SIGTERM in it ends the worker as later, by exit code 0, and what asks it to
leave is kept for when it runs. Whoever starts a worker may block these signals until Python has come here, as
`pole fleet` does: then none of them is lost.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from pole.adapters.machine.fleet.draining import ASKING, DRAIN, DRAINING, RENEW

ROLES: Final = frozenset({"miner", "verifier", "data-node", "key-holder"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a worker was asked for: to end between two steps, to drain, or to end for another start."""

    stopping: threading.Event = field(default_factory=threading.Event)
    draining: threading.Event = field(default_factory=threading.Event)
    renewing: threading.Event = field(default_factory=threading.Event)

    def is_leaving(self) -> bool:
        """Return whether it is to take on nothing new."""
        return self.draining.is_set() or self.renewing.is_set()


_EARLY: Final = Asked()


def catch_early(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Where a command line runs a worker, have signals ask for what they ask for later.

    Nothing is open yet that its end could leave half done.
    """
    if "run" in words and not ROLES.isdisjoint(words):
        if environment.get(DRAINING):
            _EARLY.draining.set()
        signal.signal(signal.SIGTERM, _end)
        signal.signal(DRAIN, _setter(_EARLY.draining))
        signal.signal(RENEW, _setter(_EARLY.renewing))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)


@contextmanager
def heed_signals() -> Iterator[Asked]:
    """Give what SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 ask for; what they asked for before is in it."""
    asked = Asked()
    actions = {
        signal.SIGTERM: asked.stopping,
        signal.SIGINT: asked.stopping,
        DRAIN: asked.draining,
        RENEW: asked.renewing,
    }
    before = {number: signal.signal(number, _setter(event)) for number, event in actions.items()}
    for early, event in ((_EARLY.draining, asked.draining), (_EARLY.renewing, asked.renewing)):
        if early.is_set():
            event.set()
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
