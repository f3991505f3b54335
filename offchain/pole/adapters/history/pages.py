"""All events of a deployment's contracts, page by page, with the Ethereum blocks that they are in.

The boundary of `pole.explore` to a node: whoever keeps events elsewhere reads them through it, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import node_answers
from pole.adapters.ethereum.event_index import PAGE
from pole.adapters.ethereum.history_source import in_batches
from pole.adapters.node.node import NoSuchBlockError
from pole.adapters.node.questions import Values, block, logs
from pole.errors import UnreachableError
from pole.protocol.encoding.abi_codec import AbiError
from pole.quoting import reason
from pole.roles.ports import Moment

MAX_PAGE: Final = PAGE
"""Ethereum blocks of a page at most."""


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
class EventPage:
    """The events of some Ethereum blocks, oldest first.

    `marks` are those blocks that have any, and the last.
    """

    events: tuple[ChainEvent, ...]
    marks: tuple[BlockMark, ...]


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
        numbers = sorted({log["blockNumber"] for log in found} | {last})
        marks = {mark.number: mark for mark in self._marks(numbers)}
        for log in found:
            if log["blockHash"] != marks[log["blockNumber"]].hash:
                raise UnreachableError("The Ethereum node's chain was reorganised while it was read.")
        events = (self._event(log) for log in found)
        return EventPage(tuple(each for each in events if each is not None), tuple(marks.values()))

    def moments(self) -> tuple[Moment, ...]:
        """Return where every lane stands now. Raises UnreachableError."""
        return self._reader.moments()

    def _logs(self, first: int, last: int) -> Sequence[Values]:
        addresses = [contract.address for contract in self._reader.contracts.values()]
        with node_answers():
            return self._reader.node.ask(logs(addresses, first, last))

    def _marks(self, numbers: Sequence[int]) -> list[BlockMark]:
        return [_mark(found) for found in in_batches(self._reader, [block(number) for number in numbers])]

    def _event(self, log: Values) -> ChainEvent | None:
        """Return what a log says, None where the ABI knows no such event."""
        kind = self._kinds.get((log["address"], log["topics"][0] if log["topics"] else b""))
        if kind is None:
            return None
        try:
            arguments = kind.arguments(log)
        except AbiError as error:
            raise UnreachableError(
                f"The Ethereum node gave an answer that makes no sense: {reason(error)}."
            ) from error
        return ChainEvent(
            block=log["blockNumber"],
            log_index=log["logIndex"],
            transaction=log["transactionHash"],
            contract=self._names[log["address"]],
            name=kind.name,
            arguments=arguments,
        )


def _mark(found: Values) -> BlockMark:
    return BlockMark(found["number"], found["hash"], found["timestamp"])
