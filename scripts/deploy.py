"""Deploy the five contracts, read everything back, and write the deployment file.

    tools/brownie run deploy --network devnet
    tools/brownie run deploy main my-parameters.json --network PRESET

Refuses a network whose randomness one party makes (devnet/presets.json, POLE_ACCEPT_RANDOMNESS). Reads the
parameter file named, else POLE_PARAMETERS, else the one of the network's preset, and refuses parameters that
do not hold together or do not suit the network. Writes deployments/<network>.json (POLE_DEPLOYMENT) and,
beside it, the compiler's input with which explorers verify the source. Sends from the first unlocked account
(POLE_ACCOUNT). The contracts need one another's addresses, so nothing else may be sent from that account
meanwhile; a wrong prediction makes the last deployment fail and leaves nothing behind that matters.
"""

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from brownie import (
    Entropy,
    Judge,
    Ledger,
    PoLeChain,
    ReleaseSignature,
    RewardReservoir,
    TaskList,
    VerifierCommittee,
    network,
    web3,
)
from brownie.network.contract import ProjectContract
from eth_typing import ChecksumAddress
from scripts.contracts.deployed import (
    Sender,
    code_hash,
    deployment_path,
    named,
    read_json,
    sender,
    struct_of,
    write_json,
)
from scripts.contracts.presets import Preset, check_delays, preset_of
from scripts.contracts.sources import all_sources, standard_input

from pole.adapters.ethereum.deployment import DEPLOYED, FORMAT_VERSION, MADE
from pole.errors import InputError
from pole.protocol.parameters import parameters_from_json
from pole.protocol.rounds.parameter_rules import check_parameters, check_windows, covering_fee

FACTORIES = {
    each._name: each
    for each in (
        *(RewardReservoir, Ledger, TaskList, VerifierCommittee, PoLeChain),
        *(Judge, ReleaseSignature, Entropy),
    )
}
# Names in the parameter file, and whose constructor's last argument each fills.
GROUPS = {"taskList": TaskList, "committee": VerifierCommittee, "chain": PoLeChain}
BLOCKS_TIMED = 20

Contracts = dict[str, ProjectContract]
Structs = dict[str, tuple[int, ...]]


def main(parameters: str = "") -> dict[str, Any]:
    preset = network_preset()
    chosen = read_parameters(parameters_path(preset, parameters), preset)
    contracts = deploy(sender(), chosen)
    verify(contracts, chosen)
    content = describe(contracts, chosen)
    path = deployment_path()
    write_json(sources_path(path), verification_input())
    write_json(path, content)
    for name, contract in contracts.items():
        # The deployment file is the record. brownie's own would stop it on a chain that was wiped.
        FACTORIES[name].remove(contract)
    print(f"Deployed to chain {content['chainId']} ({preset.name}); wrote {path} and {sources_path(path)}.")
    if preset.explorer:
        print(f"PoLeChain is {preset.explorer}/address/{contracts['PoLeChain'].address}.")
        print(f"Now verify its source: `pole deployment verify --deployment {path}`.")
    return content


def network_preset() -> Preset:
    """Return the preset of the chain below. Raises SystemExit where its randomness is refused."""
    try:
        return preset_of(web3.eth.chain_id, os.environ.get("POLE_ACCEPT_RANDOMNESS", ""))
    except InputError as error:
        raise SystemExit(str(error)) from None


def parameters_path(preset: Preset, given: str) -> Path:
    path = given or os.environ.get("POLE_PARAMETERS") or preset.parameters
    if not path:
        raise SystemExit(
            f"No parameters are chosen for {preset.name}: name a file after `main`, or with POLE_PARAMETERS."
        )
    return Path(path)


def read_parameters(path: Path, preset: Preset) -> Structs:
    """Return the constructor structs by group. Raises SystemExit with every inequality they break."""
    content = read_json(path, "name one after `main`, or with POLE_PARAMETERS")
    if set(content) != set(GROUPS):
        raise SystemExit(f"The parameter file {path} must hold {', '.join(GROUPS)} and nothing else.")
    chosen = {group: struct_of(content[group], components(group), group) for group in GROUPS}
    try:
        parsed = parameters_from_json({group: named(chosen[group], components(group)) for group in GROUPS})
        check_parameters(parsed)
        check_windows(parsed, block_time())
        delay, confirmations = parsed.chain.draw_delay, parsed.chain.confirmations
        check_delays(preset, draw_delay=delay, confirmations=confirmations)
    except InputError as error:
        raise SystemExit(f"{path}: {error}") from None
    print(f"Blocks are paid for from a task fee of {covering_fee(parsed)} wei on.")
    return chosen


