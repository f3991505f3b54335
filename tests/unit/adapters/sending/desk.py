"""A wallet that sends through a node in memory."""

from pathlib import Path

from eth_account import Account
from eth_account.signers.base import BaseAccount
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from tests.unit.adapters.fake_node import FakeNode

from pole.adapters.ethereum.contract_errors import ErrorTable
from pole.adapters.sending.fees import FeePolicy
from pole.adapters.sending.transactions import Call, Sender
from pole.adapters.storage.journal import SqliteJournal

ACCOUNT: LocalAccount = Account.from_key("0x" + "11" * 32)
TO = "0x" + "22" * 20
NO_TASK = "0x" + keccak(b"NoTask()")[:4].hex()
ABI = [{"type": "error", "name": "NoTask", "inputs": []}]


class Desk:
    """A wallet's journal on disk, and a sender as a process that starts now would have it."""

    def __init__(self, folder: Path) -> None:
        self.node = FakeNode()
        self.folder = folder
        self.time = 0.0

    def sender(self, policy: FeePolicy | None = None, account: BaseAccount = ACCOUNT) -> Sender:
        self.journal = SqliteJournal(self.folder / "journal.sqlite")
        return Sender(
            self.node.w3,
            account,
            self.journal,
            ErrorTable([ABI]),
            chain_id=1337,
            lock=self.folder / "wallet.lock",
            policy=policy,
            clock=lambda: self.time,
            wait=self.wait,
        )

    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.node.mine()

    def stall(self, seconds: float) -> None:
        self.time += seconds


def call(value: int = 0, data: str = "0xabcdef") -> Call:
    return Call(TO, data, value)
