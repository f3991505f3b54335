"""Real processes on free ports: a ganache with the contracts on it, and an IPFS daemon."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from tests.integration import deploying
from web3 import Web3

from pole.adapters.ethereum.chain_reader import open_chain_reader
from pole.adapters.ethereum.connection import connect
from pole.adapters.machine.devnet import (
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    start_ipfs,
    stop_devnet,
)
from pole.adapters.sending.chain import EthereumChain, open_ethereum_chain
from pole.adapters.sending.faucet import fund
from pole.adapters.storage.journal import SqliteJournal

ETHER = 10**18


@dataclass(frozen=True)
class Devnet:
    """A chain that mines each transaction at once, with the contracts deployed."""

    settings: DevnetSettings
    deployment: Path
    w3: Web3

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]

    def pass_time(self, seconds: int) -> None:
        """Let so many seconds pass, and the Ethereum blocks that a window takes."""
        self.w3.provider.make_request("evm_increaseTime", [seconds])  # type: ignore[arg-type]
        self.mine(deploying.PARAMETERS["chain"]["windowBlocks"])


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with running_devnet(tmp_path_factory.mktemp("devnet")) as running:
        yield running


@contextmanager
def running_devnet(folder: Path) -> Iterator[Devnet]:
    settings = DevnetSettings(folder, programs_folder(), rpc_port=free_port(), block_time=0)
    try:
        start_chain(settings)
        w3 = connect(settings.rpc)
        deploying.deploy(w3, folder / "deployment.json")
        yield Devnet(settings, folder / "deployment.json", w3)
    finally:
        stop_devnet(folder)


@pytest.fixture
def ipfs(tmp_path: Path) -> Iterator[DevnetSettings]:
    settings = DevnetSettings(
        tmp_path / "devnet", programs_folder(), ipfs_port=free_port(), swarm_port=free_port()
    )
    try:
        start_ipfs(settings)
        yield settings
    finally:
        stop_devnet(settings.folder)


@pytest.fixture
def wallet(devnet: Devnet, tmp_path: Path) -> Callable[[str], EthereumChain]:
    """Return a maker of funded wallets, each with a journal of its own."""

    def make(name: str) -> EthereumChain:
        account = Account.create()
        fund(devnet.w3, account.address, 20 * ETHER)
        reader = open_chain_reader(devnet.settings.rpc, devnet.deployment)
        journal = SqliteJournal(tmp_path / f"{name}.sqlite")
        return open_ethereum_chain(reader, account, journal, locks=tmp_path / "locks")

    return make
