"""Dask's scheduler as PoLe runs it: TLS alone, nothing over plain HTTP, workers of the same kind alone."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import dask
from distributed import Scheduler
from distributed.comm.core import Comm
from distributed.metrics import time
from distributed.security import Security

from pole.adapters.machine.cluster.conditions import Conditions, refusal
from pole.errors import UnreachableError
from pole.quoting import one_line, reason

LOG: Final = logging.getLogger("pole.cluster")
TRIES: Final = 3
LOG_LINES: Final = 5
NAME: Final = "pole"
"""Under which a worker sends its conditions when it joins."""

CONFIGURATION: Final[Mapping[str, Any]] = {
    # Rows in the clear stay off the disks of workers.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    # A worker that only paused would keep its shard for ever; one that is killed passes it on, and says why.
    "distributed.worker.memory.pause": False,
    # Nothing is served over HTTP.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Dask has every freed page given back, so that each shard takes twice the time to have them again.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    # A shard has 8 MiB, of which Dask warns as if they were sent by mistake.
    "distributed.admin.large-graph-warning-threshold": "1 GiB",
}


def configure() -> None:
    """Set what Dask does in this process, and in those that it starts."""
    dask.config.set(CONFIGURATION)


class ShardScheduler(Scheduler):
    """A scheduler that takes workers whose shards give the same bytes as its own would."""

    def __init__(self, address: str, security: Security, conditions: Conditions) -> None:
        super().__init__(
            host=address,
            protocol="tls",
            security=security,
            allowed_failures=TRIES - 1,
            dashboard=False,
        )
        self._conditions = conditions
        self.handlers["pole_conditions"] = self._report_conditions
        self.handlers["pole_logs"] = self._last_lines

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Start none: Dask's would show tasks and logs to whoever asks, in the clear."""

    async def add_worker(self, comm: Comm, *, extra: dict[str, Any], **rest: Any) -> None:
        """Take a worker, or refuse it in a sentence."""
        found = extra.get(NAME, {})
        why = refusal(self._conditions, found if isinstance(found, dict) else {}, "This worker")
        if why is not None:
            LOG.warning("Refused the worker %s: %s", one_line(str(rest.get("address"))), one_line(why))
            await comm.write({"status": "error", "message": why, "time": time()})
            return
        await super().add_worker(comm, extra=extra, **rest)

    def _report_conditions(self) -> dict[str, str]:
        return self._conditions.report()

    async def _last_lines(self, address: str) -> list[str]:
        """Return the last lines that a worker, or the process that watches over one, logged."""
        try:
            found = await asyncio.wait_for(self.rpc(address).get_logs(n=LOG_LINES), timeout=5)
        except (OSError, TimeoutError) as error:
            return [f"Its log is not to be had: {reason(error)}."]
        return [one_line(str(line), 500) for _, line in reversed(found)]


async def serve_shards(
    address: str, security: Security, conditions: Conditions, stopping: asyncio.Event
) -> None:
    """Run a scheduler on `address`, such as tls://0.0.0.0:8786, until `stopping` is set.

    Raises UnreachableError where it cannot listen there.
    """
    configure()
    try:
        scheduler = await ShardScheduler(address, security, conditions)
    except (OSError, RuntimeError) as error:
        # Dask raises RuntimeError for whatever keeps a server from starting.
        why = reason(error.__cause__ or error)
        raise UnreachableError(f"The scheduler cannot listen on {address}: {why}.") from error
    try:
        LOG.info("The scheduler listens on %s.", scheduler.address)
        await stopping.wait()
    finally:
        await scheduler.close()
