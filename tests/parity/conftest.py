"""The libraries in Solidity, asked by eth_call."""

from collections.abc import Callable
from typing import Any

import pytest
from brownie import LibraryHarness, accounts, web3
from hexbytes import HexBytes
from web3.types import RPCEndpoint


class Harness:
    """Calls of the harness contract, made without brownie's bookkeeping."""

    def __init__(self, contract: Any) -> None:
        self.contract = contract
        self.address: str = contract.address

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self.contract, name)

        def ask(*arguments: Any) -> Any:
            call = {"to": self.address, "data": function.encode_input(*arguments), "gas": hex(30_000_000)}
            response = web3.provider.make_request(RPCEndpoint("eth_call"), [call, "latest"])
            return function.decode_output(HexBytes(response["result"]))

        return ask


@pytest.fixture(scope="session")
def harness() -> Harness:
    return Harness(LibraryHarness.deploy({"from": accounts[0]}))
