"""Dask's worker as PoLe runs it: a process that is watched over, started again, and joins again."""

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import Any, Final

from distributed import Nanny, Worker
from distributed.comm.addressing import get_address_host
from distributed.core import rpc
from distributed.security import Security
from distributed.utils import get_ip

from pole.adapters.machine.cluster.conditions import Conditions, conditions, refusal, slowness
from pole.adapters.machine.cluster.running import works_of
from pole.adapters.machine.cluster.scheduler import NAME, configure
from pole.errors import InputError, UnreachableError
from pole.quoting import reason

LOG: Final = logging.getLogger("pole.cluster")
SECONDS_BETWEEN_TRIES: Final = 1.0
SECONDS_TO_ANSWER: Final = 10.0


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where a worker is and what it may use: shards at a time, bytes of memory, the name that it goes by.

    `host` is the address that scheduler and other workers reach it by, None for the one that leads there;
    `works` names a module with works beside PoLe's.
    """

    scheduler: str
    threads: int
    memory: int
    name: str
    host: str | None
    works: str | None = None


class ShardWorker(Worker):
    """A worker that serves nothing over plain HTTP, and does the works of `works_of`."""

    def __init__(self, *arguments: Any, pole_works: str | None = None, **options: Any) -> None:
        self.works = works_of(pole_works)
        super().__init__(*arguments, **options)

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Start none: Dask's would show tasks and logs to whoever asks, in the clear."""


def own_conditions(_: Worker) -> dict[str, str]:
    """Return what a worker's own process computes with, and its number, as they are sent when it joins."""
    return {**conditions().report(), "pid": str(os.getpid())}


async def work(place: WorkerPlace, security: Security, own: Conditions, stopping: asyncio.Event) -> None:
    """Work on shards until `stopping` is set; join again whenever the scheduler comes back.

    Raises InputError where this machine computes otherwise than the scheduler, and UnreachableError where
    nobody answers at the first try.
    """
    why = slowness(own)
    if why is not None:
        raise InputError(why)
    configure()
    await _require_same(place.scheduler, security, own)
    while not stopping.is_set():
        try:
            await _serve(place, security, stopping)
        except (OSError, RuntimeError) as error:
            LOG.warning("The worker %s did not join, and tries again: %s.", place.name, reason(_cause(error)))
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        if not stopping.is_set():
            await _await_scheduler(place.scheduler, security, own, stopping)


def _cause(error: BaseException) -> BaseException:
    """Return what came first: Dask says of each failure that something failed to start."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


async def _serve(place: WorkerPlace, security: Security, stopping: asyncio.Event) -> None:
    nanny = Nanny(
        place.scheduler,
        nthreads=place.threads,
        memory_limit=place.memory,
        name=place.name,
        host=place.host or get_ip(get_address_host(place.scheduler)),
        protocol="tls",
        security=security,
        worker_class=ShardWorker,
        startup_information={NAME: own_conditions},
        death_timeout=60,
        pole_works=place.works,
    )
    async with nanny:
        LOG.info("The worker %s joined %s as %s.", place.name, place.scheduler, nanny.worker_address)
        ended, asked = asyncio.create_task(nanny.finished()), asyncio.create_task(stopping.wait())
        await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        asked.cancel()


async def _await_scheduler(
    scheduler: str, security: Security, own: Conditions, stopping: asyncio.Event
) -> None:
    """Wait until a scheduler that went away answers again; one that answers is not waited for."""
    is_told = False
    while not stopping.is_set():
        try:
            await _require_same(scheduler, security, own)
        except UnreachableError:
            if not is_told:
                LOG.warning("The scheduler %s is away; this worker joins once it is back.", scheduler)
            is_told = True
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return


async def _require_same(scheduler: str, security: Security, own: Conditions) -> None:
    """Raise InputError unless this machine computes as the scheduler's, UnreachableError without answer."""
    remote = rpc(scheduler, timeout=SECONDS_TO_ANSWER, connection_args=security.get_connection_args("worker"))
    try:
        theirs = await asyncio.wait_for(remote.pole_conditions(), SECONDS_TO_ANSWER)
    except (OSError, TimeoutError) as error:
        raise UnreachableError(
            f"The scheduler {scheduler} does not answer ({reason(error)}): check that `pole cluster "
            "scheduler` runs there, and that the certificates are of one authority."
        ) from error
    finally:
        await remote.close_rpc()
    why = refusal(Conditions(**theirs), own.report(), "This worker")
    if why is not None:
        raise InputError(why)
