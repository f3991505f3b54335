"""All events of a deployment's contracts, page by page, with the Ethereum blocks that they are in.

The boundary of `pole.explore` to a node: whoever keeps events elsewhere reads them through it, once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from eth_typing import ChecksumAddress
from eth_utils.abi import event_abi_to_log_topic
from web3.types import BlockData, LogReceipt

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import node_answers
from pole.adapters.ethereum.event_index import PAGE
from pole.adapters.ethereum.history_source import in_batches
from pole.adapters.node.provider import NoSuchBlockError
from pole.errors import UnreachableError
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
        self._kinds = {
            (contract.address, bytes(event_abi_to_log_topic(entry))): contract.events[entry["name"]]()
            for contract in reader.contracts.values()
            for entry in contract.abi
            if entry["type"] == "event"
        }

    @property
    def first_block(self) -> int:
        """Return the Ethereum block before which there is no event."""
        return self._reader.deployment.first_block

    def head(self) -> BlockMark:
        """Return the newest Ethereum block. Raises UnreachableError."""
        with node_answers():
            return _mark(self._reader.w3.eth.get_block("latest"))

    def mark(self, number: int) -> BlockMark | None:
        """Return an Ethereum block, None where the node has none of that number. Raises UnreachableError."""
        try:
            with node_answers():
                return _mark(self._reader.w3.eth.get_block(number))
        except NoSuchBlockError:
            return None

    def page(self, first: int, last: int) -> EventPage:
        """Return the events of Ethereum blocks `first` to `last`, which are at most MAX_PAGE.

        Raises UnreachableError, also where the chain was reorganised between two questions.
        """
        logs = self._logs(first, last)
        numbers = sorted({log["blockNumber"] for log in logs} | {last})
        marks = {mark.number: mark for mark in self._marks(numbers)}
        for log in logs:
            if bytes(log["blockHash"]) != marks[log["blockNumber"]].hash:
                raise UnreachableError("The Ethereum node's chain was reorganised while it was read.")
        events = (self._event(log) for log in logs)
        return EventPage(tuple(each for each in events if each is not None), tuple(marks.values()))

    def moments(self) -> tuple[Moment, ...]:
        """Return where every lane stands now. Raises UnreachableError."""
        return self._reader.moments()

    def _logs(self, first: int, last: int) -> Sequence[LogReceipt]:
        addresses: list[ChecksumAddress] = [each.address for each in self._reader.contracts.values()]
        with node_answers():
            return self._reader.w3.eth.get_logs({"address": addresses, "fromBlock": first, "toBlock": last})

    def _marks(self, numbers: Sequence[int]) -> list[BlockMark]:
        asked: list[Callable[[], Any]] = [
            partial(self._reader.w3.eth.get_block, number) for number in numbers
        ]
        return [_mark(block) for block in in_batches(self._reader, asked)]

    def _event(self, log: LogReceipt) -> ChainEvent | None:
        """Return what a log says, None where the ABI knows no such event."""
        kind = self._kinds.get((log["address"], bytes(log["topics"][0]) if log["topics"] else b""))
        if kind is None:
            return None
        with node_answers():
            decoded = kind.process_log(log)
        return ChainEvent(
            block=log["blockNumber"],
            log_index=log["logIndex"],
            transaction=bytes(log["transactionHash"]),
            contract=self._names[log["address"]],
            name=decoded["event"],
            arguments=decoded["args"],
        )


def _mark(block: BlockData) -> BlockMark:
    return BlockMark(block["number"], bytes(block["hash"]), block["timestamp"])
