"""A development node signs for its own accounts by web3signer's methods, and is no code of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account.messages import encode_defunct
from web3 import Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.ethereum.contract_errors import ErrorTable
from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_chain, stop_devnet
from pole.adapters.sending.transactions import Call, Sender
from pole.adapters.signing.remote_account import open_account, open_remote_account
from pole.adapters.storage.journal import SqliteJournal
from pole.adapters.wallet.remote_wallet import RemoteKey, SignerKind, connect_wallet
from pole.adapters.wallet.secret_box import ScryptCost

SINK = Web3.to_checksum_address("0x" + "33" * 20)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetSettings]:
    folder = tmp_path_factory.mktemp("signing")
    settings = DevnetSettings(folder, programs_folder(), rpc_port=free_port(), block_time=0)
    try:
        start_chain(settings)
        yield settings
    finally:
        stop_devnet(folder)


def test_a_wallet_sends_what_a_node_signs(chain: DevnetSettings, tmp_path: Path) -> None:
    w3 = connect(chain.rpc)
    address = open_remote_account(RemoteKey("", SignerKind.WEB3SIGNER, chain.rpc, 20)).accounts()[0]
    key = RemoteKey(address, SignerKind.WEB3SIGNER, chain.rpc, 20)
    connect_wallet(tmp_path, "alice", key, "password", cost=ScryptCost(2, 8, 1))
    account = open_account(tmp_path, "alice", "password")
    assert len(account.sign_message(encode_defunct(text="a card")).signature) == 65
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    sender = Sender(
        w3, account, journal, ErrorTable([]), chain_id=w3.eth.chain_id, lock=tmp_path / "wallet.lock"
    )
    assert sender.send(Call(SINK, "0x", 7), intent="pay")["status"] == 1
    assert w3.eth.get_balance(SINK) == 7