def block_time() -> float:
    """Return the usual number of seconds between the newest blocks, 0 while the chain has too few."""
    newest = web3.eth.block_number
    times = [web3.eth.get_block(n)["timestamp"] for n in range(max(0, newest - BLOCKS_TIMED), newest + 1)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return median(gaps) if len(gaps) == BLOCKS_TIMED else 0


def deploy(deployer: Sender, chosen: Structs) -> Contracts:
    nonce = deployer.nonce
    addresses = {name: deployer.get_deployment_address(nonce + n) for n, name in enumerate(DEPLOYED)}
    arguments = constructor_arguments(addresses, chosen)
    return {
        name: deployer.deploy(
            FACTORIES[name],
            *arguments[name],
            nonce=nonce + place,
            # brownie's rehearsal by eth_call takes place at another address, and so PoLeChain's would fail.
            allow_revert=name == "PoLeChain",
        )
        for place, name in enumerate(DEPLOYED)
    }


def constructor_arguments(addresses: Mapping[str, str], chosen: Structs) -> dict[str, tuple[Any, ...]]:
    """Return what each contract is constructed with."""
    reservoir, ledger, task_list, committee, chain = (addresses[name] for name in DEPLOYED)
    return {
        "RewardReservoir": (),
        "Ledger": (chain, task_list, committee),
        "TaskList": (reservoir, ledger, chain, chosen["taskList"]),
        "VerifierCommittee": (reservoir, ledger, chain, chosen["committee"]),
        "PoLeChain": (reservoir, ledger, task_list, committee, chosen["chain"]),
    }


def addresses_of(contracts: Contracts) -> dict[str, str]:
    return {name: contract.address for name, contract in contracts.items()}


def encoded_arguments(name: str, arguments: tuple[Any, ...]) -> str:
    """Return a constructor's arguments as they follow the code in its transaction, in hex."""
    factory = FACTORIES[name]
    return factory.deploy.encode_input(*arguments).removeprefix("0x").removeprefix(factory.bytecode)


def verify(contracts: Contracts, chosen: Structs) -> None:
    """Read the code, its arguments, every reference and every parameter back from the chain."""
    for name, arguments in constructor_arguments(addresses_of(contracts), chosen).items():
        verify_construction(name, contracts[name], encoded_arguments(name, arguments))
    verify_getters(contracts, chosen)


def verify_construction(name: str, contract: ProjectContract, arguments: str) -> None:
    """Compare what the chain has executed with our compiler's code and the arguments meant."""
    receipt = web3.eth.get_transaction_receipt(contract.tx.txid)
    sent = bytes(web3.eth.get_transaction(contract.tx.txid)["input"]).hex()
    if receipt["contractAddress"] != contract.address or not web3.eth.get_code(contract.address):
        raise SystemExit(f"{name} is not at {contract.address}, where it was deployed: deploy again.")
    if not sent.startswith(FACTORIES[name].bytecode):
        raise SystemExit(f"The code that created {name} is not the code of this checkout: deploy again.")
    if sent != FACTORIES[name].bytecode + arguments:
        raise SystemExit(f"{name} was constructed with other arguments than were meant: deploy again.")


def verify_getters(contracts: Contracts, chosen: Structs) -> None:
    reservoir, ledger, task_list, committee, chain = (contracts[name] for name in DEPLOYED)
    facts = {
        "Ledger.chain": (ledger.chain(), chain.address),
        "Ledger.taskList": (ledger.taskList(), task_list.address),
        "Ledger.committee": (ledger.committee(), committee.address),
        "TaskList.chain": (task_list.chain(), chain.address),
        "TaskList.ledger": (task_list.ledger(), ledger.address),
        "TaskList.reservoir": (task_list.reservoir(), reservoir.address),
        "VerifierCommittee.chain": (committee.chain(), chain.address),
        "VerifierCommittee.ledger": (committee.ledger(), ledger.address),
        "VerifierCommittee.reservoir": (committee.reservoir(), reservoir.address),
        "PoLeChain.reservoir": (chain.reservoir(), reservoir.address),
        "PoLeChain.ledger": (chain.ledger(), ledger.address),
        "PoLeChain.taskList": (chain.taskList(), task_list.address),
        "PoLeChain.committee": (chain.committee(), committee.address),
        "TaskList.parameters": (tuple(task_list.parameters()), chosen["taskList"]),
        "VerifierCommittee.parameters": (tuple(committee.parameters()), chosen["committee"]),
        "PoLeChain.parameters": (tuple(chain.parameters()), chosen["chain"]),
        "Ledger.height": (ledger.height(), 0),
        "RewardReservoir.total": (reservoir.total(), 0),
    }
    for fact, (found, expected) in facts.items():
        if found != expected:
            raise SystemExit(f"{fact} is {found} on the chain, not {expected}: deploy again.")


def describe(contracts: Contracts, chosen: Structs) -> dict[str, Any]:
    """Return the content of the deployment file."""
    arguments = constructor_arguments(addresses_of(contracts), chosen)
    chain = contracts["PoLeChain"]
    deployed = {
        name: describe_contract(name, contract.address, contract.tx.block_number)
        | {
            "transaction": contract.tx.txid,
            "constructorArguments": encoded_arguments(name, arguments[name]),
        }
        for name, contract in contracts.items()
    }
    made = {
        name: describe_contract(name, getattr(chain, getter)(), chain.tx.block_number)
        for name, getter in MADE.items()
    }
    return {
        "version": FORMAT_VERSION,
        "chainId": web3.eth.chain_id,
        "network": network.show_active(),
        "contracts": deployed | made,
        "compiler": f"v{PoLeChain._build['compiler']['version']}",
        "parameters": {group: named(chosen[group], components(group)) for group in GROUPS},
    }


def describe_contract(name: str, address: ChecksumAddress, block: int) -> dict[str, Any]:
    return {
        "address": address,
        "deployedBlock": block,
        "codeHash": code_hash(address),
        "source": f"{FACTORIES[name]._build['sourcePath']}:{name}",
        "abi": FACTORIES[name].abi,
    }


def verification_input() -> dict[str, Any]:
    """Return the compiler's standard JSON input whose output is all the code deployed and made."""
    wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"]
    selection = {each._build["sourcePath"]: {name: wanted} for name, each in FACTORIES.items()}
    return standard_input(all_sources(), selection)


def sources_path(deployment: Path) -> Path:
    return deployment.with_suffix(".sources.json")


def components(group: str) -> list[dict[str, Any]]:
    """Return the ABI of the struct that the group of parameters fills."""
    constructor = next(entry for entry in GROUPS[group].abi if entry["type"] == "constructor")
    found: list[dict[str, Any]] = constructor["inputs"][-1]["components"]
    return found
