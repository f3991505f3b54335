from typing import Any

import pytest
from tests.unit.adapters.fake_node import FakeNode

from pole.adapters.node.contract import Contract, signature_hash
from pole.errors import InputError, UnreachableError
from pole.protocol.encoding.abi_codec import AbiError, encode_values

ADDRESS = "0x" + "12" * 20
ABI: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "credit",
        "inputs": [{"name": "payee", "type": "address"}],
        "outputs": [{"name": "", "type": "uint96"}],
    },
    {
        "type": "event",
        "name": "Told",
        "inputs": [
            {"name": "who", "type": "address", "indexed": True},
            {"name": "what", "type": "string", "indexed": True},
            {"name": "size", "type": "uint8", "indexed": False},
        ],
    },
]
CONTRACT = Contract(ADDRESS, ABI)
TOLD = signature_hash(ABI[1])


def log(*topics: bytes, data: bytes) -> dict[str, Any]:
    return {"topics": list(topics), "data": data}


@pytest.mark.parametrize("kind", ["function", "event"])
def test_what_the_abi_has_not_is_another_version(kind: str) -> None:
    with pytest.raises(InputError, match=f"no {kind} other in the deployment file"):
        _ = CONTRACT.call("other") if kind == "function" else CONTRACT.event("other")


@pytest.mark.parametrize("arguments", [(), ("0x12",), (ADDRESS, ADDRESS), (7,)])
def test_arguments_of_another_type_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="does not fit its Solidity type"):
        CONTRACT.call("credit", *arguments)


@pytest.mark.parametrize("answer", ["0x", "0x01", "0x" + "ff" * 32])
def test_an_answer_that_is_no_value_of_its_type_makes_no_sense(answer: str) -> None:
    class Odd(FakeNode):
        def _eth_call(self, *_: Any) -> str:
            return answer

    with pytest.raises(UnreachableError, match="makes no sense"):
        Odd().node.ask(CONTRACT.call("credit", ADDRESS))


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04", CONTRACT.calldata("credit", ADDRESS)[:-1]])
def test_calldata_of_another_function_or_cut_off_has_no_arguments(data: bytes) -> None:
    assert CONTRACT.arguments("credit", data) is None


def test_an_argument_of_many_bytes_is_told_by_its_hash_where_it_is_indexed() -> None:
    told = log(TOLD, encode_values(["address"], [ADDRESS]), b"\x07" * 32, data=encode_values(["uint8"], [9]))
    assert CONTRACT.event("Told").arguments(told) == {"who": ADDRESS, "what": b"\x07" * 32, "size": 9}


@pytest.mark.parametrize(
    "malformed",
    [
        log(TOLD, data=encode_values(["uint8"], [9])),
        log(TOLD, bytes(32), bytes(32), data=b""),
        log(TOLD, b"\xff" * 32, bytes(32), data=encode_values(["uint8"], [9])),
    ],
    ids=["topics", "data", "address"],
)
def test_a_malformed_log_is_refused(malformed: dict[str, Any]) -> None:
    with pytest.raises(AbiError):
        CONTRACT.event("Told").arguments(malformed)
