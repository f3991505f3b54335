"""A cluster of two and of three workers that loses them, its scheduler or its memory: no shard is lost.

Shards give the bytes of one machine all the same, or one error that names the shard, the worker and why.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from tests.faults.cluster_processes import (
    SECONDS,
    ClusterProcesses,
    go_on,
    has,
    joined,
    kill,
    names,
    pid_of,
    running,
    stop,
    wait_until,
)
from tests.faults.cluster_shards import LONG, begun, expect, shard_of
from tests.unit.roles.conftest import numbers

from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.client import Cluster
from pole.errors import ShardError, UnreachableError
from pole.ipfe.scheme import FunctionalKeys, encrypt, generate_keys
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.receiving.decryption_shards import decryption_shard

WORKERS = ("worker-a", "worker-b", "worker-c")


@pytest.fixture(scope="module", params=[2, 3], ids=["two workers", "three workers"])
def processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterProcesses]:
    with running(tmp_path_factory.mktemp("cluster"), WORKERS[: request.param]) as processes:
        yield processes


@pytest.fixture
def cluster(processes: ClusterProcesses) -> Iterator[Cluster]:
    with joined(processes) as caller:
        yield caller


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_a_lost_workers_shard_is_done_by_another(cluster: Cluster, pool: ThreadPoolExecutor) -> None:
    shard, sealed = shard_of(1, LONG)
    result = pool.submit(cluster.run, shard)
    victim = begun(cluster, shard)
    kill(pid_of(cluster, victim))
    done = result.result(SECONDS)
    expect(done, sealed)
    assert done.worker != victim


def test_a_shard_whose_workers_are_all_lost_is_given_back(
    processes: ClusterProcesses, pool: ThreadPoolExecutor
) -> None:
    impatient = Patience(connecting=2, away=1, slow=0.5, slow_factor=1, look=0.05)
    with closing(processes.caller(impatient)) as cluster:
        wait_until(lambda: names(cluster).keys() == processes.workers.keys(), "all workers joined")
        cluster.run(shard_of(20, 1)[0])
        shard, _ = shard_of(21, 8 * LONG)
        result = pool.submit(cluster.run, shard)
        begun(cluster, shard)
        where, busy = names(cluster), has(cluster, shard.name)
        # Idle ones first: a shard is given up at which three have died, one after the other.
        for name in sorted(processes.workers, key=lambda name: where[name] in busy):
            os.killpg(processes.workers[name].pid, signal.SIGKILL)
            processes.workers[name].wait(SECONDS)
        try:
            with pytest.raises(UnreachableError, match=f"No worker is there for the shard {shard.name}"):
                result.result(SECONDS)
        finally:
            for name in processes.workers:
                processes.start_worker(name)


def test_a_slow_workers_shard_is_done_twice_rather_than_waited_for(
    cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    shard, sealed = shard_of(2, LONG)
    result = pool.submit(cluster.run, shard)
    victim = begun(cluster, shard)
    pid = pid_of(cluster, victim)
    stop(pid)
    try:
        done = result.result(SECONDS)
    finally:
        go_on(pid)
    expect(done, sealed)
    assert done.worker != victim


def test_a_lost_scheduler_is_gone_on_with_once_it_is_back(
    processes: ClusterProcesses, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    shards = [shard_of(seed, LONG) for seed in (3, 4, 5)]
    results: list[Future[ShardResult]] = [pool.submit(cluster.run, shard) for shard, _ in shards]
    begun(cluster, shards[0][0])
    assert processes.scheduler is not None
    processes.scheduler.kill()
    processes.scheduler.wait(SECONDS)
    processes.start_scheduler()
    for result, (_, sealed) in zip(results, shards, strict=True):
        expect(result.result(SECONDS), sealed)


def test_a_machine_is_lost_halfway_and_every_shard_is_that_of_one_machine(
    processes: ClusterProcesses, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    name = list(processes.workers)[-1]
    machine, lost = processes.workers[name], names(cluster)[name]
    shards = [shard_of(seed, LONG // 2) for seed in range(10, 16)]
    results = [pool.submit(cluster.run, shard) for shard, _ in shards]
    wait_until(lambda: bool(cluster.running().get(lost)), "the machine had a shard")
    os.killpg(machine.pid, signal.SIGKILL)
    machine.wait(SECONDS)
    try:
        for result, (_, sealed) in zip(results, shards, strict=True):
            expect(result.result(SECONDS), sealed)
    finally:
        processes.start_worker(name)


def test_a_shard_that_needs_more_memory_than_workers_have_names_itself_them_and_the_reason(
    cluster: Cluster,
) -> None:
    queries = 2_000_000
    plan = QueryPlan(np.zeros((1, 1), dtype=np.int32), np.full((queries, 1), 255, dtype=np.uint8))
    sealed = encrypt(generate_keys(1, numbers(1))[0], np.zeros((1, 1), dtype=np.uint8), numbers(2))
    keys = FunctionalKeys(np.zeros((1, queries, 32), dtype=np.uint8))
    shard = decryption_shard(sealed, plan, keys, 255 * 255)
    with pytest.raises(ShardError) as given_up:
        cluster.run(shard)
    told = str(given_up.value)
    assert f"The shard {shard.name} was given up: 3 workers died at it, the last of them worker-" in told
    assert "exceeded 95% memory budget" in told


def test_a_shard_that_fails_names_itself_its_worker_and_the_reason(cluster: Cluster) -> None:
    shard = WorkShard("encryption", b"no shard")
    with pytest.raises(ShardError, match=f"The shard {shard.name} failed 3 times, the last time on tls://"):
        cluster.run(shard)
