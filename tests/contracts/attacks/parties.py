"""What an honest round of the stage moves: the amounts that attacks are measured against."""

from typing import Any

from brownie import accounts
from tests.contracts import stage
from tests.contracts.stage import CHAIN, READY_BOND, TERMS, VERIFICATION_FEE, Pole

BOND = READY_BOND
"""What a miner of the stage deposits, whose claims reach the threshold."""
DATA_BOND = TERMS["dataBond"]
FEE = TERMS["fee"]
BLOCK_REWARD = CHAIN["blockReward"]
PRIZE = TERMS["reward"] - VERIFICATION_FEE + BLOCK_REWARD
"""What the winner of a round gains."""
PRICE = TERMS["reward"] + FEE
"""What a round that ends in a block costs its data node."""
LOT = {"data_node": -PRICE, "verifiers": VERIFICATION_FEE, "pool": FEE - BLOCK_REWARD}
"""What everybody but the miners gains by a round in which nothing bad happens."""
SHARE = DATA_BOND * CHAIN["faultShareBps"] // 10_000
COMPENSATED = LOT | {
    "data_node": LOT["data_node"] - DATA_BOND,
    "victim": PRIZE + SHARE,
    "pool": LOT["pool"] + DATA_BOND - SHARE,
}
"""What everybody gains by a round in which the test set never came, and a victim wins."""


def sent(account: int, value: int = 0) -> dict[str, Any]:
    return {"from": accounts[account], "value": value}


def judged_fairly(pole: Pole, round_id: int, models: dict[int, stage.Model]) -> list[str]:
    """Let the committee find every claim true, and end the round; return its members."""
    members = stage.vote(pole, round_id, stage.as_claimed(models))
    stage.finalise(pole, round_id)
    return members
