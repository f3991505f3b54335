"""A cluster of processes: who is let in, what is sent, and sets that are those of one machine."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
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
    joined,
    names,
    pid_of,
    running,
    wait_until,
)
from tests.faults.cluster_shards import shard_of
from tests.unit.roles import sealed_sets
from tests.unit.roles.conftest import numbers
from tests.unit.roles.fake_storage import FakeStore

from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.conditions import conditions
from pole.adapters.machine.cluster.security import open_security
from pole.errors import UnreachableError
from pole.ipfe.scheme import encrypt
from pole.protocol.formats.encrypted_set import Part, read_manifest
from pole.roles.ports import ShardResult, WorkShard
from pole.roles.publishing import encryption
from pole.roles.publishing.encryption_shards import encrypt_elsewhere

WORKERS = ("worker-a", "worker-b")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcesses]:
    with running(tmp_path_factory.mktemp("cluster"), WORKERS) as processes:
        yield processes


@pytest.fixture
def cluster(processes: ClusterProcesses) -> Iterator[Cluster]:
    with joined(processes) as caller:
        yield caller


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


def test_a_scheduler_that_stays_away_is_told_in_time(processes: ClusterProcesses, tmp_path: Path) -> None:
    gone = ClusterProcesses(processes.folder)
    shard, _ = shard_of(1, 1)
    with closing(gone.caller(Patience(connecting=0.5, away=SECONDS))) as caller:
        with pytest.raises(UnreachableError, match="does not answer"):
            caller.run(shard)
        with pytest.raises(UnreachableError, match="did nothing a moment ago"):
            caller.run(shard)
