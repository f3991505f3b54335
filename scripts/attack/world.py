"""The chain under attack, through web3 and the contracts' ABIs alone."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError

POOL = keccak(text="PoLe.pool.v1")
CONTRACTS = ("RewardReservoir", "TaskList", "VerifierCommittee", "PoLeChain")
GAS = 8_000_000
PURSE = 10**19
"""What a hired wallet can spend, in wei."""


class Broken(Exception):
    """A promise of the protocol does not hold."""


class World:
    """Four contracts on a chain whose node signs for twenty accounts and lets time pass when told to."""

    def __init__(self, w3: Web3, described: Mapping[str, Mapping[str, Any]]) -> None:
        self.w3 = w3
        self.reservoir, self.tasks, self.committee, self.chain = (
            self._contract(described[name]) for name in CONTRACTS
        )
        people = w3.eth.accounts
        self.stranger, self.data_node, *rest = people
        self.miners, self.verifiers = rest[:4], rest[4:13]
        self.attacker = people[19]
        self.terms = self.tasks.functions.parameters().call()
        self.seats = self.committee.functions.parameters().call()
        self.rules = self.chain.functions.parameters().call()
        self._keys: dict[str, LocalAccount] = {}
        self._flows: Counter[str] = Counter()

    @property
    def crowd(self) -> list[str]:
        """Return the attacker's further wallets."""
        return list(self._keys)

    def hire(self, count: int) -> list[str]:
        """Give the attacker more wallets, which no node signs for, and ether to each; return them."""
        for _ in range(count):
            key = self.w3.eth.account.create()
            self._keys[key.address] = key
            paid = {"from": self.attacker, "to": key.address, "value": PURSE}
            self.w3.eth.wait_for_transaction_receipt(self.w3.eth.send_transaction(paid), poll_latency=0.02)
        return self.crowd[-count:]

    def send(self, sender: str, call: ContractFunction, value: int = 0) -> None:
        """Make a call that must succeed; raises Broken when it is refused."""
        try:
            sent = self._sent(sender, call, value)
            receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
        except (ContractLogicError, Web3RPCError) as error:
            raise Broken(f"{call.fn_name} is refused: {self._name_of(error)}") from None
        if receipt["status"] != 1:
            raise Broken(f"{call.fn_name} is refused")
        self._flows[sender] -= value

    def refused(self, sender: str, call: ContractFunction, error: str, value: int = 0) -> None:
        """Make a call that must be refused with `error`; raises Broken when it is not."""
        try:
            call.call({"from": sender, "value": value, "gas": GAS})
        except (ContractLogicError, Web3RPCError) as refusal:
            told = self._name_of(refusal)
        else:
            told = "nothing"
        if told != error:
            raise Broken(f"{call.fn_name} should be refused with {error}, and is with {told}")

    def deploy(self, code: str, value: int = 0) -> str:
        """Create a contract out of hand-made code, by the attacker; return its address."""
        sent = self.w3.eth.send_transaction({"from": self.attacker, "data": code, "value": value, "gas": GAS})
        self._flows[self.attacker] -= value
        return self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["contractAddress"]

    def withdraw(self, person: str) -> None:
        """Fetch somebody's credit, if there is any."""
        credit = self.reservoir.functions.creditOf(person).call()
        if credit == 0:
            return
        self.send(person, self.reservoir.functions.withdraw(person))
        self._flows[person] += credit

    def gains(self, roles: Mapping[str, str]) -> dict[str, int]:
        """Return what everybody put in and took out, by role, in wei without gas."""
        gains: Counter[str] = Counter()
        for person, flow in self._flows.items():
            gains[roles[person]] += flow
        return {role: gain for role, gain in gains.items() if gain != 0}

    def pool(self) -> int:
        return self.reservoir.functions.balanceOf(self.chain.address, POOL).call()

    def now(self) -> int:
        return self.w3.eth.get_block("latest")["timestamp"]

    def wait(self, seconds: int) -> None:
        self._ask("evm_increaseTime", seconds)
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self._ask("evm_mine")

    def snapshot(self) -> str:
        self._flows.clear()
        self._keys.clear()
        return self._ask("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        self._ask("evm_revert", snapshot)

    def _sent(self, sender: str, call: ContractFunction, value: int) -> HexBytes:
        transaction = {"from": sender, "value": value, "gas": GAS}
        if sender not in self._keys:
            return call.transact(transaction)
        numbered = transaction | {"nonce": self.w3.eth.get_transaction_count(sender)}
        signed = self._keys[sender].sign_transaction(call.build_transaction(numbered))
        return self.w3.eth.send_raw_transaction(signed.raw_transaction)

    def _ask(self, method: str, *arguments: Any) -> Any:
        answer = self.w3.provider.make_request(method, list(arguments))
        if "error" in answer:
            raise SystemExit(f"The node does not know {method}: attack a ganache or an anvil.")
        return answer["result"]

    def _contract(self, described: Mapping[str, Any]) -> Contract:
        return self.w3.eth.contract(address=described["address"], abi=described["abi"], decode_tuples=True)

    def _name_of(self, error: Exception) -> str:
        """Return the name of the custom error that a call was refused with, else the node's own words."""
        data = error.data if isinstance(error, ContractCustomError) else None
        for contract in (self.reservoir, self.tasks, self.committee, self.chain):
            for entry in contract.abi:
                if entry["type"] != "error" or not data:
                    continue
                if str(data).startswith("0x" + keccak(text=abi_to_signature(entry))[:4].hex()):
                    return entry["name"]
        return str(error)
