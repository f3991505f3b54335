"""A contract by its ABI: calls of its functions as questions to a node, its events and its calldata read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.adapters.node.questions import Question, Values, call
from pole.errors import InputError
from pole.protocol.encoding import abi
from pole.protocol.encoding.abi_codec import WORD, AbiError, decode_values, kind_of
from pole.protocol.encoding.hashing import keccak256

Entry = Mapping[str, Any]
"""A function, event, error or parameter, as Solidity's JSON ABI describes it."""

SELECTOR: Final = 4
"""The bytes of calldata that name the function."""


def canonical_type(parameter: Entry) -> str:
    """Return the type of a parameter, structs as their members in brackets."""
    written: str = parameter["type"]
    if not written.startswith("tuple"):
        return written
    return f"({','.join(_types(parameter['components']))}){written.removeprefix('tuple')}"


def signature_hash(entry: Entry) -> bytes:
    """Return the keccak-256 of an entry's signature.

    It is an event's first topic; its first bytes are the selector of a function or an error.
    """
    return keccak256(f"{entry['name']}({','.join(_types(entry['inputs']))})".encode())


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract: its EIP-55 address and its ABI, whose functions, and events, have names of their own."""

    address: str
    abi: Sequence[Entry]

    def call(self, function: str, *arguments: Any, block: int | None = None) -> Question[Any]:
        """Ask for what a view function returns, at a block or at the newest one.

        A single value is returned by itself, several as a tuple; structs and arrays are tuples too.
        Raises InputError for arguments of other types, or a function that the ABI has not.
        """
        outputs = _types(self._entry("function", function)["outputs"])

        def read(data: bytes) -> Any:
            values = decode_values(outputs, data)
            return values[0] if len(values) == 1 else values

        return call(self.address, self.calldata(function, *arguments), read, at=block)

    def calldata(self, function: str, *arguments: Any) -> bytes:
        """Return the data of a call; raises what `call` raises."""
        entry = self._entry("function", function)
        return signature_hash(entry)[:SELECTOR] + abi.encode(_types(entry["inputs"]), arguments)

    def arguments(self, function: str, data: bytes) -> dict[str, Any] | None:
        """Return the arguments of a call by name, structs too; None where the data is no call of that."""
        entry = self._entry("function", function)
        if data[:SELECTOR] != signature_hash(entry)[:SELECTOR]:
            return None
        try:
            return _named(entry["inputs"], decode_values(_types(entry["inputs"]), data[SELECTOR:]))
        except AbiError:
            return None

    def event(self, name: str) -> "EventKind":
        """Return an event's kind; raises InputError where the ABI has none of that name."""
        entry = self._entry("event", name)
        return EventKind(name, signature_hash(entry), tuple(entry["inputs"]))

    def _entry(self, kind: str, name: str) -> Entry:
        for entry in self.abi:
            if entry["type"] == kind and entry["name"] == name:
                return entry
        raise InputError(
            f"The contract at {self.address} has no {kind} {name} in the deployment file, which is of "
            "another version: use the pole that deployed it, or deploy again."
        )


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event: its name, its first topic, and its parameters."""

    name: str
    topic: bytes
    parameters: Sequence[Entry]

    def arguments(self, log: Values) -> dict[str, Any]:
        """Return what a log of this event says, by name; structs are mappings too.

        Raises AbiError where it is malformed.
        """
        indexed = [each for each in self.parameters if each["indexed"]]
        others = [each for each in self.parameters if not each["indexed"]]
        topics = log["topics"][1:]
        if len(topics) != len(indexed):
            raise AbiError(f"{self.name} has {len(indexed)} indexed arguments, the log {len(topics)}")
        found = _named(others, decode_values(_types(others), log["data"]))
        kinds = map(_indexed_type, indexed)
        values = (decode_values([kind], topic)[0] for kind, topic in zip(kinds, topics, strict=True))
        return {**dict(zip((each["name"] for each in indexed), values, strict=True)), **found}


def _types(parameters: Sequence[Entry]) -> list[str]:
    return [canonical_type(each) for each in parameters]


def _indexed_type(parameter: Entry) -> str:
    """Return the type of a topic: of what has more than a word it is the hash."""
    kind = kind_of(canonical_type(parameter))
    return canonical_type(parameter) if kind.head == WORD and not kind.is_dynamic else "bytes32"


def _named(parameters: Sequence[Entry], values: Sequence[Any]) -> dict[str, Any]:
    return {
        parameter["name"]: _with_members(parameter, value, parameter["type"].count("["))
        for parameter, value in zip(parameters, values, strict=True)
    }


def _with_members(parameter: Entry, value: Any, depth: int) -> Any:
    """Return a value whose structs, below so many arrays, have names for their members."""
    if "components" not in parameter:
        return value
    if depth:
        return tuple(_with_members(parameter, item, depth - 1) for item in value)
    return _named(parameter["components"], value)
