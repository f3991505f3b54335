"""A shard with one connection to a scheduler: done by a worker, by a second one where the first is slow."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from threading import Event
from typing import Any, Final

from distributed import Client, Future, KilledWorker
from distributed.client import ClosedClientError

from pole.adapters.machine.cluster.running import ShardFailure, run_shard
from pole.adapters.machine.cluster.scheduler import TRIES
from pole.errors import ShardError, UnreachableError
from pole.quoting import one_line, reason
from pole.roles.ports import ShardResult, WorkShard

LOG: Final = logging.getLogger("pole.cluster")
LOST: Final = (OSError, CancelledError, ClosedClientError)
"""What Dask raises, one or the other, when its connection to the scheduler is gone."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits, in seconds.

    `connecting` for a scheduler that does not answer or has no workers; then it is left alone for `away`. A
    shard is slow, and done twice, after `slow_factor` times what half of the last ones took, and `slow`
    at least; `first` where none has been done yet. `look` is the time between two looks.
    """

    connecting: float = 60.0
    away: float = 30.0
    slow_factor: float = 3.0
    slow: float = 5.0
    first: float = 120.0
    look: float = 0.2


PATIENT: Final = Patience()


def ask(client: Client, question: str, **details: Any) -> Any:
    """Return what the scheduler answers; raises one of LOST without connection."""
    if client.scheduler is None:
        raise CancelledError
    return client.sync(getattr(client.scheduler, question), **details)


class Attempt:
    """A shard with one connection: done once, or by a second worker too where the first is slow."""

    def __init__(
        self,
        client: Client,
        shard: WorkShard,
        patience: Patience,
        clock: Callable[[], float],
        seconds: deque[float],
    ) -> None:
        self._client, self._shard, self._patience = client, shard, patience
        self._clock, self._seconds = clock, seconds
        self._changed = Event()
        self._begun = self._seen = clock()
        self._futures: list[Future[ShardResult]] = []

    def result(self) -> ShardResult:
        """Return the first whole result.

        Raises ShardError, UnreachableError where no worker was there for as long as patience lasts, and LOST
        without connection.
        """
        self._submit(self._shard.name)
        while True:
            self._changed.wait(self._patience.look)
            self._changed.clear()
            found = self._first_done()
            if found is not None:
                self._seconds.append(self._clock() - self._begun)
                return found
            if self._is_alone():
                raise UnreachableError(f"No worker is there for the shard {self._shard.name}.")
            if len(self._futures) == 1 and self._is_slow():
                self._submit_again()

    def release(self) -> None:
        """Give up what is under way."""
        for future in self._futures:
            with suppress(*LOST):
                future.release()

    def _submit(self, key: str, workers: Sequence[str] | None = None) -> None:
        future = self._client.submit(
            run_shard,
            self._shard,
            key=key,
            workers=workers,
            allow_other_workers=workers is not None,
            retries=TRIES - 1,
        )
        future.add_done_callback(lambda _: self._changed.set())
        self._futures.append(future)

    def _first_done(self) -> ShardResult | None:
        by_status = {future.status: future for future in self._futures}
        if "finished" in by_status:
            return self._fetched(by_status["finished"])
        if "error" in by_status:
            raise ShardError(self._why(by_status["error"].exception()))
        if by_status.keys() & {"cancelled", "lost"}:
            raise CancelledError
        return None

    def _fetched(self, future: Future[ShardResult]) -> ShardResult:
        """Fetch a result; where its worker died meanwhile, Dask has the shard done again."""
        try:
            return future.result()
        except (KilledWorker, ShardFailure) as error:
            raise ShardError(self._why(error)) from error

    def _threads(self) -> dict[str, int]:
        """Return how many threads each worker has, by its address."""
        threads: dict[str, int] = ask(self._client, "ncores", workers=None)
        return threads

    def _is_alone(self) -> bool:
        """Return whether no worker is there, nor was one lately: a worker that died is back in seconds."""
        now, patience = self._clock(), self._patience.connecting
        if now - self._seen > patience / 2 and self._threads():
            self._seen = now
        return now - self._seen > patience

    def _is_slow(self) -> bool:
        longest = (
            max(self._patience.slow, self._patience.slow_factor * median(self._seconds))
            if self._seconds
            else self._patience.first
        )
        return self._clock() - self._begun > longest

    def _submit_again(self) -> None:
        """Have an idle worker do it too, where another has it and there is one."""
        processing, threads = ask(self._client, "processing", workers=None), self._threads()
        has_it = {worker for worker, keys in processing.items() if self._shard.name in keys}
        idle = [
            worker
            for worker, count in threads.items()
            if worker not in has_it and len(processing.get(worker, ())) < count
        ]
        if has_it and idle:
            LOG.warning("The shard %s is slow on %s: another does it too.", self._shard.name, min(has_it))
            self._submit(f"{self._shard.name}-again", idle)

    def _why(self, error: BaseException | None) -> str:
        if isinstance(error, KilledWorker):
            worker = error.last_worker
            return (
                f"The shard {self._shard.name} was given up: {TRIES} workers died at it, the last of them "
                f"{one_line(str(worker.name))} ({worker.address}). Mostly they need more memory than "
                f"their --memory-limit. {self._last_lines(str(worker.nanny))}"
            )
        if isinstance(error, ShardFailure):
            return (
                f"The shard {self._shard.name} failed {TRIES} times, the last time on {error.worker}: "
                f"{one_line(error.reason, 500)}. {self._last_lines(error.worker)}"
            )
        return f"The shard {self._shard.name} failed: {reason(error) if error else 'nobody says why'}."

    def _last_lines(self, address: str) -> str:
        try:
            lines = ask(self._client, "pole_logs", address=address)
        except LOST as error:
            lines = [f"not to be had: {reason(error)}"]
        return f"The last lines of its log: {' | '.join(map(str, lines)) or 'none'}"
