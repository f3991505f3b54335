"""Where shards are worked on: the threads of this machine first, a cluster beside them."""

import logging
from collections.abc import Callable
from threading import Semaphore
from typing import Final, TypeVar

from pole.errors import UnreachableError
from pole.roles.ports import Shards

Result = TypeVar("Result")

LOG: Final = logging.getLogger("pole.cluster")


class Slots:
    """As many shards at a time as this machine has `threads`, and as many more as keep `shards` busy.

    `count` is their sum: so many threads may call `run` at a time, most of which wait for others' work.
    """

    def __init__(self, threads: int, shards: Shards | None) -> None:
        self._own = Semaphore(threads)
        self._shards = shards
        self._elsewhere = 0 if shards is None else _at_once(shards)
        self.count = threads + self._elsewhere

    def run(self, here: Callable[[], Result], there: Callable[[Shards], Result]) -> Result:
        """Return what `here` gives where a thread of this machine is free, else what `there` gives.

        What the cluster cannot do because it does not answer is done here, and a warning says so.
        """
        if self._shards is None or not self._elsewhere:
            return self.here(here)
        if self._own.acquire(blocking=False):
            try:
                return here()
            finally:
                self._own.release()
        try:
            return there(self._shards)
        except UnreachableError as error:
            LOG.warning("%s This machine does the work itself meanwhile.", error)
        return self.here(here)

    def here(self, work: Callable[[], Result]) -> Result:
        """Return what `work` gives, once a thread of this machine is free for it."""
        with self._own:
            return work()


def _at_once(shards: Shards) -> int:
    try:
        return shards.at_once()
    except UnreachableError as error:
        LOG.warning("%s This machine does the work itself meanwhile.", error)
        return 0
