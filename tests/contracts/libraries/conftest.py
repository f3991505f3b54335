from collections.abc import Sequence
from typing import Any

import pytest
from brownie import LibraryHarness, accounts
from brownie.network.contract import ProjectContract
from tests.contracts.stage import Pole


class Libraries:
    """The libraries as calls, many of them in one request."""

    def __init__(self, harness: ProjectContract) -> None:
        self.harness = harness

    def ask(self, function: str, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return what `function` answers to each tuple of arguments in `calls`."""
        method = getattr(self.harness, function)
        results = self.harness.answers([method.encode_input(*arguments) for arguments in calls])
        return [method.decode_output(result) for result in results]


@pytest.fixture(scope="session")
def harness(deployed: Pole) -> ProjectContract:
    """Return the libraries one by one; they keep no state but for what a test itself adds."""
    return LibraryHarness.deploy({"from": accounts[0]})


@pytest.fixture(scope="session")
def libraries(harness: ProjectContract) -> Libraries:
    return Libraries(harness)
