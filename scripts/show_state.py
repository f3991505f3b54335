"""Show where the chain stands: blocks, the open round, waiting tasks, seats, money.

tools/brownie run show_state --network devnet
"""

from datetime import UTC, datetime

from brownie import Contract, web3
from scripts.deployed import ETHER, load
from scripts.fund import POOL

PHASES = (
    "None",
    "Keys",
    "Training",
    "TestRelease",
    "Reveal",
    "Draw",
    "VoteCommit",
    "VoteReveal",
    "Challenge",
    "Settlement",
    "Final",
    "Void",
)


def main() -> None:
    chain, task_list = load("PoLeChain"), load("TaskList")
    committee, reservoir = load("VerifierCommittee"), load("RewardReservoir")
    height = chain.height()
    root, records = chain.body()
    count, mature = committee.seatCount()
    print(f"Height {height}, hash {chain.blockHash(height)}; {records} records since, root {root}.")
    print(f"{task_list.waiting()} of {task_list.posted()} tasks wait, best {task_list.best() or 'none'}.")
    print(f"{count} seats, {mature} of them mature.")
    print(f"The pool holds {reservoir.balanceOf(chain, POOL) / ETHER} ether.")
    print(f"All accounts and credits hold {reservoir.total() / ETHER} ether, ", end="")
    print(f"the reservoir {web3.eth.get_balance(reservoir.address) / ETHER}.")
    show_round(chain)


def show_round(chain: Contract) -> None:
    round_id = chain.currentRound()
    if round_id == 0:
        print("No round has opened.")
        return
    phase, deadline = chain.phaseOf(round_id)
    until = f" until {datetime.fromtimestamp(deadline, UTC):%Y-%m-%d %H:%M:%S} UTC" if deadline else ""
    print(f"Round {round_id} is in {PHASES[phase]}{until}.")
    for solution in chain.solutions(round_id):
        miner, _, _, train, test, order, choice, revealed = solution
        print(f"  {miner} order {order} claims {train} train", end="")
        print(f", {test} test, revealed" if revealed else "", end="")
        print(f", choice {choice - 1}" if choice else "")
