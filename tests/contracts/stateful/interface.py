"""The contracts as their ABI tells: calls encoded, results, events and errors decoded."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from tests.contracts.stateful.evm import Log, Values

CONTRACTS = ("RewardReservoir", "Ledger", "TaskList", "VerifierCommittee", "PoLeChain")
BUILD = Path(__file__).resolve().parents[3] / "build" / "contracts"
SELECTOR = 4


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the compiler made of one contract."""

    abi: list[dict[str, Any]]
    bytecode: bytes


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    is_payable: bool
    is_view: bool

    def call_data(self, arguments: Values) -> bytes:
        return self.selector + encode(self.inputs, arguments)

    def returned(self, data: bytes) -> Values:
        return decode(self.outputs, data)


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    indexed: tuple[bool, ...]
    types: tuple[str, ...]

    def arguments(self, log: Log) -> Values:
        topics = iter(log.topics[1:])
        rest = [kind for kind, indexed in zip(self.types, self.indexed, strict=True) if not indexed]
        data = iter(decode(rest, log.data))
        return tuple(
            decode([kind], next(topics))[0] if indexed else next(data)
            for kind, indexed in zip(self.types, self.indexed, strict=True)
        )


@cache
def artifacts() -> dict[str, Artifact]:
    """Return what brownie compiled; `tools/brownie compile` makes it anew."""
    read = {path.stem: json.loads(path.read_text()) for path in BUILD.glob("*.json")}
    return {name: Artifact(each["abi"], bytes.fromhex(each["bytecode"])) for name, each in read.items()}


def functions(abi: list[dict[str, Any]]) -> dict[str, Function]:
    return {each["name"]: _function(each) for each in abi if each["type"] == "function"}


def events(abi: list[dict[str, Any]]) -> dict[bytes, Event]:
    """Return events by their topic."""
    return {
        keccak(text=_signature(each)): Event(
            each["name"], tuple(one["indexed"] for one in each["inputs"]), _types(each["inputs"])
        )
        for each in abi
        if each["type"] == "event"
    }


def errors(abis: list[list[dict[str, Any]]]) -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Return name and types of every error by its selector."""
    return {
        keccak(text=_signature(each))[:SELECTOR]: (each["name"], _types(each["inputs"]))
        for abi in abis
        for each in abi
        if each["type"] == "error"
    }


def constructor_data(artifact: Artifact, arguments: Values) -> bytes:
    constructors = (each["inputs"] for each in artifact.abi if each["type"] == "constructor")
    inputs: list[dict[str, Any]] = next(constructors, [])
    return artifact.bytecode + encode(_types(inputs), arguments)


def _function(entry: dict[str, Any]) -> Function:
    return Function(
        entry["name"],
        keccak(text=_signature(entry))[:SELECTOR],
        _types(entry["inputs"]),
        _types(entry["outputs"]),
        entry["stateMutability"] == "payable",
        entry["stateMutability"] in ("view", "pure"),
    )


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def _types(entries: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(_type(each) for each in entries)


def _type(entry: dict[str, Any]) -> str:
    if not entry["type"].startswith("tuple"):
        return entry["type"]
    return f"({','.join(_types(entry['components']))}){entry['type'].removeprefix('tuple')}"
