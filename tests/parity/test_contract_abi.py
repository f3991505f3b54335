"""Calls, answers and events are written and read as web3 does it, for all of the contracts' ABIs."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.core import given
from tests.abi_values import values_of
from tests.contracts.stateful.interface import artifacts
from tests.unit.adapters.fake_node import FakeNode
from web3 import Web3

from pole.adapters.ethereum.deployment import CONTRACTS
from pole.adapters.node.contract import Contract, canonical_type, signature_hash

EXAMPLES = 8
"""Of each function and event, of which there are some two hundred: web3 takes milliseconds for one."""
ADDRESS = Web3.to_checksum_address("0x" + "ab" * 20)


class Answering(FakeNode):
    """A node that answers every call with the bytes that it is given."""

    answer = b""

    def _eth_call(self, *_: Any) -> str:
        return f"0x{self.answer.hex()}"


NODE = Answering()


@cache
def web3_of(contract: str) -> Any:
    return NODE.w3.eth.contract(address=ADDRESS, abi=artifacts()[contract].abi)


def entries(kind: str) -> list[tuple[str, str]]:
    return [
        (name, each["name"]) for name in CONTRACTS for each in artifacts()[name].abi if each["type"] == kind
    ]


def entry(contract: str, kind: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in artifacts()[contract].abi if each["type"] == kind and each["name"] == name)
    return found


def types(parameters: list[dict[str, Any]]) -> list[str]:
    return [canonical_type(each) for each in parameters]


def plain(value: Any) -> Any:
    """Return values without web3's own kinds of bytes, lists and mappings."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return bytes(value) if isinstance(value, bytes) else value


@pytest.mark.parametrize(("contract", "name"), entries("function"))
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_call_and_its_answer_are_web3_s(contract: str, name: str, data: st.DataObject) -> None:
    described = entry(contract, "function", name)
    inputs, outputs = types(described["inputs"]), types(described["outputs"])
    arguments = tuple(data.draw(values_of(kind)) for kind in inputs)
    NODE.answer = encode(outputs, tuple(data.draw(values_of(kind)) for kind in outputs))
    ours, theirs = Contract(ADDRESS, artifacts()[contract].abi), web3_of(contract)
    calldata = ours.calldata(name, *arguments)
    assert calldata == bytes.fromhex(theirs.encode_abi(name, args=arguments)[2:])
    assert plain(ours.arguments(name, calldata)) == plain(theirs.decode_function_input(calldata)[1])
    if outputs:
        answer = NODE.node.ask(ours.call(name, *arguments))
        assert plain(answer) == plain(theirs.functions[name](*arguments).call())


@pytest.mark.parametrize(("contract", "name"), entries("event"))
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_an_event_is_what_web3_makes_of_it(contract: str, name: str, data: st.DataObject) -> None:
    described = entry(contract, "event", name)
    indexed = [each for each in described["inputs"] if each["indexed"]]
    others = types([each for each in described["inputs"] if not each["indexed"]])
    topics = [encode([kind], [data.draw(values_of(kind))]) for kind in types(indexed)]
    log = {
        "address": ADDRESS,
        "topics": [signature_hash(described), *topics],
        "data": encode(others, [data.draw(values_of(kind)) for kind in others]),
        **dict.fromkeys(("blockNumber", "transactionIndex", "logIndex"), 1),
        **dict.fromkeys(("blockHash", "transactionHash"), bytes(32)),
    }
    theirs = web3_of(contract).events[name]().process_log(log)
    ours = Contract(ADDRESS, artifacts()[contract].abi).event(name)
    assert plain(ours.arguments(log)) == plain(theirs["args"])


@pytest.mark.parametrize(("contract", "name"), entries("error"))
def test_an_error_has_the_selector_of_its_signature(contract: str, name: str) -> None:
    described = entry(contract, "error", name)
    assert signature_hash(described) == keccak(text=f"{name}({','.join(types(described['inputs']))})")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_two_functions_or_events_have_one_name(contract: str) -> None:
    named = [(each["type"], each["name"]) for each in artifacts()[contract].abi if "name" in each]
    assert len(set(named)) == len(named)
