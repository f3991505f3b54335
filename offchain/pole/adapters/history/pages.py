"""All events of a deployment's contracts, page by page, with their Ethereum blocks and receipts.

The boundary of `pole.explore` to a node: whoever keeps events elsewhere reads them through it, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import node_answers
from pole.adapters.ethereum.events.decoding import decoded
from pole.adapters.ethereum.events.log_pages import PAGE, LogPages
from pole.adapters.ethereum.history_source import in_batches
from pole.adapters.node.node import NoSuchBlockError
from pole.adapters.node.questions import Question, Values, block, logs, receipt
from pole.adapters.node.refusals import UnservedError
from pole.errors import UnreachableError
from pole.roles.ports import Moment

MAX_PAGE: Final = PAGE
"""Ethereum blocks of a page at most."""

MAX_GAS: Final = 2**63 - 1
"""The largest gas limit that a block can have (EIP-1985)."""

MAX_PAID: Final = 10**24
"""Wei, a million ether: no transaction's gas costs so much."""


@dataclass(frozen=True, slots=True)
class BlockMark:
    """An Ethereum block: its number, its hash, and its time in seconds since the epoch."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """An event: where it is in the chain, which contract emitted it, and what it says.

    Bytes of `arguments` are bytes, structs are mappings, addresses have their EIP-55 checksum.
    """

    block: int
    log_index: int
    transaction: bytes
    contract: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an Ethereum transaction cost its sender: gas, and the price of a unit of it in wei."""

    transaction: bytes
    sender: str
    gas: int
    price: int


@dataclass(frozen=True, slots=True)
class EventPage:
    """The events of some Ethereum blocks, oldest first.

    `marks` are those blocks that have any, and the last. `receipts` are of the events' transactions: of all
    of them, or of those that the node gives any of.
    """

    events: tuple[ChainEvent, ...]
    marks: tuple[BlockMark, ...]
    receipts: tuple[Receipt, ...]


class EventPages:
    """The events that a deployment's contracts emitted, through one node."""

    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader
        self._names = {contract.address: name for name, contract in reader.contracts.items()}
        kinds = (
            (contract.address, contract.event(entry["name"]))
            for contract in reader.contracts.values()
            for entry in contract.abi
            if entry["type"] == "event"
        )
        self._kinds = {(address, kind.topic): kind for address, kind in kinds}
        self._pages = LogPages(reader.node, self._asking)

    @property
    def first_block(self) -> int:
        """Return the Ethereum block before which there is no event."""
        return self._reader.deployment.first_block

    def head(self) -> BlockMark:
        """Return the newest Ethereum block. Raises UnreachableError."""
        with node_answers():
            return _mark(self._reader.node.ask(block()))

    def mark(self, number: int) -> BlockMark | None:
        """Return an Ethereum block, None where the node has none of that number. Raises UnreachableError."""
        try:
            with node_answers():
                return _mark(self._reader.node.ask(block(number)))
        except NoSuchBlockError:
            return None

    def page(self, first: int, last: int) -> EventPage:
        """Return the events of Ethereum blocks `first` to `last`, which are at most MAX_PAGE.

        Raises UnreachableError, also where the chain was reorganised between two questions.
        """
        found = self._logs(first, last)
        told = [(log, event) for log in found if (event := self._event(log)) is not None]
        numbers = sorted({log["blockNumber"] for log in found} | {last})
        headers, receipts = self._surroundings(numbers, tuple(event for _, event in told))
        marks = {mark.number: mark for mark in map(_mark, headers)}
        for each in (*found, *receipts):
            if each["blockNumber"] not in marks or each["blockHash"] != marks[each["blockNumber"]].hash:
                raise UnreachableError("The Ethereum node's chain was reorganised while it was read.")
        events = tuple(event for _, event in told)
        return EventPage(events, tuple(marks.values()), tuple(map(_receipt, receipts)))

    def moments(self) -> tuple[Moment, ...]:
        """Return where every lane stands now. Raises UnreachableError."""
        return self._reader.moments()

    def _logs(self, first: int, last: int) -> Sequence[Values]:
        found: list[Values] = []
        while first <= last:
            page = self._pages.read(first, last)
            found += page.logs
            first = page.last + 1
        return found

    def _asking(self, first: int, last: int) -> Question[list[Values]]:
        return logs([contract.address for contract in self._reader.contracts.values()], first, last)

    def _surroundings(
        self, numbers: Sequence[int], events: Sequence[ChainEvent]
    ) -> tuple[list[Values], list[Values]]:
        """Return the headers of blocks, and what receipts the node has of the transactions of events.

        A block's travel with its header. A node that serves headers alone is taken at its word.
        """
        hashes = {event.transaction: event.block for event in events}
        asked = sorted([*((at, b"") for at in numbers), *((at, hash_) for hash_, at in hashes.items())])
        questions = [receipt(f"0x{hash_.hex()}") if hash_ else block(at) for at, hash_ in asked]
        try:
            found = in_batches(self._reader, questions)
        except UnservedError:
            return in_batches(self._reader, [block(number) for number in numbers]), []
        headers = [each for (_, hash_), each in zip(asked, found, strict=True) if not hash_]
        receipts = [each for (_, hash_), each in zip(asked, found, strict=True) if hash_]
        return headers, [each for each in receipts if _is_whole(each)]

    def _event(self, log: Values) -> ChainEvent | None:
        """Return what a log says, None where the ABI knows no such event."""
        found = decoded(self._kinds, log)
        if found is None:
            return None
        name, arguments = found
        return ChainEvent(
            block=log["blockNumber"],
            log_index=log["logIndex"],
            transaction=log["transactionHash"],
            contract=self._names[log["address"]],
            name=name,
            arguments=arguments,
        )


def _is_whole(found: Values | None) -> bool:
    """Return whether there is a receipt, and it says of whom and in which block."""
    return found is not None and None not in (found.get("from"), found.get("blockHash"))


def _receipt(found: Values) -> Receipt:
    gas, price = found["gasUsed"], found["effectiveGasPrice"]
    if gas > MAX_GAS or max(gas, 1) * price > MAX_PAID:
        raise UnreachableError(
            f"The Ethereum node gave an answer that makes no sense: {gas} gas at {price} wei."
        )
    return Receipt(found["transactionHash"], found["from"], gas, price)


def _mark(found: Values) -> BlockMark:
    return BlockMark(found["number"], found["hash"], found["timestamp"])
