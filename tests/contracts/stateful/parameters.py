"""The deployments that runs are made with: everything that a new parameter needs is here."""

from dataclasses import dataclass
from random import Random

BPS = 10_000
ETHER = 10**18
SHORT = 2

# Constructor structs in their order; a run takes one value of each list, and derives those that have none.
# Windows are short and sizes small, so that all of them are passed, and filled, often.
TASK_LIST = {
    "maxTasks": [2, 5, 20],
    "minReward": [],
    "maxReward": [],
    "minDataBond": [0, 7, ETHER // 10],
    "feeBps": [0, 100, 10_000],
    "rentBps": [0, 500, 10_000],
    "maxTimeLimit": [500, 1000],
    "maxSolutions": [],
    "judgingSpeed": [],
    "maxJudgingTime": [],
    "rewardPerSecond": [],
    "idleTimeLimit": [0, 50, 500],
    "idleTrainCount": [1, 10, 20],
    "idleTestCount": [1, 10],
    "idleTrainAccuracy": [1, 8000, 10_000],
    "idleTestAccuracy": [0, 5000, 9500],
    "idleWork": [0, 1, 10],
    "roundWindows": [],
}
COMMITTEE = {
    "seatStake": [20, ETHER],
    "penalty": [],
    "seatAge": [1, 1, 5, 30],
    "lanes": [1, 2, 3, 4],
}
CHAIN = {
    "keyWindow": [300],
    "graceWindow": [50, 300, 1000],
    "testWindow": [300],
    "revealWindow": [300],
    "voteCommitWindow": [300],
    "voteRevealWindow": [300],
    "challengeWindow": [300],
    "windowBlocks": [],
    "drawDelay": [2, 2, 5],
    "confirmations": [1, 3],
    "maxSolutions": [1, 3, 3, 5],
    "committeeSize": [1, 3, 4, 7],
    "minCommittee": [],
    "maxCommittee": [],
    "verificationFeeBps": [],
    "faultShareBps": [0, 5000, 10_000],
    "missedShareBps": [0, 3333, 10_000],
    "feeMarginBps": [0, 1000, 10_000],
    "minerBondBps": [],
    "readyBondBps": [],
    "minerBond": [0, 11, ETHER // 10],
    "blockReward": [0, 10, 1000, ETHER // 3],
    "rewardPerSeat": [],
}
WINDOWS = [name for name in CHAIN if name.endswith("Window") and name != "graceWindow"]
# Multiplications a second, and the seconds that judging one model may take.
JUDGING = [(1, 500), (50, 10), (1000, 100), (2**33, 1)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """One deployment's constructor structs, by field."""

    task_list: dict[str, int]
    committee: dict[str, int]
    chain: dict[str, int]


def some_parameters(random: Random) -> Parameters:
    """Return parameters that the deployment accepts."""
    chosen = Parameters(
        *(
            {name: random.choice(values) if values else 0 for name, values in group.items()}
            for group in (TASK_LIST, COMMITTEE, CHAIN)
        )
    )
    if random.random() < 0.3:
        chosen.chain[random.choice([*WINDOWS, "graceWindow"])] = SHORT
    chosen.chain["windowBlocks"] = 2 * chosen.chain["confirmations"] + random.choice([1, 1, 10])
    _choose_sizes(chosen, random)
    _choose_money(chosen, random)
    _choose_tasks(chosen, random)
    return chosen


def _choose_sizes(chosen: Parameters, random: Random) -> None:
    chain, committee = chosen.chain, chosen.committee
    chain["maxCommittee"] = chain["committeeSize"] + random.choice([0, 1, 4, 10])
    chain["minCommittee"] = random.randint(1, chain["committeeSize"])
    highest_penalty = committee["seatStake"] // (2 * committee["lanes"])
    committee["penalty"] = highest_penalty * random.choice([0, 5, 9, 10]) // 10


def _choose_money(chosen: Parameters, random: Random) -> None:
    chain = chosen.chain
    chain["rewardPerSeat"] = chosen.committee["seatStake"] * random.choice([1, 10, 20]) // 20
    size = chain["committeeSize"]
    highest_fee = BPS * size // (3 * size + 1 + chain["maxCommittee"])
    chain["verificationFeeBps"] = highest_fee * random.choice([0, 1, 5, 10, 10]) // 10
    minimum_bond = -(-BPS // chain["maxSolutions"])
    chain["minerBondBps"] = random.choice([minimum_bond, minimum_bond, BPS])
    chain["readyBondBps"] = random.choice([chain["minerBondBps"], BPS])


def _choose_tasks(chosen: Parameters, random: Random) -> None:
    tasks, chain = chosen.task_list, chosen.chain
    tasks["maxSolutions"] = chain["maxSolutions"]
    tasks["roundWindows"] = sum(chain[name] for name in WINDOWS)
    decidable = chain["rewardPerSeat"] * chain["maxCommittee"]
    tasks["maxReward"] = random.choice([decidable, decidable, decidable // chain["maxCommittee"]])
    tasks["minReward"] = tasks["maxReward"] // random.choice([1, 10, 10, 40])
    tasks["judgingSpeed"], tasks["maxJudgingTime"] = random.choice(JUDGING)
    longest = tasks["maxTimeLimit"] + tasks["roundWindows"] + tasks["maxSolutions"] * tasks["maxJudgingTime"]
    asked = random.choice([0, tasks["minReward"], tasks["maxReward"]])
    tasks["rewardPerSecond"] = asked * tasks["roundWindows"] // longest**2
