"""Ether for wallets of a development network, out of the accounts that its node holds the keys of."""

from web3 import Web3
from web3.exceptions import TimeExhausted
from web3.types import Wei

from pole.adapters.ethereum.connection import node_answers
from pole.errors import FundsError, InputError, UnreachableError
from pole.protocol.amounts import ether

_GAS = 100_000  # a transfer takes 21,000, one to a contract somewhat more; without it web3 would estimate


def fund(w3: Web3, address: str, amount: int) -> str:
    """Send `amount` wei to `address` from the node's richest account; return the transaction's hash.

    Waits until it is mined.
    Raises UnreachableError where that takes over two minutes.
    Raises InputError when the node holds no keys, as none but a development node does, and FundsError when
    none of its accounts has so much.
    """
    try:
        with node_answers():
            return _send_from_richest(w3, address, amount)
    except TimeExhausted as error:
        raise UnreachableError(
            f"The Ethereum node took the ether for {address} but does not mine it: `pole wallet list` shows "
            "when it has."
        ) from error


def _send_from_richest(w3: Web3, address: str, amount: int) -> str:
    accounts = w3.eth.accounts
    if not accounts:
        raise InputError(
            f"This node holds no accounts to fund {address} from: send ether to it from a wallet of yours."
        )
    richest = max(accounts, key=w3.eth.get_balance)
    balance = w3.eth.get_balance(richest)
    # A tenth of an ether is far more than the gas costs on any development network.
    if balance < amount + 10**17:
        raise FundsError(
            f"The node's richest account holds {ether(balance)}, too little to send {ether(amount)}."
        )
    sent = w3.eth.send_transaction(
        {"from": richest, "to": Web3.to_checksum_address(address), "value": Wei(amount), "gas": _GAS}
    )
    w3.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.2)
    return "0x" + bytes(sent).hex()
