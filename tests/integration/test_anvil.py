"""The same contracts and the same package on another implementation of Ethereum."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration import deploying, test_round
from tests.integration.conftest import Devnet

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    CHAIN_ID,
    MNEMONIC,
    DevnetSettings,
    chain_answers,
    free_port,
    programs_folder,
)
from pole.adapters.machine.process import running_process, start_process, stop_process
from pole.adapters.sending.chain import EthereumChain

PATIENCE = 30


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    folder = tmp_path_factory.mktemp("anvil")
    settings = DevnetSettings(folder, programs_folder(), rpc_port=free_port(), block_time=0)
    record = folder / "anvil.json"
    try:
        start_anvil(settings)
        w3 = connect(settings.rpc)
        deploying.deploy(w3, folder / "deployment.json")
        yield Devnet(settings, folder / "deployment.json", w3)
    finally:
        stop_process(record)


def anvil(programs: Path) -> str:
    """Return the user's anvil, else the one from npm, which there is for common machines."""
    from_npm = programs / "node_modules" / ".bin" / "anvil"
    found = shutil.which("anvil") or shutil.which(from_npm)
    if found is None:
        pytest.skip("anvil is not here: install Foundry (getfoundry.sh) to run the round on it as well.")
    return found


def start_anvil(settings: DevnetSettings, hardfork: str = "shanghai") -> None:
    command = [
        *(anvil(settings.programs), "--silent", "--host", "127.0.0.1", "--port", str(settings.rpc_port)),
        *("--chain-id", str(CHAIN_ID), "--hardfork", hardfork, "--mnemonic", MNEMONIC, "--accounts", "20"),
    ]
    record = settings.folder / "anvil.json"
    log = settings.folder / "anvil.log"
    start_process(command, record=record, log=log, notes={"address": settings.rpc})
    deadline = time.monotonic() + PATIENCE
    while not chain_answers(settings.rpc):
        assert running_process(record), log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_it_is_another_client_than_the_development_network(devnet: Devnet) -> None:
    assert devnet.w3.client_version.startswith("anvil/")


def test_what_the_contracts_refuse_is_the_same_sentence(
    wallet: Callable[[str], EthereumChain], devnet: Devnet
) -> None:
    test_round.test_what_the_contracts_refuse_is_a_sentence_and_costs_nothing(wallet, devnet)


def test_a_round_is_played_verified_and_proved(
    wallet: Callable[[str], EthereumChain], devnet: Devnet
) -> None:
    test_round.test_a_round_ends_with_a_block_that_can_be_verified_and_proved(wallet, devnet)
