from typing import Any

from brownie.network.account import Account
from eth_typing import HexStr

class TransactionReceipt:
    block_number: int
    events: Any
    gas_price: int
    gas_used: int
    sender: Account
    status: int
    timestamp: int
    txid: HexStr
    value: int
