"""The development network's IPFS daemon serves, says what is wrong, and gives its repository back."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DAEMON = Path(__file__).parents[2] / "devnet" / "ipfs-daemon.mjs"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def command(repo: Path, api_port: int, swarm_port: int) -> list[str]:
    ports = ["--api-port", str(api_port), "--swarm-port", str(swarm_port)]
    return ["node", str(DAEMON), "--repo", str(repo), *ports]


@contextmanager
def daemon(repo: Path, api_port: int, swarm_port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(command(repo, api_port, swarm_port), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def call(api_port: int, method: str) -> dict[str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{api_port}/api/v0/{method}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, str] = json.load(response)
    return answer


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    [swarm_port] = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        result = subprocess.run(
            command(tmp_path, taken, swarm_port), capture_output=True, text=True, timeout=60, check=False
        )
    assert result.returncode == 1
    assert result.stderr == (
        f"Port {taken} or {swarm_port} is in use: stop what listens there or choose other ports.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "-1", "ipfs"])
def test_a_port_that_cannot_be_is_refused(tmp_path: Path, port: str) -> None:
    arguments = ["--repo", str(tmp_path), f"--api-port={port}", "--swarm-port=4001"]
    result = subprocess.run(
        ["node", DAEMON, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert result.stderr.startswith("--api-port needs a port from 1 to 65535\nUsage:")


def test_it_serves_when_it_says_so_and_a_stopped_one_gives_its_repository_to_the_next(tmp_path: Path) -> None:
    peers = []
    for _ in range(2):
        api_port, swarm_port = free_ports(2)
        with daemon(tmp_path, api_port, swarm_port) as (process, ready):
            peers.append(call(api_port, "id")["ID"])
            assert ready == (
                f"ready /ip4/127.0.0.1/tcp/{api_port} /ip4/127.0.0.1/tcp/{swarm_port}/p2p/{peers[-1]}\n"
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert peers[0] == peers[1]


def test_a_missing_block_that_times_out_does_not_end_it(tmp_path: Path) -> None:
    api_port, swarm_port = free_ports(2)
    missing = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    with daemon(tmp_path, api_port, swarm_port):
        with pytest.raises(OSError, match=r"50\d|timed out"):
            call(api_port, f"block/get?arg={missing}&timeout=500ms")
        assert call(api_port, "version")["ipfs-core"]


def test_a_daemon_started_after_one_was_killed_waits_for_the_lock_and_serves(tmp_path: Path) -> None:
    with daemon(tmp_path, *free_ports(2)) as (process, _):
        process.kill()
        process.wait()
    # The lock counts as abandoned 20 s after it was last renewed; all but the last of them are skipped here.
    almost_abandoned = time.time() - 19
    os.utime(tmp_path / "repo.lock", (almost_abandoned, almost_abandoned))
    with daemon(tmp_path, *free_ports(2)) as (_, ready):
        assert ready.startswith("ready ")
