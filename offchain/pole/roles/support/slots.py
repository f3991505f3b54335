"""Where shards are worked on: the threads of this machine first, a cluster beside them."""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from threading import Semaphore
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pole.errors import AbandonedError, UnreachableError
from pole.learning.machine.threads import Stop, never
from pole.protocol.formats.tensors import MAX_HEADER_BYTES
from pole.roles.ports import MAX_SHARD_BYTES, Shards

Part = TypeVar("Part")
Result = TypeVar("Result")

LOG: Final = logging.getLogger("pole.cluster")
SECONDS_BETWEEN_LOOKS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Others:
    """Machines beside this one, and the randomness that none of them can foresee."""

    shards: Shards
    random_bytes: Callable[[int], bytes] = field(repr=False)

    def rows_to_check(self, count: int, one_of: int) -> NDArray[np.intp]:
        """Return which of `count` rows that came from elsewhere are computed here too: one of so many."""
        drawn = np.frombuffer(self.random_bytes(8 * -(-count // one_of)), dtype="<u8")
        return np.unique(drawn % count).astype(np.intp)


def find_room(tensors: Iterable[NDArray[Any]]) -> bool:
    """Return whether a shard of these tensors is small enough to be sent."""
    return sum(tensor.nbytes for tensor in tensors) <= MAX_SHARD_BYTES - MAX_HEADER_BYTES


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

    def run_all(
        self,
        parts: Sequence[Part],
        here: Callable[[Part], Result],
        there: Callable[[Shards, Part], Result],
        stop: Stop = never,
    ) -> list[Result]:
        """Return what `run` gives for each of the parts, in their order.

        What others still have when this machine has nothing left to do is done here too, so that nobody waits
        for a slow one. The first error is raised, and AbandonedError when `stop` says so, which is asked
        every second; what is under way then ends by itself.
        """
        pool = ThreadPoolExecutor(self.count)
        try:
            numbers = {
                pool.submit(
                    self.run, partial(here, part), lambda shards, part=part: there(shards, part)
                ): number
                for number, part in enumerate(parts)
            }
            found: dict[int, Result] = {}
            left = set(numbers)
            while left:
                done, left = wait(left, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
                found |= {numbers[future]: future.result() for future in done}
                if stop():
                    raise AbandonedError("The work was stopped: nobody waits for it any more.")
                if not done and self._own.acquire(blocking=False):
                    last = left.pop()
                    try:
                        found[numbers[last]] = here(parts[numbers[last]])
                    finally:
                        self._own.release()
            return [found[number] for number in range(len(parts))]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

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
