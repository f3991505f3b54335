"""Deploy the four contracts, read everything back, and write the deployment file.

    tools/brownie run deploy --network devnet

Reads devnet/parameters.json (POLE_PARAMETERS), writes deployments/<network>.json (POLE_DEPLOYMENT), sends
from the first unlocked account (POLE_ACCOUNT). The contracts need one another's addresses, so nothing else
may be sent from that account meanwhile; a wrong prediction makes the last deployment fail and leaves nothing
behind that matters.
"""

from brownie import PoLeChain, RewardReservoir, TaskList, VerifierCommittee, network, web3
from scripts.deployed import (
    CONTRACTS,
    FORMAT_VERSION,
    code_hash,
    deployment_path,
    named,
    parameters_path,
    read_json,
    sender,
    struct_of,
    write_json,
)

# Names in the parameter file, and whose constructor's last argument each fills.
GROUPS = {"taskList": TaskList, "committee": VerifierCommittee, "chain": PoLeChain}
DEPLOYMENTS_BEFORE_CHAIN = 3


def main() -> dict:
    chosen = read_parameters()
    contracts = deploy(sender(), chosen)
    verify(contracts, chosen)
    content = describe(contracts, chosen)
    path = deployment_path()
    write_json(path, content)
    for name, contract in contracts.items():
        # The deployment file is the record. brownie's own would stop it on a chain that was wiped.
        globals()[name].remove(contract)
    print(f"Deployed to chain {content['chainId']} ({content['network']}); wrote {path}.")
    return content


def read_parameters() -> dict[str, tuple[int, ...]]:
    path = parameters_path()
    content = read_json(path, "name one with POLE_PARAMETERS")
    if set(content) != set(GROUPS):
        raise SystemExit(f"The parameter file {path} must hold {', '.join(GROUPS)} and nothing else.")
    return {group: struct_of(content[group], components(group), group) for group in GROUPS}


def deploy(deployer, chosen: dict) -> dict:
    nonce = deployer.nonce
    chain = deployer.get_deployment_address(nonce + DEPLOYMENTS_BEFORE_CHAIN)
    reservoir = deployer.deploy(RewardReservoir, nonce=nonce)
    task_list = deployer.deploy(TaskList, reservoir, chain, chosen["taskList"], nonce=nonce + 1)
    committee = deployer.deploy(VerifierCommittee, reservoir, chain, chosen["committee"], nonce=nonce + 2)
    pole_chain = deployer.deploy(
        PoLeChain,
        reservoir,
        task_list,
        committee,
        chosen["chain"],
        nonce=nonce + DEPLOYMENTS_BEFORE_CHAIN,
        # brownie's rehearsal by eth_call takes place at another address than the real one, and so would fail.
        allow_revert=True,
    )
    return dict(zip(CONTRACTS, (reservoir, task_list, committee, pole_chain), strict=True))


def verify(contracts: dict, chosen: dict) -> None:
    """Read every reference and parameter back from the chain."""
    reservoir, task_list, committee, chain = (contracts[name] for name in CONTRACTS)
    facts = {
        "TaskList.chain": (task_list.chain(), chain.address),
        "TaskList.reservoir": (task_list.reservoir(), reservoir.address),
        "VerifierCommittee.chain": (committee.chain(), chain.address),
        "VerifierCommittee.reservoir": (committee.reservoir(), reservoir.address),
        "PoLeChain.reservoir": (chain.reservoir(), reservoir.address),
        "PoLeChain.taskList": (chain.taskList(), task_list.address),
        "PoLeChain.committee": (chain.committee(), committee.address),
        "TaskList.parameters": (tuple(task_list.parameters()), chosen["taskList"]),
        "VerifierCommittee.parameters": (tuple(committee.parameters()), chosen["committee"]),
        "PoLeChain.parameters": (tuple(chain.parameters()), chosen["chain"]),
        "PoLeChain.height": (chain.height(), 0),
        "RewardReservoir.total": (reservoir.total(), 0),
    }
    for fact, (found, expected) in facts.items():
        if found != expected:
            raise SystemExit(f"{fact} is {found} on the chain, not {expected}: deploy again.")


def describe(contracts: dict, chosen: dict) -> dict:
    """Return the content of the deployment file."""
    return {
        "version": FORMAT_VERSION,
        "chainId": web3.eth.chain_id,
        "network": network.show_active(),
        "contracts": {
            name: {
                "address": contract.address,
                "deployedBlock": contract.tx.block_number,
                "codeHash": code_hash(contract.address),
                "abi": contract.abi,
            }
            for name, contract in contracts.items()
        },
        "parameters": {group: named(chosen[group], components(group)) for group in GROUPS},
    }


def components(group: str) -> list[dict]:
    """Return the ABI of the struct that the group of parameters fills."""
    constructor = next(entry for entry in GROUPS[group].abi if entry["type"] == "constructor")
    return constructor["inputs"][-1]["components"]
