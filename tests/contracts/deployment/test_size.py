"""What a contract (EIP-170) and the transaction that creates it (EIP-3860) may weigh."""

import brownie
import pytest

MAXIMUM_BYTES = 24_576
MAXIMUM_CREATION_BYTES = 2 * MAXIMUM_BYTES
WORD = 32
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


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_creation_is_under_its_limit_with_all_arguments(name: str) -> None:
    build = getattr(brownie, name)._build
    inputs = [each for entry in build["abi"] if entry["type"] == "constructor" for each in entry["inputs"]]
    words = sum(len(each.get("components", [each])) for each in inputs)
    assert len(build["bytecode"]) // 2 + WORD * words <= MAXIMUM_CREATION_BYTES
