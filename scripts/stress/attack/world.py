"""The chain under attack, through web3 and the contracts' ABIs alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress, HexStr
from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint, TxParams, Wei

from pole.adapters.node.refusals import NodeRefusalError, RevertedError
from pole.protocol.encoding.ethereum_headers import encode_header

POOL = keccak(text="PoLe.pool.v1")
CONTRACTS = ("RewardReservoir", "Ledger", "TaskList", "VerifierCommittee", "PoLeChain", "Entropy")
GAS = 12_000_000
PURSE = 10**19
"""What a hired wallet can spend, in wei."""


class Broken(Exception):
    """A promise of the protocol does not hold."""


class World:
    """The contracts on a chain whose node signs for twenty accounts and lets time pass when told to."""

    def __init__(self, w3: Web3, described: Mapping[str, Mapping[str, Any]]) -> None:
        self.w3 = w3
        # It asks for the chain's id again before every call.
        if w3.middleware_onion.get("validation") is not None:
            w3.middleware_onion.remove("validation")
        self._contracts = [self._contract(described[name]) for name in CONTRACTS]
        self.reservoir, self.ledger, self.tasks, self.committee, self.chain, self.entropy = self._contracts
        people: Sequence[str] = w3.eth.accounts
        self.stranger, self.data_node, *rest = people
        self.miners, self.verifiers = rest[:4], rest[4:17]
        self.attacker = people[19]
        self.terms = self.tasks.functions.parameters().call()
        self.seats = self.committee.functions.parameters().call()
        self.rules = self.chain.functions.parameters().call()
        self.liars: set[str] = set()
        """Verifiers that work for the attacker."""
        self.rents: Counter[str] = Counter()
        """What owners of tasks paid for the seconds of rounds that ended, in wei."""
        self._keys: dict[str, LocalAccount] = {}
        self._flows: Counter[str] = Counter()

    @property
    def crowd(self) -> list[str]:
        """Return the attacker's further wallets."""
        return list(self._keys)

    @property
    def roles(self) -> dict[str, str]:
        """Return everybody's role, by address."""
        roles = {self.attacker: "attacker", self.data_node: "data node", self.stranger: "stranger"}
        roles |= dict.fromkeys(self.miners, "miner") | dict.fromkeys(self.verifiers, "verifiers")
        return roles | dict.fromkeys(self.crowd, "attacker") | dict.fromkeys(self.liars, "liars")

    def hire(self, count: int) -> list[str]:
        """Give the attacker more wallets, which no node signs for, and ether to each; return them."""
        for _ in range(count):
            key = self.w3.eth.account.create()
            self._keys[key.address] = key
            payer = cast(ChecksumAddress, self.attacker)
            paid: TxParams = {"from": payer, "to": key.address, "value": Wei(PURSE)}
            self.w3.eth.wait_for_transaction_receipt(self.w3.eth.send_transaction(paid), poll_latency=0.02)
        return self.crowd[-count:]

    def send(self, sender: str, call: ContractFunction, value: int = 0) -> None:
        """Make a call that must succeed; raises Broken when it is refused."""
        try:
            sent = self._sent(sender, call, value)
            receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
        except NodeRefusalError as error:
            raise Broken(f"{call.fn_name} is refused: {self._name_of(error)}") from None
        if receipt["status"] != 1:
            raise Broken(f"{call.fn_name} is refused")
        self._flows[sender] -= value

    def refused(self, sender: str, call: ContractFunction, error: str, value: int = 0) -> None:
        """Make a call that must be refused with `error`; raises Broken when it is not."""
        try:
            call.call(_transaction(sender, value))
        except NodeRefusalError as refusal:
            told = self._name_of(refusal)
        else:
            told = "nothing"
        if told != error:
            raise Broken(f"{call.fn_name} should be refused with {error}, and is with {told}")

    def asked(self, calls: Mapping[str, ContractFunction]) -> dict[str, Any]:
        """Return the answers of several views, in one request."""
        with self.w3.batch_requests() as batch:
            for call in calls.values():
                batch.add(call)
            return dict(zip(calls, batch.execute(), strict=True))

    def deploy(self, code: str, value: int = 0) -> str:
        """Create a contract out of hand-made code, by the attacker; return its address."""
        sent = self.w3.eth.send_transaction(_transaction(self.attacker, value) | {"data": HexStr(code)})
        self._flows[self.attacker] -= value
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
        return str(receipt["contractAddress"])

    def withdraw(self, person: str) -> None:
        """Fetch somebody's credit, if there is any."""
        credit = self.reservoir.functions.creditOf(person).call()
        if credit == 0:
            return
        self.send(person, self.reservoir.functions.withdraw(person))
        self._flows[person] += credit

    def gains(self) -> dict[str, int]:
        """Return what everybody put in and took out, by role, in wei without gas."""
        gains: Counter[str] = Counter()
        for person, flow in self._flows.items():
            gains[self.roles[person]] += flow
        return {role: gain for role, gain in gains.items() if gain != 0}

    def pool(self) -> int:
        return int(self.reservoir.functions.balanceOf(self.chain.address, POOL).call())

    def now(self) -> int:
        return self.w3.eth.get_block("latest")["timestamp"]

    def height(self) -> int:
        """Return the number of the newest Ethereum block."""
        return int(self.w3.eth.block_number)

    def wait(self, seconds: int) -> None:
        """Let seconds pass, and as many blocks as a window has at least."""
        self._ask("evm_increaseTime", seconds)
        self.mine(self.rules.windowBlocks)

    def stand_still(self, seconds: int) -> None:
        """Let seconds pass without blocks but the one that ends them."""
        self._ask("evm_increaseTime", seconds)
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        """Let blocks pass."""
        for _ in range(blocks):
            self._ask("evm_mine")

    def header(self, number: int) -> bytes:
        """Return the RLP encoding of an Ethereum block's header."""
        return encode_header(self.w3.eth.get_block(number))

    def snapshot(self) -> str:
        """Begin anew: forget who gained what, and return what brings the chain back to this point."""
        self._flows.clear()
        self._keys.clear()
        self.liars.clear()
        self.rents.clear()
        return str(self._ask("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        self._ask("evm_revert", snapshot)

    def _sent(self, sender: str, call: ContractFunction, value: int) -> HexBytes:
        transaction = _transaction(sender, value)
        if sender not in self._keys:
            return call.transact(transaction)
        nonce = self.w3.eth.get_transaction_count(cast(ChecksumAddress, sender))
        built = call.build_transaction(transaction | {"nonce": nonce})
        signed = self._keys[sender].sign_transaction(cast(dict[str, Any], built))
        return self.w3.eth.send_raw_transaction(signed.raw_transaction)

    def _ask(self, method: str, *arguments: Any) -> Any:
        answer = self.w3.provider.make_request(RPCEndpoint(method), list(arguments))
        if "error" in answer:
            raise SystemExit(f"The node does not know {method}: attack a ganache or an anvil.")
        return answer["result"]

    def _contract(self, described: Mapping[str, Any]) -> Contract:
        address, abi = described["address"], described["abi"]
        contract: Contract = self.w3.eth.contract(address=address, abi=abi, decode_tuples=True)
        return contract

    def _name_of(self, error: Exception) -> str:
        """Return the name of the custom error that a call was refused with, else the node's own words."""
        data = error.data if isinstance(error, RevertedError) else None
        for contract in self._contracts:
            for entry in contract.abi:
                if entry["type"] != "error" or not data:
                    continue
                if str(data).startswith("0x" + keccak(text=abi_to_signature(entry))[:4].hex()):
                    return str(entry["name"])
        return str(error)


def _transaction(sender: str, value: int) -> TxParams:
    return {"from": cast(ChecksumAddress, sender), "value": Wei(value), "gas": GAS}
