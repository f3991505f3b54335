"""The same contracts and the same package on another implementation of Ethereum."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration import deploying, test_round
from tests.integration.conftest import Devnet
from web3 import Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    ChainProgram,
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    stop_devnet,
    wipe_devnet,
)
from pole.adapters.machine.process import Process
from pole.adapters.sending.chain import EthereumChain
from pole.errors import InputError

PATIENCE = 30


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with deployed(tmp_path_factory.mktemp("anvil")) as devnet:
        yield devnet


@contextmanager
def deployed(folder: Path) -> Iterator[Devnet]:
    """Give an anvil with the contracts on it."""
    settings = anvil(folder)
    try:
        start(settings)
        w3 = connect(settings.rpc)
        deploying.deploy(w3, settings.folder / "deployment.json")
        yield Devnet(settings, settings.folder / "deployment.json", w3)
    finally:
        stop_devnet(settings.folder)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[DevnetSettings]:
    yield anvil(tmp_path)
    stop_devnet(tmp_path)


def anvil(folder: Path) -> DevnetSettings:
    return DevnetSettings(
        folder, programs_folder(), rpc_port=free_port(), block_time=0, chain=ChainProgram.ANVIL
    )


def start(settings: DevnetSettings) -> Process:
    try:
        process = start_chain(settings)
    except InputError as error:
        if "is not installed" not in str(error):
            raise
        pytest.skip(str(error))
    assert process
    return process


def mine(w3: Web3) -> bytes:
    """Mine a block and return its hash."""
    w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
    return bytes(w3.eth.get_block("latest")["hash"])


def wait_for_state(settings: DevnetSettings, block: int) -> None:
    """Wait until anvil has written down a whole state with a block."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            state = json.loads((settings.folder / "anvil" / "state.json").read_text())
        except (FileNotFoundError, ValueError):
            state = {"best_block_number": 0}
        if state["best_block_number"] >= block:
            return
        time.sleep(0.05)
    raise AssertionError("anvil writes nothing down")


def test_a_killed_anvil_goes_on_with_its_chain(settings: DevnetSettings) -> None:
    process, w3 = start(settings), connect(settings.rpc)
    mined = mine(w3)
    wait_for_state(settings, 1)
    os.killpg(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    start(settings)
    assert (w3.eth.block_number, w3.eth.get_block(1)["hash"]) == (1, mined)


def test_a_stopped_anvil_goes_on_and_a_wiped_one_begins_anew(settings: DevnetSettings) -> None:
    start(settings)
    w3 = connect(settings.rpc)
    mined = mine(w3)
    assert stop_devnet(settings.folder) == ["chain"]
    start(settings)
    assert start_chain(settings) is None
    assert w3.eth.get_block(1)["hash"] == mined
    stop_devnet(settings.folder)
    wipe_devnet(settings.folder)
    start(settings)
    assert w3.eth.block_number == 0


def test_another_program_is_not_taken_for_the_one_that_runs(settings: DevnetSettings) -> None:
    start(settings)
    with pytest.raises(
        InputError, match=r"runs already \(http://.*, anvil\): stop it with `pole devnet down`"
    ):
        start_chain(replace(settings, chain=ChainProgram.GANACHE))


def test_it_has_the_accounts_of_the_usual_chain_and_mines_by_the_clock(settings: DevnetSettings) -> None:
    start(replace(settings, block_time=0.2))
    w3 = connect(settings.rpc)
    assert w3.eth.chain_id == 1337
    assert w3.eth.accounts[0] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert len(w3.eth.accounts) == 20
    deadline = time.monotonic() + PATIENCE
    while w3.eth.block_number < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
