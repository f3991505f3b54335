"""Sending from real processes that die: a chain with a block time, so that transactions wait in the pool."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.ethereum.contract_errors import ErrorTable
from pole.adapters.machine.devnet import DevnetSettings, free_port, programs_folder, start_chain, stop_devnet
from pole.adapters.sending.faucet import fund
from pole.adapters.sending.fees import FeePolicy
from pole.adapters.sending.transactions import Call, Sender
from pole.adapters.storage.journal import SqliteJournal
from pole.errors import UnreachableError

ACCOUNT: LocalAccount = Account.from_key("0x" + "42" * 32)
SINK = "0x" + "33" * 20

WORKER = """
import sys
from pathlib import Path
from tests.integration.test_sending import SINK, sender_in
from pole.adapters.sending.transactions import Call
print("started", flush=True)
sender_in(Path(sys.argv[1]), sys.argv[2]).send(Call(SINK, "0x", 1), intent=sys.argv[3])
print("mined", flush=True)
"""


def sender_in(folder: Path, rpc: str, policy: FeePolicy | None = None) -> Sender:
    journal = SqliteJournal(folder / "journal.sqlite")
    w3, lock = connect(rpc), folder / "wallet.lock"
    return Sender(w3, ACCOUNT, journal, ErrorTable([]), chain_id=w3.eth.chain_id, lock=lock, policy=policy)


@pytest.fixture(scope="module")
def slow_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetSettings]:
    """Return a chain that mines only when it is told to."""
    folder = tmp_path_factory.mktemp("slow")
    settings = DevnetSettings(folder, programs_folder(), rpc_port=free_port(), block_time=600)
    try:
        start_chain(settings)
        w3 = connect(settings.rpc)
        w3.eth.send_transaction(
            {"from": w3.eth.accounts[0], "to": ACCOUNT.address, "value": Web3.to_wei(10, "ether")}
        )
        mine(w3)
        yield settings
    finally:
        stop_devnet(folder)


def mine(w3: Web3) -> None:
    w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


def received(w3: Web3) -> int:
    return w3.eth.get_balance(Web3.to_checksum_address(SINK))


def start_worker(folder: Path, rpc: str, intent: str) -> "subprocess.Popen[str]":
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), rpc, intent],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "started\n"
    return worker


def wait_for_signed(worker: "subprocess.Popen[str]", folder: Path, intent: str) -> None:
    journal = SqliteJournal(folder / "journal.sqlite")
    while not journal.sends_of(intent):
        assert worker.poll() is None, "the worker ended before it signed"
    journal.close()


def test_a_process_killed_while_its_transaction_waits_sends_it_once(
    slow_chain: DevnetSettings, tmp_path: Path
) -> None:
    w3 = connect(slow_chain.rpc)
    before = received(w3)
    for _ in range(2):
        worker = start_worker(tmp_path, slow_chain.rpc, "pay")
        wait_for_signed(worker, tmp_path, "pay")
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
    last = start_worker(tmp_path, slow_chain.rpc, "pay")
    while last.poll() is None:
        mine(w3)
    assert last.communicate()[0] == "mined\n"
    assert received(w3) == before + 1
    sender_in(tmp_path, slow_chain.rpc).send(Call(SINK, "0x", 1), intent="pay")
    assert received(w3) == before + 1


def test_processes_of_one_wallet_do_not_take_each_other_s_nonce(
    slow_chain: DevnetSettings, tmp_path: Path
) -> None:
    w3 = connect(slow_chain.rpc)
    before = received(w3)
    workers = [start_worker(tmp_path, slow_chain.rpc, f"pay/{number}") for number in range(2)]
    while any(worker.poll() is None for worker in workers):
        mine(w3)
    assert [worker.communicate()[0] for worker in workers] == ["mined\n"] * 2
    assert received(w3) == before + 2


def test_a_chain_that_does_not_mine_is_reported_and_the_transaction_taken_up_later(
    slow_chain: DevnetSettings, tmp_path: Path
) -> None:
    w3 = connect(slow_chain.rpc)
    before = received(w3)
    hasty = FeePolicy(give_up_after=0.2, poll=0.1)
    with pytest.raises(UnreachableError, match="takes up the same transaction"):
        sender_in(tmp_path, slow_chain.rpc, hasty).send(Call(SINK, "0x", 1), intent="pay")
    mine(w3)
    sender_in(tmp_path, slow_chain.rpc).send(Call(SINK, "0x", 1), intent="pay")
    assert received(w3) == before + 1


def test_a_waiting_transaction_is_replaced_and_mined_once(slow_chain: DevnetSettings, tmp_path: Path) -> None:
    w3 = connect(slow_chain.rpc)
    before = received(w3)
    hasty = FeePolicy(replace_after=0.2, poll=0.1)
    sender = sender_in(tmp_path, slow_chain.rpc, hasty)
    journal = SqliteJournal(tmp_path / "journal.sqlite")

    def wait(_: float) -> None:
        if len(journal.sends_of("pay")) == 2:
            mine(w3)

    sender._wait = wait
    sender.send(Call(SINK, "0x", 1), intent="pay")
    cheap, dear = journal.sends_of("pay")
    assert cheap.nonce == dear.nonce
    assert dear.max_fee > cheap.max_fee
    assert received(w3) == before + 1


def test_a_chain_that_was_stopped_is_unreachable_and_holds_everything_when_it_is_back(
    tmp_path: Path,
) -> None:
    settings = DevnetSettings(tmp_path / "devnet", programs_folder(), rpc_port=free_port(), block_time=0)
    try:
        start_chain(settings)
        w3 = connect(settings.rpc)
        genesis = w3.eth.get_block(0)["hash"]
        fund(w3, ACCOUNT.address, 10**18)
        stop_devnet(settings.folder)
        with pytest.raises(UnreachableError, match="pole devnet up"):
            sender_in(tmp_path, settings.rpc).send(Call(SINK, "0x", 1), intent="pay")
        start_chain(settings)
        assert w3.eth.get_block(0)["hash"] == genesis
        sender_in(tmp_path, settings.rpc).send(Call(SINK, "0x", 1), intent="pay")
        assert received(w3) == 1
    finally:
        stop_devnet(settings.folder)
