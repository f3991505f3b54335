"""What a contract may weigh, by EIP-170, and the code that creates it with its arguments, by EIP-3860."""

import brownie
import pytest
from scripts import deploy
from tests.contracts import stage

MAXIMUM_BYTES = 24_576
MAXIMUM_CREATION_BYTES = 49_152
CONTRACTS = (
    "RewardReservoir",
    "Ledger",
    "TaskList",
    "VerifierCommittee",
    "PoLeChain",
    "Judge",
    "ReleaseSignature",
    "Entropy",
)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_is_under_the_size_limit(name: str) -> None:
    code = getattr(brownie, name)._build["deployedBytecode"]
    assert len(code) // 2 <= MAXIMUM_BYTES


def test_the_code_that_creates_the_chain_and_what_it_makes_is_under_its_limit() -> None:
    addresses = dict.fromkeys(deploy.DEPLOYED, stage.ZERO)
    arguments = deploy.constructor_arguments(addresses, stage.structs(stage.parameters()))
    code = brownie.PoLeChain.deploy.encode_input(*arguments["PoLeChain"])
    assert len(code.removeprefix("0x")) // 2 <= MAXIMUM_CREATION_BYTES
