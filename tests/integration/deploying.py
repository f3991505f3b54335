"""Deploys the contracts out of brownie's build, for tests that need them but not brownie."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from web3 import Web3
from web3.types import TxReceipt

from pole.adapters.ethereum.deployment import DEPLOYED, FORMAT_VERSION, MADE

BUILD = Path(__file__).parents[2] / "build" / "contracts"
GENEROUS = 3600

PARAMETERS: dict[str, dict[str, int]] = {
    "taskList": {
        "maxTasks": 16,
        "minReward": 10**15,
        "maxReward": 7 * 10**18,
        "minDataBond": 10**15,
        "feeBps": 100,
        "rentBps": 500,
        "maxTimeLimit": GENEROUS,
        "maxSolutions": 4,
        "judgingSpeed": 10**9,
        "maxJudgingTime": GENEROUS,
        "rewardPerSecond": 10**10,
        "idleTimeLimit": 0,
        "idleTrainCount": 0,
        "idleTestCount": 0,
        "idleTrainAccuracy": 0,
        "idleTestAccuracy": 0,
        "idleWork": 0,
        "roundWindows": 6 * GENEROUS,
    },
    "committee": {"seatStake": 10**18, "penalty": 10**17, "seatAge": 1, "lanes": 2},
    "chain": {
        "keyWindow": GENEROUS,
        "graceWindow": GENEROUS,
        "testWindow": GENEROUS,
        "revealWindow": GENEROUS,
        "voteCommitWindow": GENEROUS,
        "voteRevealWindow": GENEROUS,
        "challengeWindow": GENEROUS,
        "windowBlocks": 3,
        "drawDelay": 2,
        "confirmations": 1,
        "maxSolutions": 4,
        "committeeSize": 3,
        "minCommittee": 1,
        "maxCommittee": 7,
        "verificationFeeBps": 1000,
        "faultShareBps": 5000,
        "missedShareBps": 5000,
        "feeMarginBps": 1000,
        "minerBondBps": 2500,
        "readyBondBps": 5000,
        "minerBond": 10**17,
        "blockReward": 10**18,
        "rewardPerSeat": 10**18,
    },
}


def deploy(w3: Web3, path: Path, parameters: Mapping[str, Mapping[str, int]] = PARAMETERS) -> None:
    """Deploy the five contracts from the node's first account and write the deployment file to `path`."""
    deployer = w3.eth.accounts[0]
    nonce = w3.eth.get_transaction_count(deployer)
    addresses = {name: created_address(deployer, nonce + place) for place, name in enumerate(DEPLOYED)}
    reservoir, ledger, task_list, committee, chain = addresses.values()
    structs = {group: tuple(values.values()) for group, values in parameters.items()}
    arguments: dict[str, tuple[Any, ...]] = {
        "RewardReservoir": (),
        "Ledger": (chain, task_list, committee),
        "TaskList": (reservoir, ledger, chain, structs["taskList"]),
        "VerifierCommittee": (reservoir, ledger, chain, structs["committee"]),
        "PoLeChain": (reservoir, ledger, task_list, committee, structs["chain"]),
    }
    deployed = {name: construct(w3, name, *arguments[name]) for name in DEPLOYED}
    assert {name: each.address for name, each in deployed.items()} == addresses
    made = w3.eth.contract(address=deployed["PoLeChain"].address, abi=artefact("PoLeChain")["abi"])
    for name, getter in MADE.items():
        deployed[name] = Deployed(made.functions[getter]().call(), deployed["PoLeChain"].block)
    content = {
        "version": FORMAT_VERSION,
        "chainId": w3.eth.chain_id,
        "network": "test",
        "contracts": {name: entry(w3, name, contract) for name, contract in deployed.items()},
        "parameters": parameters,
    }
    path.write_text(json.dumps(content))


def created_address(deployer: str, nonce: int) -> str:
    """Return the address a CREATE makes with a nonce below 128: keccak(rlp([deployer, nonce]))[12:]."""
    assert nonce < 128
    body = b"\x94" + bytes.fromhex(deployer[2:]) + (bytes([nonce]) if nonce else b"\x80")
    return Web3.to_checksum_address(keccak(bytes([0xC0 + len(body)]) + body)[12:])


@dataclass(frozen=True)
class Deployed:
    address: ChecksumAddress
    block: int


def construct(w3: Web3, name: str, *arguments: Any) -> Deployed:
    build = artefact(name)
    factory = w3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
    sent = factory.constructor(*arguments).transact({"from": w3.eth.accounts[0], "gas": 12_000_000})
    receipt: TxReceipt = w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.05)
    assert receipt["status"] == 1
    address = receipt["contractAddress"]
    assert address
    return Deployed(address, receipt["blockNumber"])


def artefact(name: str) -> dict[str, Any]:
    return json.loads((BUILD / f"{name}.json").read_text())


def entry(w3: Web3, name: str, contract: Deployed) -> dict[str, Any]:
    return {
        "address": contract.address,
        "abi": artefact(name)["abi"],
        "deployedBlock": contract.block,
        "codeHash": "0x" + keccak(w3.eth.get_code(contract.address)).hex(),
    }
