"""Whatever a node answers in the place of the truth, a transaction is sent once, or an error says why."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.faults.faulty_node import Asked, Fault, FaultyNode, Forward, faulty_node
from web3 import Web3

from pole.adapters.ethereum.connection import connect
from pole.adapters.ethereum.contract_errors import ErrorTable
from pole.adapters.machine.devnet import (
    ChainProgram,
    DevnetSettings,
    free_port,
    programs_folder,
    start_chain,
    stop_devnet,
)
from pole.adapters.sending.faucet import fund
from pole.adapters.sending.fees import FeePolicy
from pole.adapters.sending.transactions import Call, Sender
from pole.adapters.storage.journal import SqliteJournal
from pole.errors import InputError, RefusedError, UnreachableError

SINK = "0x" + "33" * 20
PAYMENTS = 3
TRIES = 40
HASTY = FeePolicy(poll=0.05, replace_after=2, believe_after=1, give_up_after=6)

SEND, COUNT = "eth_sendRawTransaction", "eth_getTransactionCount"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    """Return an anvil with a block a second, so that transactions wait in its pool."""
    folder = tmp_path_factory.mktemp("anvil")
    settings = DevnetSettings(
        folder, programs_folder(), rpc_port=free_port(), block_time=1, chain=ChainProgram.ANVIL
    )
    try:
        try:
            start_chain(settings)
        except InputError as error:
            pytest.skip(str(error))
        yield connect(settings.rpc)
    finally:
        stop_devnet(folder)


@pytest.fixture
def node(chain: Web3) -> Iterator[FaultyNode]:
    with faulty_node(chain.provider.post.url) as proxy:  # type: ignore[attr-defined]
        yield proxy


@pytest.fixture
def account(chain: Web3) -> LocalAccount:
    account: LocalAccount = Account.create()
    fund(chain, account.address, 10**18)
    return account


def sometimes(probability: float, fault: Fault) -> Fault:
    """Return a fault that befalls a part of the requests."""
    chance = random.Random(7)  # noqa: S311
    return lambda asked, body, forward: (
        fault(asked, body, forward) if chance.random() < probability else forward(body)
    )


def once_for(method: str, fault: Fault) -> Fault:
    """Return a fault that befalls the first request of a method."""
    left = [method]

    def spoil(asked: Asked, body: bytes, forward: Forward) -> Any:
        if left and any(request["method"] == method for request in asked):
            left.clear()
            return fault(asked, body, forward)
        return forward(body)

    return spoil


def always_for(method: str, change: Callable[[Any], Any]) -> Fault:
    """Return a fault that changes every answer to a method, in and out of batches."""

    def spoil(asked: Asked, body: bytes, forward: Forward) -> bytes:
        answer = json.loads(forward(body))
        answers = answer if isinstance(answer, list) else [answer]
        changed = [
            change(each) if request["method"] == method else each
            for request, each in zip(asked, answers, strict=True)
        ]
        return json.dumps(changed if isinstance(answer, list) else changed[0]).encode()

    return spoil


def saying(message: str) -> Callable[[Any], Any]:
    return lambda answer: {
        "jsonrpc": "2.0",
        "id": answer["id"],
        "error": {"code": -32000, "message": message},
    }


def lose(_asked: Asked, _body: bytes, _forward: Forward) -> None:
    return None


def lose_answer(_asked: Asked, body: bytes, forward: Forward) -> None:
    forward(body)


def slow(_asked: Asked, body: bytes, forward: Forward) -> bytes:
    time.sleep(0.3)
    return forward(body)


def twice(_asked: Asked, body: bytes, forward: Forward) -> bytes:
    forward(body)
    return forward(body)


def one_behind(answer: Any) -> Any:
    return {**answer, "result": hex(max(0, int(answer["result"], 16) - 1))}


FAULTS: dict[str, Fault] = {
    "requests are lost": sometimes(0.1, lose),
    "answers are lost": sometimes(0.1, lose_answer),
    "pages in the place of answers": sometimes(0.1, lambda *_: (503, b"<html>bad gateway</html>")),
    "limits": sometimes(0.1, lambda *_: (429, b"<html>too many</html>")),
    "truncated": sometimes(0.1, lambda _, body, forward: forward(body)[:-7]),
    "slow": slow,
    "every request twice": twice,
    "no batches": lambda asked, body, forward: (413, b"") if len(asked) > 1 else forward(body),
    "the transaction is lost": once_for(SEND, lose),
    "the answer to the transaction is lost": once_for(SEND, lose_answer),
    "the transaction is known": always_for(SEND, saying("already known")),
    "the transaction is underpriced": always_for(SEND, saying("replacement transaction underpriced")),
    "the node is busy, and takes it all the same": always_for(SEND, saying("internal error")),
    "the count of a node behind": sometimes(0.2, always_for(COUNT, one_behind)),
    "no transaction is to be seen": sometimes(
        0.5, always_for("eth_getTransactionByHash", lambda answer: {**answer, "result": None})
    ),
    "no receipt is to be seen": sometimes(
        0.5, always_for("eth_getTransactionReceipt", lambda answer: {**answer, "result": None})
    ),
}


def pay(node: FaultyNode, account: LocalAccount, folder: Path, intent: str, chain_id: int) -> None:
    """Send as a process does that has just started: all it knows is in the journal."""
    journal, errors = SqliteJournal(folder / "journal.sqlite"), ErrorTable([])
    sender = Sender(
        connect(node.url),
        account,
        journal,
        errors,
        chain_id=chain_id,
        lock=folder / "wallet.lock",
        policy=HASTY,
    )
    try:
        sender.send(Call(SINK, "0x", 1), intent=intent)
    finally:
        journal.close()


def pay_at_last(node: FaultyNode, account: LocalAccount, folder: Path, intent: str, chain_id: int) -> None:
    """Send until it is said to be done; what is said before must be an error of ours."""
    for _ in range(TRIES):
        try:
            pay(node, account, folder, intent, chain_id)
        except (UnreachableError, RefusedError):
            continue
        return
    pytest.fail(f"{intent} was not sent in {TRIES} tries")


@pytest.mark.parametrize("fault", FAULTS)
def test_each_payment_is_mined_once_and_leaves_no_gap(
    chain: Web3, node: FaultyNode, account: LocalAccount, tmp_path: Path, fault: str
) -> None:
    sink, chain_id = Web3.to_checksum_address(SINK), chain.eth.chain_id
    before = chain.eth.get_balance(sink)
    node.fault = FAULTS[fault]
    for number in range(PAYMENTS):
        pay_at_last(node, account, tmp_path, f"pay/{number}", chain_id)
    node.fault = None
    for number in range(PAYMENTS):
        pay(node, account, tmp_path, f"pay/{number}", chain_id)
    pay(node, account, tmp_path, "pay/last", chain_id)
    counts = [chain.eth.get_transaction_count(account.address, block) for block in ("latest", "pending")]
    assert counts == [PAYMENTS + 1] * 2
    assert chain.eth.get_balance(sink) - before == PAYMENTS + 1


def test_a_node_that_changes_its_chain_is_given_nothing(
    chain: Web3, node: FaultyNode, account: LocalAccount, tmp_path: Path
) -> None:
    chain_id = chain.eth.chain_id
    node.fault = always_for("eth_chainId", lambda answer: {**answer, "result": "0x1"})
    with pytest.raises(UnreachableError, match="it is on chain 1 now"):
        pay(node, account, tmp_path, "pay", chain_id)
    assert SEND not in node.methods
    node.fault = None
    pay(node, account, tmp_path, "pay", chain_id)
    assert chain.eth.get_transaction_count(account.address) == 1
