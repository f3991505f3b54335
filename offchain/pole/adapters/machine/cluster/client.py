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
from pole.errors import AbandonedError, InputError, ShardError, UnreachableError
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
        self._gave_up = False
        self._is_closed = False
        self._seconds: deque[float] = deque(maxlen=RECENT)

    def at_once(self) -> int:
        """Return the threads of all workers and one more each, which has its bytes sent meanwhile.

        Raises UnreachableError where the scheduler does not answer, or computes otherwise by now, and
        AbandonedError once this was closed.
        """
        try:
            workers = self.workers()
        except InputError as error:
            raise UnreachableError(str(error)) from error
        return sum(int(worker["nthreads"]) for worker in workers.values()) + len(workers)

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what Dask knows of each worker, by address.

        Raises UnreachableError where the scheduler does not answer, InputError where this machine computes
        otherwise than it does, and AbandonedError once this was closed.
        """
        client = self._connected()
        try:
            found = ask(client, "identity", n_workers=-1)
        except LOST as error:
            raise UnreachableError(self._no_answer(error)) from error
        workers: dict[str, dict[str, Any]] = found["workers"]
        return workers

    def running(self) -> dict[str, Sequence[str]]:
        """Return the names of the shards that each worker has, by address; raises what `workers` raises."""
        client = self._connected()
        try:
            found = ask(client, "processing", workers=None)
        except LOST as error:
            raise UnreachableError(self._no_answer(error)) from error
        return {worker: tuple(map(str, keys)) for worker, keys in found.items()}

    def run(self, shard: WorkShard) -> ShardResult:
        """See Shards; raises ShardError for a shard of over 128 MiB, AbandonedError once this was closed."""
        if len(shard.content) > MAX_SHARD_BYTES:
            raise ShardError(
                f"The shard {shard.name} has {len(shard.content)} bytes, and a cluster takes "
                f"{MAX_SHARD_BYTES} at most."
            )
        self._require_near()
        try:
            return self._done(shard, self._clock() + self._patience.connecting)
        except InputError as error:
            raise UnreachableError(str(error)) from error
        except UnreachableError:
            self._leave_alone()
            raise

    def _done(self, shard: WorkShard, until: float) -> ShardResult:
        while True:
            client = self._connected()
            attempt = Attempt(client, shard, self._patience, self._clock, self._seconds)
            try:
                return attempt.result()
            except LOST as error:
                self._require_open()
                LOG.warning("%s Trying again with %s.", self._no_answer(error), shard.name)
                if self._clock() > until:
                    raise UnreachableError(self._no_answer(error)) from error
            finally:
                attempt.release()

    def close(self) -> None:
        """End the connection; what is under way is given up, and AbandonedError raised for it."""
        # Who is connecting has the lock, and sees this.
        self._is_closed = True
        with self._connecting:
            self._drop()
            self._loop.stop()

    def _connected(self) -> Client:
        with self._connecting:
            self._require_open()
            if self._client is None or self._client.status != "running":
                self._drop()
                # Who waited for the lock need not find out once more what its holder did.
                self._require_near()
                # Patience is for a scheduler that is started anew, not for one that stays away.
                seconds = 0.0 if self._gave_up else self._patience.connecting
                self._gave_up = True
                try:
                    self._client = self._connect(seconds)
                except (UnreachableError, InputError):
                    self._leave_alone()
                    raise
                self._gave_up = False
            return self._client

    def _require_open(self) -> None:
        if self._is_closed:
            raise AbandonedError(f"The connection to the cluster of {self._address} was closed.")

    def _require_near(self) -> None:
        if self._clock() < self._away_until:
            raise UnreachableError(f"The cluster of {self._address} did nothing a moment ago.")

    def _leave_alone(self) -> None:
        self._away_until = self._clock() + self._patience.away

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(*_BROKEN):
                client.close(timeout=2)

    def _connect(self, seconds: float) -> Client:
        """Connect to a scheduler whose machine is as this one, trying for `seconds`, and once at least."""
        until = self._clock() + seconds
        while True:
            self._require_open()
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
