"""A cluster whose workers, scheduler and memory fail: shards give the bytes of one machine all the same."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from distributed import Worker
from distributed.comm import tcp
from scripts.demo.cast import POLE
from tests.faults.cluster_processes import (
    SECONDS,
    ClusterProcesses,
    go_on,
    has,
    kill,
    names,
    pid_of,
    stop,
    wait_until,
)
from tests.unit.roles import sealed_sets
from tests.unit.roles.conftest import numbers
from tests.unit.roles.fake_storage import FakeStore

from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.conditions import conditions
from pole.adapters.machine.cluster.security import open_security
from pole.errors import ShardError, UnreachableError
from pole.ipfe.scheme import Ciphertexts, FunctionalKeys, encrypt, generate_keys
from pole.protocol.formats.encrypted_set import Part, read_manifest
from pole.protocol.mapping.plan import QueryPlan
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.publishing import encryption
from pole.roles.publishing.encryption_shards import encrypt_elsewhere, encryption_shard
from pole.roles.receiving.decryption_shards import decryption_shard

WORKERS = ("worker-a", "worker-b")
COLUMNS = 400
SECRET, PUBLIC = generate_keys(COLUMNS, numbers(1))


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcesses]:
    folder = tmp_path_factory.mktemp("cluster")
    make_certificates(folder, datetime.now(UTC), days=1)
    running = ClusterProcesses(folder)
    try:
        running.start_scheduler()
        for name in WORKERS:
            running.start_worker(name)
        yield running
    finally:
        running.end()


@pytest.fixture
def cluster(processes: ClusterProcesses) -> Iterator[Cluster]:
    """Give a caller once all workers are there, and have come back from what another test did to them."""
    with closing(processes.caller()) as caller:
        wait_until(lambda: names(caller).keys() == set(WORKERS), "both workers joined")
        yield caller


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def shard_of(seed: int, rows: int) -> tuple[WorkShard, Ciphertexts]:
    """Return rows to encrypt, and what this machine makes of them by the owner's path."""
    values = np.random.default_rng(seed).integers(0, 256, (rows, COLUMNS)).astype(np.uint8)
    randomness = numbers(seed)(64 * rows)
    return encryption_shard(PUBLIC, values, randomness), encrypt(SECRET, values, lambda _: randomness)


LONG = 512
"""Rows that keep a worker busy long enough to be killed at them."""


def expect(result: ShardResult, sealed: Ciphertexts) -> None:
    assert result.content.endswith(sealed.ct.tobytes() + sealed.ct0.tobytes())


def begun(cluster: Cluster, shard: WorkShard) -> str:
    """Return the address of the worker that has a shard, once one has it."""
    wait_until(lambda: bool(has(cluster, shard.name)), "a worker had the shard")
    return has(cluster, shard.name)[0]


def test_a_plain_connection_is_not_understood(processes: ClusterProcesses, cluster: Cluster) -> None:
    for address in (processes.address, *names(cluster).values()):
        host, port = address.removeprefix("tls://").split(":")
        with socket.create_connection((host, int(port)), timeout=SECONDS) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionResetError):
                # An alert of TLS is all that it may say.
                assert plain.recv(1000)[:1] in (b"", b"\x15")


@pytest.mark.parametrize("whose", ["nobody", "another authority"])
def test_a_caller_without_a_certificate_of_the_cluster_is_refused(
    processes: ClusterProcesses, cluster: Cluster, whose: str, tmp_path: Path
) -> None:
    make_certificates(tmp_path, datetime.now(UTC), days=1)
    context = ssl.create_default_context(cafile=str(processes.folder / "client" / "authority.pem"))
    context.check_hostname = False
    if whose != "nobody":
        context.load_cert_chain(tmp_path / "client" / "certificate.pem", tmp_path / "client" / "key.pem")
    for address in (processes.address, *names(cluster).values()):
        host, port = address.removeprefix("tls://").split(":")
        with (
            socket.create_connection((host, int(port)), timeout=SECONDS) as plain,
            pytest.raises((ssl.SSLError, ConnectionResetError)),
            context.wrap_socket(plain) as caller,
        ):
            caller.recv(1)


def test_a_caller_of_another_authority_reads_why(processes: ClusterProcesses, tmp_path: Path) -> None:
    make_certificates(tmp_path, datetime.now(UTC), days=1)
    proof = open_security(tmp_path / "client", "client", datetime.now(UTC))
    with (
        closing(Cluster(processes.address, proof, conditions(), Patience(connecting=0.5))) as stranger,
        pytest.raises(UnreachableError, match="certificates are of one authority"),
    ):
        stranger.at_once()


def test_nothing_listens_but_what_speaks_tls(processes: ClusterProcesses, cluster: Cluster) -> None:
    pids = [processes.scheduler.pid] if processes.scheduler else []
    pids += [pid_of(cluster, where) for where in names(cluster).values()]
    ports = {port for pid in pids for port in listening(pid)}
    expected = {int(address.rpartition(":")[2]) for address in (processes.address, *names(cluster).values())}
    assert ports == expected


