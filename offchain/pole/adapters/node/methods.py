"""The methods of an Ethereum node that pole asks for, and what their answers look like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.adapters.node.shapes import (
    Shape,
    ShapeError,
    data,
    every,
    members,
    number,
    optional,
    quantity,
    text,
)

SENDING: Final = frozenset({"eth_sendRawTransaction", "eth_sendTransaction"})
"""The methods that change something: asked once, as the answer to a request that was served may be lost."""

_HASH, _ADDRESS, _COUNT, _AMOUNT = data(32), data(20), quantity(8), quantity(32)

_HEADER: Final = {
    **dict.fromkeys(("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot"), _HASH),
    **dict.fromkeys(("mixHash", "withdrawalsRoot", "parentBeaconBlockRoot", "requestsHash"), _HASH),
    **dict.fromkeys(("gasLimit", "gasUsed", "blobGasUsed", "excessBlobGas"), _COUNT),
    **dict.fromkeys(("difficulty", "baseFeePerGas"), _AMOUNT),
    "miner": _ADDRESS,
    "logsBloom": data(256),
    # Chains of proof of authority have signatures in it.
    "extraData": data(),
    "nonce": data(8),
}
_BLOCK: Final = members({"number": _COUNT, "hash": _HASH, "timestamp": _COUNT}, _HEADER)
_LOG: Final = members(
    {
        "address": _ADDRESS,
        "topics": every(_HASH),
        "data": data(),
        "blockNumber": _COUNT,
        "blockHash": _HASH,
        "transactionHash": _HASH,
        "transactionIndex": _COUNT,
        "logIndex": _COUNT,
    }
)
_TRANSACTION: Final = members({"hash": _HASH, "to": optional(_ADDRESS), "input": data()})
_RECEIPT: Final = members(
    {
        "transactionHash": _HASH,
        "blockNumber": _COUNT,
        "gasUsed": _COUNT,
        "effectiveGasPrice": _AMOUNT,
        "status": quantity(1),
        "logs": every(_LOG),
    },
    {"blockHash": _HASH, "from": _ADDRESS, "contractAddress": _ADDRESS},
)
_LOGS_OF_RECEIPT: Final = members({"blockNumber": _COUNT, "logs": every(_LOG)})
_FEES: Final = members(
    {"baseFeePerGas": every(_AMOUNT)},
    {"oldestBlock": _COUNT, "gasUsedRatio": every(number), "reward": every(every(_AMOUNT))},
)


@dataclass(frozen=True, slots=True)
class Method:
    """What a method answers; `belongs` says whether an answer of that shape is one to these parameters."""

    shape: Shape
    belongs: Callable[[Sequence[Any], Any], bool] = lambda _parameters, _found: True

    def read(self, parameters: Sequence[Any], result: Any) -> Any:
        """Return what was looked at of a result. Raises ShapeError for what is no answer."""
        found = self.shape(result)
        if found is not None and not self.belongs(parameters, found):
            raise ShapeError("the answer is to another question")
        return found


def _is_of_hash(name: str) -> Callable[[Sequence[Any], Any], bool]:
    return lambda parameters, found: bool(found[name].lower() == str(parameters[0]).lower())


def _is_of_number(parameters: Sequence[Any], found: Any) -> bool:
    asked = str(parameters[0])
    return not asked.startswith("0x") or int(found["number"], 16) == int(asked, 16)


def _are_within(parameters: Sequence[Any], found: Any) -> bool:
    first, last = (str(parameters[0][name]) for name in ("fromBlock", "toBlock"))
    numbers = [int(log["blockNumber"], 16) for log in found]
    return all(int(first, 16) <= number for number in numbers) and (
        last == "latest" or all(number <= int(last, 16) for number in numbers)
    )


def _are_of_number(parameters: Sequence[Any], found: Any) -> bool:
    numbers = [each["blockNumber"] for receipt in found for each in (receipt, *receipt["logs"])]
    return all(int(number, 16) == int(str(parameters[0]), 16) for number in numbers)


def _has_fees(_: Sequence[Any], found: Any) -> bool:
    return bool(found["baseFeePerGas"])


METHODS: Final[Mapping[str, Method]] = {
    "eth_accounts": Method(every(_ADDRESS)),
    "eth_blockNumber": Method(_COUNT),
    "eth_call": Method(data()),
    "eth_chainId": Method(_AMOUNT),
    "eth_feeHistory": Method(_FEES, _has_fees),
    "eth_getBalance": Method(_AMOUNT),
    "eth_getBlockByNumber": Method(optional(_BLOCK), _is_of_number),
    "eth_getBlockReceipts": Method(every(_LOGS_OF_RECEIPT), _are_of_number),
    "eth_getCode": Method(data()),
    "eth_getLogs": Method(every(_LOG), _are_within),
    "eth_getTransactionByHash": Method(optional(_TRANSACTION), _is_of_hash("hash")),
    "eth_getTransactionCount": Method(_COUNT),
    "eth_getTransactionReceipt": Method(optional(_RECEIPT), _is_of_hash("transactionHash")),
    "eth_maxPriorityFeePerGas": Method(_AMOUNT),
    "eth_sendRawTransaction": Method(_HASH),
    "eth_sendTransaction": Method(_HASH),
    "web3_clientVersion": Method(text),
}
"""By name; what others answer is not looked at."""
