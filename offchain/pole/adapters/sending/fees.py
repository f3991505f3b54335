"""What a transaction offers for its gas (EIP-1559)."""

from dataclasses import dataclass

from web3 import Web3

from pole.adapters.node.provider import at_once
from pole.errors import FundsError

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas: the most that is paid at all, and the part of it that goes to the block's producer."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How much is offered for gas, and for how long a transaction is waited for.

    Times are seconds, fees wei per gas.
    A receipt is looked for after `poll`, and then more and more slowly, every `longest_poll` at the least.
    A transaction that is still pending after `replace_after` is signed again under the same nonce with a
    higher fee.
    That another transaction took its nonce is believed after `believe_after` without a receipt, and that what
    was mined was undone after as long: behind one address may be nodes that lag behind each other.
    """

    ceiling: int = 500 * GWEI
    replace_after: float = 45
    give_up_after: float = 240
    poll: float = 0.4
    longest_poll: float = 3
    believe_after: float = 15


def market_fees(w3: Web3, ceiling: int) -> Fees:
    """Return what to offer for the next block, never more than the ceiling while that covers the block.

    Twice its base fee, which holds for six full blocks of rising fees, and the usual tip.
    """
    base, tip = _market(w3)
    return Fees(max(base + tip, min(2 * base + tip, ceiling)), tip)


def expected_price(w3: Web3) -> int:
    """Return the wei that a unit of gas costs in the next block."""
    return sum(_market(w3))


def _market(w3: Web3) -> tuple[int, int]:
    """Return the base fee of the next block and the usual tip, asked in one request."""
    history, tip = at_once(w3, [lambda: w3.eth.fee_history(1, "latest"), lambda: w3.eth.max_priority_fee])
    return int(history["baseFeePerGas"][-1]), int(tip)


def current_fees(w3: Web3, policy: FeePolicy) -> Fees:
    """Return the fees to offer now. Raises FundsError when they are above the policy's ceiling."""
    fees = market_fees(w3, policy.ceiling)
    if fees.max_fee > policy.ceiling:
        raise FundsError(
            f"Gas costs {fees.max_fee / GWEI:.1f} gwei now, above the ceiling of "
            f"{policy.ceiling / GWEI:.1f} gwei: wait until it is cheaper, or let a worker offer more by "
            "--fee-ceiling PRICE (POLE_FEE_CEILING)."
        )
    return fees


def raised_fees(previous: Fees, current: Fees, policy: FeePolicy) -> Fees | None:
    """Return fees that replace a pending transaction, None when the ceiling does not leave room.

    Nodes accept a replacement that offers at least a tenth more of both.
    """
    max_fee = max(current.max_fee, previous.max_fee * 9 // 8 + 1)
    tip = max(current.tip, previous.tip * 9 // 8 + 1)
    return Fees(max_fee, tip) if max_fee <= policy.ceiling else None
