"""The port of shards through a cluster: lost workers, slow ones and a lost scheduler are made up for."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from distributed import Client
from distributed.security import Security
from distributed.utils import LoopRunner

from pole.adapters.machine.cluster.attempt import LOST, PATIENT, Attempt, Patience, ask
from pole.adapters.machine.cluster.conditions import Conditions, refusal
from pole.adapters.machine.cluster.scheduler import configure
from pole.errors import InputError, UnreachableError
from pole.quoting import reason
from pole.roles.ports import MAX_SHARD_BYTES, ShardResult, WorkShard

LOG: Final = logging.getLogger("pole.cluster")
RECENT: Final = 50
SECONDS_TO_ANSWER: Final = 5.0
_BROKEN: Final = (*LOST, ValueError)
"""The same while it connects or ends: tornado raises ValueError where a scheduler ends as TLS begins."""


class ShardClient(Client):
    """Dask's client that ends with its connection: another is made in its place, and does what was begun."""

    def __init__(self, address: str, security: Security, loop: Any, seconds: float) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            address, loop=loop, security=security, timeout=seconds, set_as_default=False, name="pole"
        )

    async def _reconnect(self) -> None:
        self.scheduler_comm = None
        for state in self.futures.values():
            state.cancel(reason="scheduler-connection-lost")
        self.futures.clear()
        await self._close()


class Cluster:
    """Shards done by the workers of one scheduler; close it in the end."""

    def __init__(
        self,
        address: str,
        security: Security,
        own: Conditions,
        patience: Patience = PATIENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        configure()
        self._address, self._security, self._own = address, security, own
        self._patience, self._clock = patience, clock
        self._loop = LoopRunner(asynchronous=False)
        self._loop.start()
        self._client: Client | None = None
        self._connecting = Lock()
        self._away_until = float("-inf")
        self._is_closed = False
        self._seconds: deque[float] = deque(maxlen=RECENT)

    def at_once(self) -> int:
        """Return the threads of all workers and one more each, which has its bytes sent meanwhile.

        Raises UnreachableError where the scheduler does not answer, InputError where this machine computes
        otherwise than it does.
        """
        workers = self.workers()
        return sum(int(worker["nthreads"]) for worker in workers.values()) + len(workers)

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what Dask knows of each worker, by address; raises what `at_once` raises."""
        client = self._connected()
        try:
            found = ask(client, "identity", n_workers=-1)
        except LOST as error:
            raise UnreachableError(self._no_answer(error)) from error
        workers: dict[str, dict[str, Any]] = found["workers"]
        return workers

    def running(self) -> dict[str, Sequence[str]]:
        """Return the names of the shards that each worker has, by address; raises what `at_once` raises."""
        client = self._connected()
        try:
            found = ask(client, "processing", workers=None)
        except LOST as error:
            raise UnreachableError(self._no_answer(error)) from error
        return {worker: tuple(map(str, keys)) for worker, keys in found.items()}

    def run(self, shard: WorkShard) -> ShardResult:
        """See Shards; raises InputError for a shard of over 128 MiB."""
        if len(shard.content) > MAX_SHARD_BYTES:
            raise InputError(
                f"The shard {shard.name} has {len(shard.content)} bytes, and a cluster takes "
                f"{MAX_SHARD_BYTES} at most; take fewer queries or windows."
            )
        if self._clock() < self._away_until:
            raise UnreachableError(f"The cluster of {self._address} did nothing a moment ago.")
        try:
            return self._done(shard, self._clock() + self._patience.connecting)
        except UnreachableError:
            self._away_until = self._clock() + self._patience.away
            raise

    def _done(self, shard: WorkShard, until: float) -> ShardResult:
        while True:
            client = self._connected()
            attempt = Attempt(client, shard, self._patience, self._clock, self._seconds)
            try:
                return attempt.result(until)
            except LOST as error:
                LOG.warning("%s Trying again with %s.", self._no_answer(error), shard.name)
                if self._clock() > until:
                    raise UnreachableError(self._no_answer(error)) from error
            finally:
                attempt.release()

    def close(self) -> None:
        """End the connection; what is under way is given up, and UnreachableError raised for it."""
        with self._connecting:
            self._is_closed = True
            self._drop()
            self._loop.stop()

    def _connected(self) -> Client:
        with self._connecting:
            if self._is_closed:
                raise UnreachableError(f"The connection to the cluster of {self._address} was closed.")
            if self._client is None or self._client.status != "running":
                self._drop()
                self._client = self._connect()
            return self._client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(*_BROKEN):
                client.close(timeout=2)

    def _connect(self) -> Client:
        """Connect, trying for as long as patience lasts, to a scheduler whose machine is as this one."""
        until = self._clock() + self._patience.connecting
        while True:
            try:
                client: Client = ShardClient(
                    self._address,
                    self._security,
                    self._loop.loop,
                    min(SECONDS_TO_ANSWER, self._patience.connecting),
                )
                theirs = ask(client, "pole_conditions")
            except _BROKEN as error:
                if self._clock() > until:
                    raise UnreachableError(self._no_answer(error)) from error
                time.sleep(self._patience.look)
            else:
                break
        why = refusal(Conditions(**theirs), self._own.report(), "This machine")
        if why is not None:
            client.close(timeout=2)
            raise InputError(why)
        return client

    def _no_answer(self, error: BaseException) -> str:
        return (
            f"The scheduler {self._address} does not answer ({reason(error) or type(error).__name__}): check "
            "that `pole cluster scheduler` runs there, and that the certificates are of one authority."
        )
