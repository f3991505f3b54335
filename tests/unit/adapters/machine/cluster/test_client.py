"""The port of shards while the scheduler is away, is replaced by another, or nobody waits any more."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.security import Security

from pole.adapters.machine.cluster import client
from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.conditions import Conditions
from pole.errors import AbandonedError, InputError, ShardError, UnreachableError
from pole.roles.ports import WorkShard

OWN = Conditions("1.0", "sources", "answers", "ieee", "ifma")
SHARD = WorkShard("encryption", b"rows")


class Away:
    """Connects to nothing, and counts how often that was tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries = 0
        self.tried = threading.Event()
        monkeypatch.setattr(client, "ShardClient", self)

    def __call__(self, *_: object) -> None:
        self.tries += 1
        self.tried.set()
        raise OSError("Nobody listens there.")


class Clock:
    """Time that passes while somebody waits, or is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(clock: Clock) -> Iterator[Cluster]:
    patience = Patience(connecting=60, away=1000, look=0.0)
    with closing(Cluster("tls://head:8786", Security(), OWN, patience, clock)) as found:
        yield found


def test_many_threads_wait_for_a_scheduler_that_is_away_no_longer_than_one(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(monkeypatch)
    with pytest.raises(UnreachableError, match="does not answer"):
        cluster.run(SHARD)
    alone = away.tries
    assert alone > 1
    again = Cluster("tls://head:8786", Security(), OWN, cluster._patience, Clock())
    with closing(again), ThreadPoolExecutor(8) as pool:
        for failed in [pool.submit(again.run, SHARD) for _ in range(8)]:
            assert isinstance(failed.exception(), UnreachableError)
    assert away.tries <= 2 * alone


def test_a_scheduler_that_stays_away_is_asked_once_and_a_while_later_once_more(
    cluster: Cluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(monkeypatch)
    for _ in range(3):
        with pytest.raises(UnreachableError):
            cluster.at_once()
    alone = away.tries
    clock.now += 1000
    with pytest.raises(UnreachableError, match="does not answer"):
        cluster.at_once()
    assert away.tries == alone + 1


def test_who_closes_waits_for_nobody_that_is_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(monkeypatch)
    patient = Patience(connecting=1e6, look=0.01)
    cluster = Cluster("tls://head:8786", Security(), OWN, patient, time.monotonic)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cluster.run, SHARD)
        assert away.tried.wait(60)
        cluster.close()
        with pytest.raises(AbandonedError, match="was closed"):
            waiting.result(60)


def test_what_is_asked_of_a_closed_connection_is_asked_by_nobody(cluster: Cluster) -> None:
    cluster.close()
    with pytest.raises(AbandonedError, match="was closed"):
        cluster.run(SHARD)
    with pytest.raises(AbandonedError, match="was closed"):
        cluster.at_once()


def test_a_shard_that_is_too_large_is_no_shard_of_a_cluster(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_SHARD_BYTES", 3)
    with pytest.raises(ShardError, match="takes 3 at most"):
        cluster.run(SHARD)


def test_a_scheduler_that_computes_otherwise_is_an_error_at_first_and_away_later(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = replace(OWN, sources="others").report()

    class Connected(SimpleNamespace):
        status = "closed"

        def sync(self, question: Any) -> Any:
            return question()

        def close(self, timeout: float) -> None:
            """Nothing was opened."""

    def connect(*_: object) -> Connected:
        return Connected(scheduler=SimpleNamespace(pole_conditions=lambda: theirs))

    monkeypatch.setattr(client, "ShardClient", connect)
    with pytest.raises(InputError, match="install the same on all machines"):
        cluster.workers()
    cluster._away_until = 0.0
    with pytest.raises(UnreachableError, match="install the same on all machines"):
        cluster.at_once()
    cluster._away_until = 0.0
    with pytest.raises(UnreachableError, match="install the same on all machines"):
        cluster.run(SHARD)
