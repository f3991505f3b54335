"""The contracts with the devnet's parameters."""

import pytest
from brownie import accounts
from tests.contracts import stage
from tests.contracts.attacks import devnet as rules
from tests.contracts.stage import ETHER, Pole


@pytest.fixture(scope="module")
def devnet_deployed(deployed: Pole) -> Pole:
    """Return contracts with the devnet's parameters and fifteen seats."""
    return stage.people(stage.deploy_with(rules.CHOSEN), rules.SEATS)


@pytest.fixture
def devnet(devnet_deployed: Pole, isolation: None) -> Pole:
    return devnet_deployed


@pytest.fixture(scope="module")
def crowd(deployed: Pole) -> list[int]:
    """Return sixteen wallets of one attacker, as many as a round of the devnet has places."""
    first = len(accounts)
    for _ in range(rules.RULES.chain.max_solutions):
        accounts[0].transfer(accounts.add(), 20 * ETHER)
    return list(range(first, len(accounts)))