def listening(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on, as the system has them."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


def test_a_scheduler_whose_port_is_taken_says_so(processes: ClusterProcesses) -> None:
    words = ["--listen", processes.address, "--certificates", str(processes.folder / "scheduler")]
    second = subprocess.run(
        [str(POLE), "cluster", "scheduler", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert second.returncode == 3
    assert f"error: The scheduler cannot listen on {processes.address}: " in second.stderr
    assert "Traceback" not in second.stderr


def test_a_worker_that_computes_otherwise_is_refused_in_a_sentence(processes: ClusterProcesses) -> None:
    script = (
        "from pole.adapters.machine.cluster import conditions\n"
        "conditions.version = lambda _: '9.9'\n"
        "from pole.cli import main\n"
        "main()\n"
    )
    words = ["cluster", "worker", processes.address, "--certificates", str(processes.folder / "worker")]
    joined = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert joined.returncode == 2
    assert "error: This worker runs PoLe 9.9 (sources" in joined.stderr


def test_a_worker_in_plain_python_is_refused_in_a_sentence(processes: ClusterProcesses) -> None:
    words = ["cluster", "worker", processes.address, "--certificates", str(processes.folder / "worker")]
    joined = subprocess.run(
        [sys.executable, "-c", "from pole.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=os.environ | {"POLE_IPFE_BACKEND": "python"},
    )
    assert joined.returncode == 2
    assert "error: This worker would hold the others up." in joined.stderr


def test_a_worker_that_does_not_say_what_it_computes_with_is_refused(processes: ClusterProcesses) -> None:
    security = open_security(processes.folder / "worker", "worker", datetime.now(UTC))

    async def join() -> None:
        await Worker(processes.address, security=security, protocol="tls", host="127.0.0.1")

    with pytest.raises(RuntimeError, match="failed to start"):
        asyncio.run(join())
    wait_until(lambda: "Refused the worker" in processes.log("scheduler"), "the scheduler said so")


def test_sets_are_those_of_one_machine_and_the_secret_is_in_no_message(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    sent: list[bytes] = []
    to_frames = vars(tcp)["to_frames"]

    async def noted(*arguments: object, **options: object) -> list[bytes]:
        frames: list[bytes] = await to_frames(*arguments, **options)
        sent.append(b"".join(bytes(frame) for frame in frames))
        return frames

    monkeypatch.setattr(tcp, "to_frames", noted)
    elsewhere = OnlyElsewhere(cluster)
    owner = sealed_sets.sealing(FakeStore(), tmp_path / "owner", threads=1, shards=elsewhere)
    values = np.full((4, 4), 7, dtype=np.uint8)
    sealed = encrypt_elsewhere(cluster, owner.secret, owner.public, values, numbers(5))
    here = encrypt(owner.secret, values, numbers(5))
    assert np.array_equal(sealed.ct, here.ct)
    assert np.array_equal(sealed.ct0, here.ct0)
    messages = b"".join(sent)
    assert values.tobytes() in messages
    assert owner.public.points.tobytes() in messages
    for scalar in owner.secret.scalars:
        assert scalar.tobytes() not in messages
    content = encryption.encrypt_set(
        owner, Part.TRAIN, sealed_sets.VALUES, sealed_sets.LABELS, sealed_sets.IN_ORDER
    )
    assert read_manifest(content, part=Part.TRAIN).count == sealed_sets.ROWS
    for scalar in owner.secret.scalars:
        assert scalar.tobytes() not in b"".join(sent)


class OnlyElsewhere:
    """A cluster that takes more at a time than it needs, so that this machine's threads are never enough."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.done: list[str] = []

    def at_once(self) -> int:
        return 4

    def run(self, shard: WorkShard) -> ShardResult:
        result = self._cluster.run(shard)
        self.done.append(result.worker)
        return result


def test_a_set_is_decrypted_as_on_one_machine(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "SHARD_BYTES", sealed_sets.SHARD_BYTES)
    data = sealed_sets.sealed_set(tmp_path)
    data.shards = OnlyElsewhere(cluster)
    assert np.array_equal(data.decrypt().features, sealed_sets.in_clear())


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
        wait_until(lambda: names(cluster).keys() == set(WORKERS), "both workers joined")
        cluster.run(shard_of(20, 1)[0])
        shard, _ = shard_of(21, 8 * LONG)
        result = pool.submit(cluster.run, shard)
        begun(cluster, shard)
        for name in WORKERS:
            os.killpg(processes.workers[name].pid, signal.SIGKILL)
            processes.workers[name].wait(SECONDS)
        try:
            with pytest.raises(UnreachableError, match=f"No worker is there for the shard {shard.name}"):
                result.result(SECONDS)
        finally:
            for name in WORKERS:
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


def test_a_machine_of_three_is_lost_halfway_and_every_shard_is_that_of_one_machine(
    processes: ClusterProcesses, cluster: Cluster, pool: ThreadPoolExecutor
) -> None:
    processes.start_worker("worker-c")
    try:
        wait_until(lambda: "worker-c" in names(cluster), "the third worker joined")
        shards = [shard_of(seed, LONG // 2) for seed in range(10, 16)]
        results = [pool.submit(cluster.run, shard) for shard, _ in shards]
        lost = names(cluster)["worker-c"]
        wait_until(lambda: bool(cluster.running().get(lost)), "the third worker had a shard")
        os.killpg(processes.workers["worker-c"].pid, signal.SIGKILL)
        for result, (_, sealed) in zip(results, shards, strict=True):
            expect(result.result(SECONDS), sealed)
    finally:
        killed = processes.workers.pop("worker-c")
        with suppress(ProcessLookupError):
            os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(SECONDS)


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


def test_a_scheduler_that_stays_away_is_told_in_time(processes: ClusterProcesses, tmp_path: Path) -> None:
    gone = ClusterProcesses(processes.folder)
    shard, _ = shard_of(1, 1)
    with closing(gone.caller(Patience(connecting=0.5, away=SECONDS))) as caller:
        with pytest.raises(UnreachableError, match="does not answer"):
            caller.run(shard)
        with pytest.raises(UnreachableError, match="did nothing a moment ago"):
            caller.run(shard)
