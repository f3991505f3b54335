"""The deployments that runs are made with: everything that a new parameter needs is here."""

from dataclasses import dataclass
from random import Random

ETHER = 10**18

SHORT = 2

# Constructor structs in their order; a run takes one value of each list, and derives those that have none.
# Windows are short and sizes small, so that all of them are passed, and filled, often.
TASK_LIST = {
    "maxTasks": [2, 5, 20],
    "minReward": [1, 1000, ETHER],
    "minDataBond": [0, 7, ETHER // 10],
    "feeBps": [0, 100, 10_000],
    "maxTimeLimit": [500, 1000],
    "maxSolutions": [],
    "idleTimeLimit": [0, 50, 500],
    "idleTrainCount": [1, 10, 20],
    "idleTestCount": [1, 10],
    "idleTrainAccuracy": [1, 8000, 10_000],
    "idleTestAccuracy": [0, 5000, 9500],
    "roundWindows": [],
}
COMMITTEE = {
    "seatStake": [10, ETHER],
    "penalty": [],
    "unbondingTime": [],
    "tolerance": [0, 0, 2],
}
CHAIN = {
    "keyWindow": [100],
    "testWindow": [100],
    "revealWindow": [100],
    "voteCommitWindow": [100],
    "voteRevealWindow": [100],
    "maxSolutions": [1, 3, 3, 5],
    "judgedSolutions": [],
    "committeeSize": [1, 4, 4, 7],
    "minCommittee": [],
    "verificationFeeBps": [0, 333, 1000, 10_000],
    "faultShareBps": [0, 5000, 10_000],
    "feeMarginBps": [0, 1000, 10_000],
    "minerBond": [0, 11, ETHER // 10],
    "blockReward": [0, 1000, ETHER // 3],
    "challengeWindow": [100],
    "maxCommittee": [],
    "challengeBond": [1, ETHER // 5],
    "minerBondBps": [0, 500, 10_000],
}
WINDOWS = [name for name in CHAIN if name.endswith("Window")]


@dataclass(frozen=True, slots=True)
class Parameters:
    """One deployment's constructor structs, by field."""

    task_list: dict[str, int]
    committee: dict[str, int]
    chain: dict[str, int]

    @property
    def longest_round(self) -> int:
        """Return the windows of a round together, in seconds."""
        chain = self.chain
        once = chain["keyWindow"] + chain["testWindow"] + chain["revealWindow"]
        voting = 3 * (chain["voteCommitWindow"] + chain["voteRevealWindow"]) + 2 * chain["challengeWindow"]
        return self.task_list["maxTimeLimit"] + once + voting


def some_parameters(random: Random) -> Parameters:
    """Return parameters that the deployment accepts."""
    task_list, committee, chain = (
        {name: random.choice(values) if values else 0 for name, values in group.items()}
        for group in (TASK_LIST, COMMITTEE, CHAIN)
    )
    if random.random() < 0.3:
        chain[random.choice(WINDOWS)] = SHORT
    task_list["roundWindows"] = sum(chain[name] for name in WINDOWS)
    task_list["maxSolutions"] = chain["maxSolutions"]
    chain["judgedSolutions"] = random.randint(1, chain["maxSolutions"])
    chain["maxCommittee"] = chain["committeeSize"] + random.choice([0, 1, 4, 10])
    chain["minCommittee"] = random.randint(1, chain["committeeSize"])
    committee["penalty"] = committee["seatStake"] * random.choice([0, 4, 5, 10]) // 10
    chosen = Parameters(task_list, committee, chain)
    committee["unbondingTime"] = chosen.longest_round + 1
    return chosen
