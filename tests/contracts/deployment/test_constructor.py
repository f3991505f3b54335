"""What the contracts refuse to be deployed as."""

import pytest
from brownie import PoLeChain, RewardReservoir, TaskList, VerifierCommittee, accounts
from brownie.network.contract import ContractContainer
from tests.contracts import stage
from tests.contracts.stage import CHAIN, COMMITTEE, TASK_LIST, refused

LONGEST = TASK_LIST["maxTimeLimit"] + (3 + 3 * 2 + 2) * 100


@pytest.mark.parametrize(
    ("group", "wrong", "what"),
    [
        ("chain", {"keyWindow": 0}, "keyWindow > 0"),
        ("chain", {"testWindow": 0}, "testWindow > 0"),
        ("chain", {"revealWindow": 0}, "revealWindow > 0"),
        ("chain", {"voteCommitWindow": 0}, "voteCommitWindow > 0"),
        ("chain", {"voteRevealWindow": 0}, "voteRevealWindow > 0"),
        ("chain", {"challengeWindow": 0}, "challengeWindow > 0"),
        ("chain", {"challengeBond": 0}, "challengeBond > 0"),
        ("chain", {"judgedSolutions": 0}, "judgedSolutions > 0"),
        ("chain", {"judgedSolutions": 5}, "judgedSolutions <= maxSolutions"),
        ("chain", {"maxSolutions": 33}, "maxSolutions <= 32"),
        ("chain", {"maxSolutions": 3}, "taskList.maxSolutions"),
        ("chain", {"minCommittee": 0}, "minCommittee > 0"),
        ("chain", {"minCommittee": 5}, "minCommittee <= committeeSize"),
        ("chain", {"committeeSize": 5}, "committeeSize <= maxCommittee"),
        ("chain", {"maxCommittee": 64}, "maxCommittee <= 63"),
        (
            "chain",
            {"maxCommittee": 63, "maxSolutions": 5, "judgedSolutions": 5},
            "committee * judged <= 256",
        ),
        ("chain", {"verificationFeeBps": 10_001}, "verificationFeeBps <= 10000"),
        ("chain", {"faultShareBps": 10_001}, "faultShareBps <= 10000"),
        ("chain", {"feeMarginBps": 10_001}, "feeMarginBps <= 10000"),
        ("chain", {"minerBondBps": 10_001}, "minerBondBps <= 10000"),
        ("task_list", {"maxTasks": 0}, "taskList.maxTasks > 0"),
        ("task_list", {"maxTimeLimit": 0}, "taskList.maxTimeLimit > 0"),
        ("task_list", {"roundWindows": 599}, "taskList.roundWindows"),
        ("task_list", {"roundWindows": 601}, "taskList.roundWindows"),
        ("task_list", {"maxTimeLimit": 2**32 - 600}, "longest duration < 2 ** 32"),
        ("task_list", {"idleTimeLimit": 1001}, "idleTimeLimit <= maxTimeLimit"),
        ("task_list", {"idleTimeLimit": 1, "idleTrainCount": 0}, "idleTrainCount > 0"),
        ("task_list", {"idleTimeLimit": 1, "idleTestCount": 0}, "idleTestCount > 0"),
        ("task_list", {"idleTimeLimit": 1, "idleTrainAccuracy": 0}, "idleTrainAccuracy > 0"),
        (
            "task_list",
            {"idleTimeLimit": 1, "idleTrainAccuracy": 10_001},
            "idleTrainAccuracy <= 10000",
        ),
        ("task_list", {"idleTimeLimit": 1, "idleTestAccuracy": 10_001}, "idleTestAccuracy <= 10000"),
        ("task_list", {"feeBps": 10_001}, "taskList.feeBps <= 10000"),
        ("committee", {"seatStake": 0}, "committee.seatStake > 0"),
        ("committee", {"penalty": COMMITTEE["seatStake"] + 1}, "committee.penalty <= seatStake"),
        ("committee", {"unbondingTime": LONGEST}, "unbondingTime > longest round"),
    ],
)
def test_parameters_that_do_not_hold_together_are_refused(
    group: str, wrong: dict[str, int], what: str
) -> None:
    with refused("BadDeployment", what):
        stage.deploy_all(**{group: wrong})


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        ("task list of another chain", "taskList.chain"),
        ("committee of another chain", "committee.chain"),
        ("task list of another reservoir", "taskList.reservoir"),
        ("committee of another reservoir", "committee.reservoir"),
    ],
)
def test_contracts_that_do_not_name_each_other_are_refused(odd: str, what: str) -> None:
    deployer = accounts[0]
    reservoir = RewardReservoir.deploy({"from": deployer})
    other = RewardReservoir.deploy({"from": deployer})
    chain = deployer.get_deployment_address(deployer.nonce + 2)
    given = {
        "taskList.chain": chain,
        "committee.chain": chain,
        "taskList.reservoir": reservoir,
        "committee.reservoir": reservoir,
    }
    given[what] = other
    chosen = stage.parameters()
    tasks = TaskList.deploy(
        given["taskList.reservoir"], given["taskList.chain"], chosen["taskList"], {"from": deployer}
    )
    seats = VerifierCommittee.deploy(
        given["committee.reservoir"], given["committee.chain"], chosen["committee"], {"from": deployer}
    )
    with refused("BadDeployment", what):
        PoLeChain.deploy(reservoir, tasks, seats, chosen["chain"], {"from": deployer})


@pytest.mark.parametrize(("seats", "judged"), [(63, 4), (8, 32)])
def test_the_largest_sizes_are_accepted(seats: int, judged: int) -> None:
    sizes = {"maxSolutions": 32, "judgedSolutions": judged, "maxCommittee": seats}
    sizes |= {"committeeSize": seats, "minCommittee": seats}
    pole = stage.deploy_all(chain=sizes, task_list={"maxSolutions": 32})
    assert tuple(pole.chain.parameters()) == tuple((CHAIN | sizes).values())


@pytest.mark.parametrize("contract", [PoLeChain, TaskList, VerifierCommittee, RewardReservoir])
def test_every_contract_is_below_the_size_limit_of_eip_170(contract: ContractContainer) -> None:
    assert len(contract._build["deployedBytecode"]) // 2 <= 24_576
