"""`pole devnet` as a user runs it: processes that outlive the command, and end with `down`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import free_port, stop_devnet
from pole.cli import main


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_devnet(tmp_path / "devnet")


def pole(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, words, env={"POLE_HOME": str(home)})


def test_the_network_starts_once_keeps_its_chain_and_stops(home: Path) -> None:
    rpc, ipfs, swarm = free_port(), free_port(), free_port()
    up = ("devnet", "up", "--rpc-port", str(rpc), "--ipfs-port", str(ipfs), "--swarm-port", str(swarm))
    assert pole(home, *up, "--block-time", "0").stdout.count("started") == 2
    again = pole(home, *up)
    assert "runs already" in again.stdout
    assert "answers already" in again.stdout
    elsewhere = pole(home, "devnet", "up", "--rpc-port", str(free_port()))
    assert (elsewhere.exit_code, "`pole devnet down`" in elsewhere.stderr) == (2, True)

    w3 = connect(f"http://127.0.0.1:{rpc}")
    w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
    mined = w3.eth.get_block(1)["hash"]
    running = json.loads(pole(home, "devnet", "status", "--json").stdout)
    assert [(service["name"], service["answers"]) for service in running] == [("chain", True), ("ipfs", True)]
    assert all(Path(service["log"]).is_file() and service["pid"] for service in running)

    assert pole(home, "devnet", "down").stdout == "Stopped: chain, ipfs.\n"
    assert pole(home, "devnet", "down").stdout == "Nothing of ours was running.\n"

    pole(home, *up, "--block-time", "0")
    assert w3.eth.get_block(1)["hash"] == mined
    pole(home, *up, "--block-time", "0", "--fresh")
    assert w3.eth.block_number == 0
