"""What a node is asked for: a method, its parameters, and what its checked answer becomes in Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pole.protocol.encoding.hashing import address

T = TypeVar("T")

Values = Mapping[str, Any]
"""Members of an answer by name: numbers as int, data as bytes, addresses with their checksum."""

_COUNTS: Final = frozenset(
    (
        *("number", "timestamp", "gasLimit", "gasUsed", "blobGasUsed", "excessBlobGas", "difficulty"),
        *("baseFeePerGas", "blockNumber", "transactionIndex", "logIndex", "effectiveGasPrice", "status"),
    )
)
_ADDRESSES: Final = frozenset({"address", "from", "to", "contractAddress"})


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A method with its parameters; `read` takes an answer of the method's shape."""

    method: str
    parameters: Sequence[Any]
    read: Callable[[Any], T]


def chain_id() -> Question[int]:
    """Ask for the chain's id."""
    return Question("eth_chainId", [], _number)


def block_number() -> Question[int]:
    """Ask for the number of the newest block."""
    return Question("eth_blockNumber", [], _number)


def client_version() -> Question[str]:
    """Ask for the node's program and its version."""
    return Question("web3_clientVersion", [], str)


def balance(of: str) -> Question[int]:
    """Ask for the ether of an address itself, in wei."""
    return Question("eth_getBalance", [of, "latest"], _number)


def code(at: str) -> Question[bytes]:
    """Ask for the code of a contract."""
    return Question("eth_getCode", [at, "latest"], _data)


def block(which: int | None = None) -> Question[Values]:
    """Ask for the header of a block by its number, of the newest without one."""
    return Question("eth_getBlockByNumber", [_block(which), False], _values)


def logs(
    addresses: Sequence[str],
    first: int,
    last: int | None = None,
    topics: Sequence[bytes] = (),
    indexed: Sequence[Sequence[bytes]] = (),
) -> Question[list[Values]]:
    """Ask for the logs of contracts from a block on, to the newest one or to `last`.

    Where topics are given, for logs with one of them as their first, and with one of those in each place of
    `indexed` after it.
    """
    wanted: dict[str, Any] = {"address": list(addresses), "fromBlock": hex(first), "toBlock": _block(last)}
    if topics:
        wanted["topics"] = [[f"0x{topic.hex()}" for topic in place] for place in (topics, *indexed)]
    return Question("eth_getLogs", [wanted], lambda found: [_values(log) for log in found])


def logs_by_receipts(wanted: Question[list[Values]]) -> Question[list[Values]]:
    """Ask for the logs that `wanted` asks for in its first block, by the receipts of that block.

    Nodes bound how many logs they look for, but not how many a block may have.
    """
    [asked] = wanted.parameters
    places = asked.get("topics", ())

    def fits(log: Mapping[str, Any]) -> bool:
        topics = log["topics"][: len(places)]
        return (
            address(log["address"]) in asked["address"]
            and len(topics) == len(places)
            and all(topic.lower() in place for topic, place in zip(topics, places, strict=True))
        )

    def read(receipts: Any) -> list[Values]:
        return [_values(log) for receipt in receipts for log in receipt["logs"] if fits(log)]

    return Question("eth_getBlockReceipts", [asked["fromBlock"]], read)


def transaction(hash_: str) -> Question[Values | None]:
    """Ask for a transaction, None where the node has none of that hash."""
    return Question("eth_getTransactionByHash", [hash_], _optional)


def receipt(hash_: str) -> Question[Values | None]:
    """Ask for the receipt of a transaction, None before it is mined."""
    return Question("eth_getTransactionReceipt", [hash_], _optional)


def call(to: str, data: bytes, read: Callable[[bytes], T], *, at: int | None = None) -> Question[T]:
    """Ask what a call of a contract returns, at a block or at the newest one."""
    parameters = [{"to": to, "data": f"0x{data.hex()}"}, _block(at)]
    return Question("eth_call", parameters, lambda found: read(_data(found)))


def _block(number: int | None) -> str:
    return "latest" if number is None else hex(number)


def _number(value: str) -> int:
    return int(value, 16)


def _data(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _optional(answer: Mapping[str, Any] | None) -> Values | None:
    return None if answer is None else _values(answer)


def _values(answer: Mapping[str, Any]) -> Values:
    return {name: _value(name, value) for name, value in answer.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "logs":
        return [_values(log) for log in value]
    if name == "topics":
        return [_data(topic) for topic in value]
    if name in _ADDRESSES:
        return address(value)
    return _number(value) if name in _COUNTS else _data(value)
