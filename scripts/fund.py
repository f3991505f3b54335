"""Endow the system pool: block rewards are paid out of it.

tools/brownie run fund main 10 --network devnet      # ether; from the first unlocked account, or POLE_ACCOUNT
"""

from brownie import web3
from scripts.contracts.deployed import ETHER, load, sender, wei

POOL = bytes(web3.keccak(text="PoLe.pool.v1"))


def main(ether: str = "10") -> None:
    reservoir, chain = load("RewardReservoir"), load("PoLeChain")
    amount = wei(ether, "The amount")
    reservoir.deposit(chain, POOL, {"from": sender(), "value": amount})
    print(f"The pool holds {reservoir.balanceOf(chain, POOL) / ETHER} ether.")
