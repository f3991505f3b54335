"""What a node says of a wallet, held against what its journal saw mined."""

from collections.abc import Callable
from dataclasses import dataclass

from web3 import Web3

from pole.adapters.node.provider import at_once
from pole.adapters.sending.fees import FeePolicy
from pole.adapters.storage.journal import SqliteJournal


@dataclass(frozen=True, slots=True)
class AccountState:
    """A wallet's wei, the chain that the node says it is of, the nonces mined and those it knows of."""

    balance: int
    chain_id: int
    mined: int
    pending: int


@dataclass(slots=True)
class AccountReader:
    """Reads the state of the wallet at `address`, whose transactions are in the journal."""

    w3: Web3
    address: str
    journal: SqliteJournal
    policy: FeePolicy
    clock: Callable[[], float]
    wait: Callable[[float], None]
    _undone: int | None = None

    def read(self, chain_id: int) -> AccountState:
        """Return what a node says that knows of all that was seen mined; after a while, what any says.

        Behind one address may be nodes that lag behind each other, and a reorganisation may have undone it:
        then it is waited for once.
        """
        used, until = self.journal.nonces_used(), self.clock() + self.policy.believe_after
        while self._is_behind(state := self._read(), used, chain_id) and self.clock() < until:
            self.wait(self.policy.poll)
        self._undone = used if state.pending < used else None
        return state

    def _is_behind(self, state: AccountState, used: int, chain_id: int) -> bool:
        return state.chain_id == chain_id and state.pending < used != self._undone

    def _read(self) -> AccountState:
        eth, address = self.w3.eth, Web3.to_checksum_address(self.address)
        return AccountState(
            *at_once(
                self.w3,
                [
                    lambda: eth.get_balance(address),
                    lambda: eth.chain_id,
                    lambda: eth.get_transaction_count(address, "latest"),
                    lambda: eth.get_transaction_count(address, "pending"),
                ],
            )
        )
