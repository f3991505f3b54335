"""Whether anything was done twice: what the chain mined held against the journals of who sent it."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.stress.soak.checks.promise import Promise
from web3 import Web3

from pole.adapters.ethereum.history_source import BATCH
from pole.adapters.node.http import HttpPost
from pole.adapters.storage.journal import SendState


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that the chain has: who sent it, its hash, and whether it did its work."""

    sender: str
    hash: str
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """A transaction as a journal has it."""

    intent: str
    state: SendState


def check_sending(url: str, homes: Mapping[str, Path], addresses: Mapping[str, str]) -> Promise:
    """Find intents that succeeded twice, and transactions that their journal does not know."""
    mined = read_mined(url, set(addresses.values()))
    breaches: list[str] = []
    for name, home in homes.items():
        own = [each for each in mined if each.sender == addresses[name]]
        breaches += [f"{name}: {breach}" for breach in breaches_of(own, read_journal(home))]
    reverted = sum(not each.succeeded for each in mined)
    remark = f"{len(mined)} transactions, {reverted} of them reverted"
    return Promise("nothing that succeeded was sent twice", tuple(breaches), (remark,))


def breaches_of(mined: Iterable[Mined], journal: Mapping[str, Noted]) -> list[str]:
    """Return what one wallet's transactions and its journal have against each other."""
    breaches: list[str] = []
    done: dict[str, list[str]] = defaultdict(list)
    succeeded = {each.hash for each in mined if each.succeeded}
    for transaction in sorted(succeeded):
        noted = journal.get(transaction)
        if noted is None:
            breaches.append(f"{transaction} is in no journal")
        else:
            done[noted.intent].append(transaction)
    breaches += [f"{intent} succeeded {len(each)} times" for intent, each in done.items() if len(each) > 1]
    breaches += [
        f"{transaction} for {noted.intent} is noted as done, and the chain has no such success"
        for transaction, noted in journal.items()
        if noted.state is SendState.DONE and transaction not in succeeded
    ]
    return breaches


def read_journal(home: Path) -> dict[str, Noted]:
    """Return the transactions in all journals of a home by hash."""
    found: dict[str, Noted] = {}
    for path in home.glob("work/*/journal.sqlite"):
        connection = sqlite3.connect(path)
        try:
            rows = connection.execute("SELECT hash, intent, state FROM transactions").fetchall()
        finally:
            connection.close()
        found |= {transaction: Noted(intent, SendState(state)) for transaction, intent, state in rows}
    return found


def read_mined(url: str, senders: set[str]) -> list[Mined]:
    """Return all transactions of some wallets, in the order mined, as the node at `url` has them."""
    [head] = _asked(url, [("eth_blockNumber", [])])
    blocks = _asked(url, [("eth_getBlockByNumber", [hex(n), True]) for n in range(int(head, 16) + 1)])
    mined = [each for block in blocks for each in block["transactions"]]
    sent = {each["hash"]: Web3.to_checksum_address(each["from"]) for each in mined}
    own = {transaction: sender for transaction, sender in sent.items() if sender in senders}
    receipts = _asked(url, [("eth_getTransactionReceipt", [transaction]) for transaction in own])
    return [
        Mined(sender, transaction, int(receipt["status"], 16) == 1)
        for (transaction, sender), receipt in zip(own.items(), receipts, strict=True)
    ]


def _asked(url: str, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
    """Return results of calls past the boundary of the package, which leaves transactions out of blocks."""
    post, results = HttpPost(url), []
    for start in range(0, len(calls), BATCH):
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(calls[start : start + BATCH])
        ]
        answered = json.loads(post(json.dumps(batch).encode()))
        answers = {each["id"]: each["result"] for each in answered}
        results += [answers[call["id"]] for call in batch]
    return results
