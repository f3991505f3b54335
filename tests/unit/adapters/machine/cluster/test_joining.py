"""A worker that cannot join says why, and tries again in peace."""

import asyncio
from types import TracebackType
from typing import Any

import pytest
from distributed.security import Security

from pole.adapters.machine.cluster import worker
from pole.adapters.machine.cluster.conditions import Conditions
from pole.adapters.machine.cluster.worker import WorkerPlace, work
from pole.cli.workers.cluster import own_name

OWN = Conditions("1.0", "sources", "answers", "ieee", "ifma")


class Failing:
    """A worker's process that does not start, for a reason that Dask tells of beneath its own."""

    started = 0

    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def __aenter__(self) -> None:
        Failing.started += 1
        raise RuntimeError("Nanny failed to start.") from OSError("Cannot assign requested address")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was started."""


def test_a_worker_that_does_not_start_says_why_and_does_not_blame_the_scheduler(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    stopping = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            stopping.set()

    async def same(*_: Any) -> None:
        """The scheduler answers, and computes as this machine does."""

    monkeypatch.setattr(worker, "Nanny", Failing)
    monkeypatch.setattr(worker, "_require_same", same)
    monkeypatch.setattr("pole.adapters.machine.cluster.worker.asyncio.sleep", pause)
    place = WorkerPlace("tls://head:8786", 1, 2**30, "worker-1", "10.0.0.99")
    asyncio.run(work(place, Security(), OWN, stopping))
    assert Failing.started == len(pauses) == 3
    assert "The worker worker-1 did not join, and tries again: Cannot assign" in caplog.text
    assert "is away" not in caplog.text


def test_two_workers_of_a_machine_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first = own_name()
    monkeypatch.setattr("pole.cli.workers.cluster.os.getpid", lambda: 1)
    assert own_name() != first
