"""A cluster of this machine: a scheduler and workers as processes, each of which may be killed."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scripts.demo.cast import POLE

from pole.adapters.machine.cluster.attempt import Patience
from pole.adapters.machine.cluster.certificates import make_certificates
from pole.adapters.machine.cluster.client import Cluster
from pole.adapters.machine.cluster.conditions import conditions
from pole.adapters.machine.cluster.security import open_security
from pole.errors import UnreachableError

SECONDS: Final = 90
"""Longer than anything takes on a machine with much else to do."""

MEMORY_MIB: Final = 320
# Slower than the kernels for this processor, so that a shard can be interrupted.
SLOW: Final = {"POLE_IPFE_BACKEND": "portable", "OMP_NUM_THREADS": "1"}
PATIENCE: Final = Patience(connecting=SECONDS, away=1, slow=2, slow_factor=3, first=3, look=0.05)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, f"waited for ever until {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ClusterProcesses:
    """The processes, with their certificates and logs in `folder`; `settings` are environment variables."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=lambda: SLOW)
    port: int = field(default_factory=free_port)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tls://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", "scheduler", ["--listen", self.address])

    def start_worker(self, name: str, *options: str, memory: int = MEMORY_MIB) -> None:
        limit = ["--memory-limit", str(memory), "--name", name, "--host", "127.0.0.1"]
        self.workers[name] = self._start(name, "worker", [self.address, *limit, *options])

    def caller(self, patience: Patience = PATIENCE) -> Cluster:
        security = open_security(self.folder / "client", "client", datetime.now(UTC))
        return Cluster(self.address, security, conditions(), patience)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def end(self) -> None:
        for processes in (self.workers.values(), [self.scheduler] if self.scheduler else []):
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(SECONDS)

    def _start(self, name: str, role: str, options: list[str]) -> subprocess.Popen[bytes]:
        certificates = ["--certificates", str(self.folder / role)]
        command = [str(POLE), "cluster", role, *options, *certificates, "--home", str(self.folder / "home")]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | dict(self.settings), start_new_session=True
            )


@contextmanager
def running(
    folder: Path, workers: Iterable[str], settings: Mapping[str, str] = SLOW
) -> Iterator[ClusterProcesses]:
    """Give a cluster with certificates of its own in `folder`, which ends with the context."""
    make_certificates(folder, datetime.now(UTC), days=1)
    processes = ClusterProcesses(folder, settings)
    try:
        processes.start_scheduler()
        for name in workers:
            processes.start_worker(name)
        yield processes
    finally:
        processes.end()


@contextmanager
def joined(processes: ClusterProcesses) -> Iterator[Cluster]:
    """Give a caller once all workers are there, and have come back from what another test did to them."""
    with closing(processes.caller()) as caller:
        wait_until(lambda: names(caller).keys() == processes.workers.keys(), "all workers joined")
        yield caller


def names(cluster: Cluster) -> Mapping[str, str]:
    """Return the address of each worker by its name, none while the scheduler is away."""
    try:
        return {str(found["name"]): where for where, found in cluster.workers().items()}
    except UnreachableError:
        return {}


def has(cluster: Cluster, shard: str) -> list[str]:
    """Return the addresses of the workers that have a shard."""
    try:
        return [where for where, keys in cluster.running().items() if shard in keys]
    except UnreachableError:
        return []


def pid_of(cluster: Cluster, address: str) -> int:
    return int(cluster.workers()[address]["pole"]["pid"])


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
