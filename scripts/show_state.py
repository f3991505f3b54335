"""Show where the chain stands: blocks, open rounds, waiting tasks, seats, money.

tools/brownie run show_state --network devnet
"""

from datetime import UTC, datetime

from brownie import Contract, web3
from scripts.contracts.deployed import ETHER, load
from scripts.fund import POOL

from pole.protocol.state import Phase


def main() -> None:
    ledger, task_list, chain = load("Ledger"), load("TaskList"), load("PoLeChain")
    committee, reservoir = load("VerifierCommittee"), load("RewardReservoir")
    height = ledger.height()
    root, records = ledger.body()
    seats = committee.seatsAt(web3.eth.get_block("latest")["timestamp"])
    print(f"Height {height}, hash {ledger.blockHash(height)}; {records} records since, root {root}.")
    print(f"{task_list.waiting()} of {task_list.posted()} tasks wait, best {task_list.best() or 'none'}.")
    print(f"{seats} seats.")
    print(f"The pool holds {reservoir.balanceOf(chain, POOL) / ETHER} ether.")
    print(f"All accounts and credits hold {reservoir.total() / ETHER} ether, ", end="")
    print(f"the reservoir {web3.eth.get_balance(reservoir.address) / ETHER}.")
    for lane in range(chain.lanes()):
        show_round(chain, lane)


def show_round(chain: Contract, lane: int) -> None:
    round_id = chain.newestRound(lane)
    if round_id == 0:
        print(f"No round has opened in lane {lane}.")
        return
    phase, deadline, block = chain.phaseOf(round_id)
    until = f"{datetime.fromtimestamp(deadline, UTC):%Y-%m-%d %H:%M:%S} UTC and block {block}"
    print(f"Round {round_id} is in {Phase(phase).name}{f' until {until}' if deadline else ''}.")
    for solution in chain.solutions(round_id):
        miner, _, _, train, test, order, choice, revealed = solution
        print(f"  {miner} order {order} claims {train} train", end="")
        print(f", {test} test, revealed" if revealed else "", end="")
        print(f", choice {choice - 1}" if choice else "")
