"""The commands of a person with a wallet, each as a process of its own would run it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.integration.conftest import Devnet

from pole.adapters.ethereum.deployment import read_deployment
from pole.cli import main
from pole.errors import InputError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("password\n")
    return tmp_path


def pole(devnet: Devnet, home: Path, *words: str) -> Result:
    environment = {
        "POLE_HOME": str(home),
        "POLE_RPC": devnet.settings.rpc,
        "POLE_DEPLOYMENT": str(devnet.deployment),
        "POLE_PASSWORD_FILE": str(home / "password"),
        "POLE_IPFS": "/ip4/127.0.0.1/tcp/1",
    }
    return CliRunner().invoke(main, words, env=environment)


def test_an_unfunded_wallet_cannot_stake(devnet: Devnet, home: Path) -> None:
    pole(devnet, home, "wallet", "new", "poor", "--light")
    result = pole(devnet, home, "verifier", "stake", "--wallet", "poor")
    assert result.exit_code == 5
    assert "holds 0 ETH" in result.stderr


def test_the_wrong_chain_is_refused(devnet: Devnet, home: Path, tmp_path: Path) -> None:
    content = json.loads(devnet.deployment.read_text()) | {"chainId": 5}
    (tmp_path / "other.json").write_text(json.dumps(content))
    result = pole(devnet, home, "chain", "log", "--deployment", str(tmp_path / "other.json"))
    assert result.exit_code == InputError.exit_code
    assert "The node is on chain 1337, but" in result.stderr


def test_contracts_that_are_gone_are_told(devnet: Devnet, home: Path, tmp_path: Path) -> None:
    content = json.loads(devnet.deployment.read_text())
    content["contracts"]["TaskList"]["address"] = "0x" + "12" * 20
    (tmp_path / "other.json").write_text(json.dumps(content))
    result = pole(devnet, home, "chain", "log", "--deployment", str(tmp_path / "other.json"))
    assert result.exit_code == InputError.exit_code
    assert "TaskList of" in result.stderr
    assert "deploy again" in result.stderr


def test_a_verifier_stakes_leaves_and_has_to_wait_for_its_stake(devnet: Devnet, home: Path) -> None:
    assert pole(devnet, home, "wallet", "new", "vera", "--light").exit_code == 0
    assert "Sent 3 ETH" in pole(devnet, home, "wallet", "fund", "vera", "--amount", "3").stdout
    assert "stake of 1 ETH" in pole(devnet, home, "verifier", "stake", "--wallet", "vera").stdout
    again = pole(devnet, home, "verifier", "stake", "--wallet", "vera")
    assert (again.exit_code, "has a seat already" in again.stderr) == (6, True)
    assert "pole verifier reclaim" in pole(devnet, home, "verifier", "unstake", "--wallet", "vera").stdout
    early = pole(devnet, home, "verifier", "reclaim", "--wallet", "vera")
    assert (early.exit_code, "is bound until 20" in early.stderr) == (6, True)
    assert "nothing to withdraw" in pole(devnet, home, "withdraw", "--wallet", "vera").stdout
    (listed,) = json.loads(pole(devnet, home, "wallet", "list", "--json").stdout)
    assert 19 * 10**17 < int(listed["balance"]) < 2 * 10**18


def test_the_doctor_finds_the_chain_and_misses_the_daemon(devnet: Devnet, home: Path) -> None:
    result = pole(devnet, home, "doctor", "--json")
    found = {finding["part"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["chain"]["grade"] == "ok"
    assert found["deployment"]["sentence"].endswith(f"{read_deployment(devnet.deployment).chain.address}.")
    assert found["ipfs"]["grade"] == "fail"
