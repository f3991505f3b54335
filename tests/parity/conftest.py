"""The libraries in Solidity, asked one call at a time in a chain of one process."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.contracts.stateful.evm import NOBODY, Evm
from tests.contracts.stateful.interface import artifacts, functions

CHAIN_ID = 1


class Contract:
    """A contract that needs no other, deployed; its functions are its attributes.

    Each returns what the Solidity function returns: one value, or a tuple of several.
    """

    def __init__(self, name: str) -> None:
        artifact = artifacts()[name]
        self.evm = Evm(number=1_000, timestamp=10_000_000)
        self.functions = functions(artifact.abi)
        self.address = self.evm.create(NOBODY, artifact.bytecode)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.functions:
            raise AttributeError(name)
        function = self.functions[name]

        def ask(*arguments: Any) -> Any:
            data = function.call_data(arguments)
            if function.is_view:
                answer = self.evm.ask(self.address, data)
            else:
                answer = self.evm.send(NOBODY, self.address, data)
            assert answer.succeeded, f"{name} reverted with {answer.data.hex()}"
            values = function.returned(answer.data)
            return values[0] if len(values) == 1 else values

        return ask


@pytest.fixture(scope="session")
def harness() -> Contract:
    return Contract("LibraryHarness")


@pytest.fixture(scope="session")
def judge_contract() -> Contract:
    return Contract("Judge")
