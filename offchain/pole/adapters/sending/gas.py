"""The gas that a call is given."""

from contextlib import suppress
from typing import Final

from hexbytes import HexBytes
from web3 import Web3
from web3.types import TxParams

from pole.adapters.node.refusals import RevertedError

MAXIMUM_GAS: Final = 2**24
"""Gas that a transaction may take (EIP-7825)."""
_LIMITS: Final = (*(125_000 << step for step in range(7)), MAXIMUM_GAS)
_REMEMBERED: Final = 2_000_000


class GasSearch:
    """Looks for limits that calls succeed with, that of the same function before first."""

    def __init__(self, w3: Web3) -> None:
        self._w3 = w3
        self._found: dict[str, int] = {}

    def limit(self, transaction: TxParams) -> int:
        """Return twice the smallest of some limits that the call succeeds with, or what one may take at most.

        What is not used is not paid. Raises what the contracts make of the call. Twice, because the state can
        change until it is mined: another leaf in a tree, a longer way in a heap. `eth_estimateGas` would tell
        it in one request, but ganache never answers some of those that come while it mines a block.
        """
        function = bytes(HexBytes(transaction["data"]))[:4].hex()
        first = self._found.get(function, _LIMITS[0])
        if not self._succeeds(transaction, first):
            self._w3.eth.call(transaction)
            *larger, maximum = (limit for limit in _LIMITS if limit >= first)
            first = next((limit for limit in larger if self._succeeds(transaction, limit)), maximum)
            if first == maximum:
                self._w3.eth.call({**transaction, "gas": maximum})
        # A dear one is rare, and the next need not have the funds for as much.
        if first <= _REMEMBERED:
            self._found[function] = first
        return min(2 * first, MAXIMUM_GAS)

    def _succeeds(self, transaction: TxParams, limit: int) -> bool:
        # What came of the call; a node that did not run it is UnreachableError.
        with suppress(RevertedError):
            self._w3.eth.call({**transaction, "gas": limit})
            return True
        return False
