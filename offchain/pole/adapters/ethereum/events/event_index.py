"""The contracts' events, read and kept.

Each look reads the Ethereum blocks that came since the last, and a few before them again: behind one address
may be a node that knows of a block, but not yet of its events.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pole.adapters.ethereum.connection import node_answers
from pole.adapters.ethereum.deployment import Deployment
from pole.adapters.ethereum.events.decoding import decoded
from pole.adapters.ethereum.events.log_pages import LogPage, LogPages
from pole.adapters.node.contract import Contract
from pole.adapters.node.node import Node, NoSuchBlockError
from pole.adapters.node.questions import Question, Values, block, logs

EVENTS = {
    "Ledger": ("Recorded", "BlockAppended"),
    "TaskList": ("TaskPosted", "TaskCancelled", "TaskReplaced", "TaskTaken"),
    "VerifierCommittee": ("VoteRevealed", "Rewarded", "Slashed", "Struck"),
    "RewardReservoir": ("Withdrawn",),
}

# Whoever makes no keys does not ask for these: any number of them costs a task's owner gas alone.
DELEGATIONS = {"TaskList": ("KeysDelegated",)}

# Blocks that are read again with those that came after them.
REREAD = 8


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its name, decoded arguments, and the Ethereum block and transaction it came in."""

    name: str
    arguments: Mapping[str, Any]
    block: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for: by contract, from a block on, with one of the topics in each place."""

    events: Mapping[str, Sequence[str]]
    first: int = 0
    indexed: Sequence[Sequence[bytes]] = ()


Snapshot = Mapping[str, tuple[Event, ...]]
"""All events by name, up to one and the same Ethereum block."""


class EventIndex:
    """All events of a deployment that readers ask for, by name, in the order they happened.

    Those are the `wanted` ones, else all of EVENTS.

    When the chain was reorganised below what was read, everything is read again; what was read before a node
    failed is not. `seen_head` is the newest block where somebody looked just now, None where not.
    """

    def __init__(
        self,
        node: Node,
        deployment: Deployment,
        contracts: Mapping[str, Contract],
        seen_head: Callable[[], Values | None] = lambda: None,
        *,
        wanted: Wanted | None = None,
    ) -> None:
        wanted = wanted or Wanted(EVENTS)
        self._node = node
        self._seen_head = seen_head
        self._first = max(deployment.first_block, wanted.first)
        self._indexed = wanted.indexed
        self._addresses = [contracts[name].address for name in wanted.events]
        kinds = [(contracts[name], event) for name, events in wanted.events.items() for event in events]
        described = [(contract.address, contract.event(event)) for contract, event in kinds]
        self._kinds = {(address, kind.topic): kind for address, kind in described}
        self._topics = list(dict.fromkeys(kind.topic for _, kind in described))
        self._pages = LogPages(node, self._asking)
        self._mutex = threading.Lock()
        self._clear()

    def events(self, name: str) -> tuple[Event, ...]:
        """Return the events of that name up to the newest Ethereum block."""
        return self.snapshot().get(name, ())

    def snapshot(self) -> Snapshot:
        """Return all events by name, up to one and the same Ethereum block."""
        with self._mutex, node_answers():
            self._catch_up()
            return {name: tuple(events.values()) for name, events in self._events.items()}

    def _clear(self) -> None:
        self._events: dict[str, dict[tuple[int, int], Event]] = {}
        self._next = self._first
        self._last_hash: bytes | None = None

    def _catch_up(self) -> None:
        head = self._seen_head() or self._node.ask(block())
        if head["hash"] == self._last_hash:
            return
        number, start = head["number"], max(self._first, self._next - REREAD)
        page = self._page_after_what_was_read(start, head)
        if page is None:
            self._clear()
            start = self._first
        while start <= number:
            page = page or self._page(start, head)
            for log in page.logs:
                self._keep(log)
            if page.last >= self._next:
                self._next = page.last + 1
                self._last_hash = (head if page.last == number else page.beside[0])["hash"]
            start, page = page.last + 1, None

    def _page_after_what_was_read(self, first: int, head: Values) -> LogPage | None:
        """Return logs of some blocks, None where the last block that was read is no more in the chain."""
        if self._last_hash is None or head["number"] < self._next - 1:
            return None
        try:
            page = self._page(first, head, block(self._next - 1))
        except NoSuchBlockError:
            return None
        return page if page.beside[-1]["hash"] == self._last_hash else None

    def _page(self, first: int, head: Values, *beside: Question[Values]) -> LogPage:
        """Return logs, with the header of their last block before the head, from where reading can go on."""

        def also(last: int) -> Sequence[Question[Values]]:
            return [*([block(last)] if last < head["number"] else []), *beside]

        return self._pages.read(first, head["number"], also)

    def _asking(self, first: int, last: int) -> Question[list[Values]]:
        return logs(self._addresses, first, last, self._topics, self._indexed)

    def _keep(self, log: Values) -> None:
        found = decoded(self._kinds, log)
        if found is None:
            return
        name, arguments = found
        event = Event(name, arguments, log["blockNumber"], f"0x{log['transactionHash'].hex()}")
        kept = self._events.setdefault(event.name, {})
        place = (log["blockNumber"], log["logIndex"])
        is_late = bool(kept) and place < next(reversed(kept)) and place not in kept
        kept[place] = event
        if is_late:
            self._events[event.name] = dict(sorted(kept.items()))
