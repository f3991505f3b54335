"""The contracts' events, read and kept.

Each look reads the Ethereum blocks that came since the last, and a few before them again: behind one address
may be a node that knows of a block, but not yet of its events.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress, HexStr
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3
from web3.contract import Contract
from web3.types import BlockData, FilterParams, LogReceipt

from pole.adapters.ethereum.connection import in_one_request, node_answers
from pole.adapters.ethereum.deployment import Deployment
from pole.adapters.node.provider import NoSuchBlockError

EVENTS = {
    "Ledger": ("Recorded", "BlockAppended"),
    "TaskList": (
        *("TaskPosted", "TaskCancelled", "TaskReplaced", "TaskTaken"),
        *("KeysDelegated", "PartialKeysAnnounced"),
    ),
    "VerifierCommittee": ("VoteRevealed", "Rewarded", "Slashed", "Struck"),
    "RewardReservoir": ("Withdrawn",),
}

# Blocks that are read again with those that came after them.
REREAD = 8
# Nodes bound what one eth_getLogs may span; 2,000 blocks is the least among the large providers.
PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its name, decoded arguments, and the Ethereum block and transaction it came in."""

    name: str
    arguments: Mapping[str, Any]
    block: int
    transaction: str


class EventIndex:
    """All events of a deployment that readers ask for, by name, in the order they happened.

    When the chain was reorganised below what was read, everything is read again. `seen_head` is the newest
    block where somebody looked just now, None where not.
    """

    def __init__(
        self,
        w3: Web3,
        deployment: Deployment,
        contracts: Mapping[str, Contract],
        seen_head: Callable[[], BlockData | None] = lambda: None,
    ) -> None:
        self._w3 = w3
        self._seen_head = seen_head
        self._first = deployment.first_block
        self._addresses = [contracts[name].address for name in EVENTS]
        self._decoders = {
            (contracts[name].address, bytes(event_abi_to_log_topic(contracts[name].events[event]().abi))): (
                contracts[name].events[event]()
            )
            for name, events in EVENTS.items()
            for event in events
        }
        self._mutex = threading.Lock()
        self._clear()

    def events(self, name: str) -> tuple[Event, ...]:
        """Return the events of that name up to the newest Ethereum block."""
        return self.snapshot().get(name, ())

    def snapshot(self) -> Mapping[str, tuple[Event, ...]]:
        """Return all events by name, up to one and the same Ethereum block."""
        with self._mutex, node_answers():
            self._catch_up()
            return {name: tuple(events.values()) for name, events in self._events.items()}

    def _clear(self) -> None:
        self._events: dict[str, dict[tuple[int, int], Event]] = {}
        self._next = self._first
        self._last_hash: bytes | None = None

    def _catch_up(self) -> None:
        head = self._seen_head() or self._w3.eth.get_block("latest")
        if bytes(head["hash"]) == self._last_hash:
            return
        start = max(self._first, self._next - REREAD)
        last = min(start + PAGE - 1, head["number"])
        logs = self._logs_after_what_was_read(start, last)
        if logs is None:
            self._clear()
            start = self._first
        while self._next <= head["number"]:
            last = min(start + PAGE - 1, head["number"])
            for log in self._w3.eth.get_logs(self._page(start, last)) if logs is None else logs:
                self._keep(log)
            self._next, logs = last + 1, None
            start = self._next
        self._last_hash = bytes(head["hash"])

    def _logs_after_what_was_read(self, first: int, last: int) -> list[LogReceipt] | None:
        """Return logs of some blocks, None where the last block that was read is no more in the chain."""
        if self._last_hash is None or last < self._next - 1:
            return None
        try:
            read, logs = in_one_request(
                self._w3,
                [
                    lambda: self._w3.eth.get_block(self._next - 1),
                    lambda: self._w3.eth.get_logs(self._page(first, last)),
                ],
            )
        except NoSuchBlockError:
            return None
        return list(logs) if bytes(read["hash"]) == self._last_hash else None

    def _page(self, first: int, last: int) -> FilterParams:
        topics = [HexStr("0x" + topic.hex()) for topic in dict.fromkeys(topic for _, topic in self._decoders)]
        addresses: list[ChecksumAddress] = list(self._addresses)
        return {"address": addresses, "fromBlock": first, "toBlock": last, "topics": [topics]}

    def _keep(self, log: LogReceipt) -> None:
        decoder = self._decoders.get((log["address"], bytes(log["topics"][0]) if log["topics"] else b""))
        if decoder is None:
            return
        decoded = decoder.process_log(log)
        event = Event(
            decoded["event"],
            decoded["args"],
            decoded["blockNumber"],
            "0x" + bytes(decoded["transactionHash"]).hex(),
        )
        kept = self._events.setdefault(event.name, {})
        place = (decoded["blockNumber"], decoded["logIndex"])
        is_late = bool(kept) and place < next(reversed(kept)) and place not in kept
        kept[place] = event
        if is_late:
            self._events[event.name] = dict(sorted(kept.items()))
