"""The limit of EIP-170 on what a contract may weigh, with the room that is left below it."""

import brownie
import pytest

MAXIMUM_BYTES = 24_576
CONTRACTS = (
    "RewardReservoir",
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
