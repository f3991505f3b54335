"""What the contracts refuse to be deployed as."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from brownie import Ledger, PoLeChain, RewardReservoir, TaskList, VerifierCommittee, accounts
from brownie.exceptions import VirtualMachineError
from tests.contracts import stage
from tests.contracts.stage import CHAIN, COMMITTEE, ETHER


@contextmanager
def bad_deployment(what: str = "") -> Iterator[None]:
    """Expect a constructor to refuse, whether brownie rehearses it or not."""
    with pytest.raises((VirtualMachineError, ValueError)) as raised:
        yield
    told = getattr(raised.value, "revert_msg", None) or str(raised.value)
    assert re.search(rf"BadDeployment: {re.escape(what)}('|$)" if what else "BadDeployment: ", told), told


@pytest.mark.parametrize(
    ("group", "wrong", "what"),
    [
        *(("chain", {window: 0}, f"{window} > 0") for window in CHAIN if window.endswith("Window")),
        ("chain", {"confirmations": 0}, "confirmations > 0"),
        ("chain", {"windowBlocks": 2}, "windowBlocks > 2 * confirmations"),
        ("chain", {"confirmations": 2}, "windowBlocks > 2 * confirmations"),
        ("chain", {"drawDelay": 1}, "drawDelay > 1"),
        ("chain", {"maxSolutions": 3, "minerBondBps": 3334}, "taskList.maxSolutions"),
        ("chain", {"minCommittee": 0}, "minCommittee > 0"),
        ("chain", {"minCommittee": 5}, "minCommittee <= committeeSize"),
        ("chain", {"committeeSize": 5}, "committeeSize <= maxCommittee"),
        ("chain", {"verificationFeeBps": 10_000}, "fees of all committees <= reward"),
        ("chain", {"verificationFeeBps": 2353}, "fees of all committees <= reward"),
        *(
            ("chain", {part: 10_001}, f"{part} <= 10000")
            for part in ("faultShareBps", "missedShareBps", "feeMarginBps", "readyBondBps")
        ),
        ("chain", {"minerBondBps": 5001}, "minerBondBps <= readyBondBps"),
        ("chain", {"minerBondBps": 2499}, "maxSolutions * minerBondBps >= 10000"),
        ("chain", {"rewardPerSeat": 0}, "rewardPerSeat > 0"),
        ("chain", {"rewardPerSeat": COMMITTEE["seatStake"] + 1}, "rewardPerSeat <= committee.seatStake"),
        ("chain", {"rewardPerSeat": 5 * ETHER - 1}, "taskList.maxReward <= rewardPerSeat * maxCommittee"),
        ("task_list", {"maxTasks": 0}, "taskList.maxTasks > 0"),
        ("task_list", {"maxTimeLimit": 0}, "taskList.maxTimeLimit > 0"),
        ("task_list", {"roundWindows": 599}, "taskList.roundWindows"),
        ("task_list", {"roundWindows": 601}, "taskList.roundWindows"),
        ("task_list", {"maxTimeLimit": 2**32 - 600 - 400}, "taskList: longest duration < 2 ** 32"),
        ("task_list", {"maxJudgingTime": 2**30}, "taskList: longest duration < 2 ** 32"),
        ("task_list", {"judgingSpeed": 0}, "taskList.judgingSpeed > 0"),
        ("task_list", {"maxReward": ETHER - 1}, "taskList.minReward <= maxReward"),
        ("task_list", {"idleTimeLimit": 1001}, "taskList.idleTimeLimit <= maxTimeLimit"),
        ("task_list", {"idleTimeLimit": 1, "idleTrainCount": 0}, "taskList.idleTrainCount > 0"),
        ("task_list", {"idleTimeLimit": 1, "idleTestCount": 0}, "taskList.idleTestCount > 0"),
        ("task_list", {"idleTimeLimit": 1, "idleTrainAccuracy": 0}, "taskList.idleTrainAccuracy > 0"),
        (
            "task_list",
            {"idleTimeLimit": 1, "idleTrainAccuracy": 10_001},
            "taskList.idleTrainAccuracy <= 10000",
        ),
        ("task_list", {"idleTimeLimit": 1, "idleTestAccuracy": 10_001}, "taskList.idleTestAccuracy <= 10000"),
        (
            "task_list",
            {"idleTimeLimit": 1, "idleWork": 667},
            "taskList: judging an idle model <= maxJudgingTime",
        ),
        ("task_list", {"feeBps": 10_001}, "taskList.feeBps <= 10000"),
        ("task_list", {"rentBps": 10_001}, "taskList.rentBps <= 10000"),
        ("committee", {"seatStake": 0, "penalty": 0}, "committee.seatStake > 0"),
        (
            "committee",
            {"penalty": COMMITTEE["seatStake"] // 4 + 1},
            "committee.penalty * 2 * lanes <= seatStake",
        ),
        ("committee", {"seatAge": 0}, "committee.seatAge > 0"),
        ("committee", {"lanes": 0}, "committee.lanes > 0"),
        ("committee", {"lanes": 17}, "committee.lanes <= 16"),
    ],
)
def test_parameters_that_do_not_hold_together_are_refused(
    group: str, wrong: dict[str, int], what: str
) -> None:
    with bad_deployment(what):
        stage.deploy_all(**{group: wrong})


@pytest.mark.parametrize(
    "what",
    [
        *("ledger.chain", "ledger.taskList", "ledger.committee"),
        *("taskList.chain", "taskList.ledger", "taskList.reservoir"),
        *("committee.chain", "committee.ledger", "committee.reservoir"),
    ],
)
def test_contracts_that_do_not_name_each_other_are_refused(what: str) -> None:
    deployer, chosen = accounts[0], stage.structs(stage.parameters())
    first = deployer.nonce
    reservoir, ledger, task_list, committee, chain, other = (
        deployer.get_deployment_address(first + n) for n in range(6)
    )
    named = {
        "ledger.chain": chain,
        "ledger.taskList": task_list,
        "ledger.committee": committee,
        "taskList.chain": chain,
        "taskList.ledger": ledger,
        "taskList.reservoir": reservoir,
        "committee.chain": chain,
        "committee.ledger": ledger,
        "committee.reservoir": reservoir,
    }
    given = named | {what: other}

    def of(contract: str, *fields: str) -> list[str]:
        return [given[f"{contract}.{field}"] for field in fields]

    RewardReservoir.deploy({"from": deployer})
    Ledger.deploy(*of("ledger", "chain", "taskList", "committee"), {"from": deployer})
    TaskList.deploy(*of("taskList", "reservoir", "ledger", "chain"), chosen["taskList"], {"from": deployer})
    seats = of("committee", "reservoir", "ledger", "chain")
    VerifierCommittee.deploy(*seats, chosen["committee"], {"from": deployer})
    with bad_deployment(what):
        PoLeChain.deploy(reservoir, ledger, task_list, committee, chosen["chain"], {"from": deployer})


@pytest.mark.parametrize(("seats", "solutions"), [(63, 1), (42, 8), (31, 16)])
def test_the_largest_sizes_are_accepted_and_any_larger_are_not(seats: int, solutions: int) -> None:
    sizes = {"maxSolutions": solutions, "maxCommittee": seats, "committeeSize": seats, "minCommittee": seats}
    sizes |= {"minerBondBps": 10_000, "readyBondBps": 10_000}
    more = {"maxCommittee": seats + 1} if seats < 63 else {"maxSolutions": solutions + 1}
    pole = stage.deploy_all(chain=sizes, task_list={"maxSolutions": solutions})
    assert tuple(pole.chain.parameters()) == tuple((CHAIN | sizes).values())
    tasks = {"maxSolutions": (sizes | more)["maxSolutions"]}
    with bad_deployment():
        stage.deploy_all(chain=sizes | more, task_list=tasks)


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"maxSolutions": 17}, "maxSolutions <= 16"),
        ({"maxSolutions": 0}, "maxSolutions > 0"),
        ({"maxCommittee": 64}, "maxCommittee <= 63"),
    ],
)
def test_larger_sizes_are_refused(sizes: dict[str, int], what: str) -> None:
    tasks = {"maxSolutions": sizes.get("maxSolutions", 4)}
    with bad_deployment(what):
        stage.deploy_all(chain=sizes, task_list=tasks)
