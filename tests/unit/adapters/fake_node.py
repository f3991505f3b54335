"""An Ethereum node in memory: one wallet's transactions, a pool, blocks and deaths on demand."""

import json
from collections.abc import Callable
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from pole.adapters.node.node import Node, Words
from pole.adapters.node.provider import web3_over

ETHER = 10**18
GWEI = 10**9


class KilledError(BaseException):
    """The process died here."""


class FakeNode:
    """`requests` are the methods asked for, `journeys` counts what travels as one: a batch is one.

    `fault` may put other bytes in the place of an answer, or raise. `receipts` are of others' transactions.
    """

    def __init__(self) -> None:
        self.balance = 100 * ETHER
        self.base_fee = GWEI
        self.pool: dict[str, dict[str, Any]] = {}
        self.mined: dict[str, dict[str, Any]] = {}
        self.block = 1
        self.reverts_with: str | None = None
        self.gas_needed = 100_000
        self.status = 1
        self.refuses_sends_with: str | None = None
        self.refuses_sends_by = -32000
        self.denies_what_it_takes = False
        self.hides_its_pool = False
        self.lags_for = 0
        self.highest: int | None = None
        self.requests: list[str] = []
        self.journeys = 0
        self.die_before: int | None = None
        self.die_after: int | None = None
        self.logs: list[dict[str, Any]] = []
        self.receipts: dict[str, dict[str, Any]] = {}
        self.fork = b""
        self.chain_id = 1337
        self.fault: Callable[[list[dict[str, Any]], bytes], bytes] | None = None
        self.waits: list[float] = []
        words = Words("http://fake", "start one with `pole devnet up`")
        self.node = Node(self.post, words, clock=lambda: sum(self.waits), wait=self.waits.append)
        self.w3 = web3_over(self.node)

    def mine(self) -> None:
        self.block += 1
        self.hides_its_pool = False
        for transaction in sorted(self.pool.values(), key=lambda each: (each["nonce"], -each["max_fee"])):
            if transaction["nonce"] == len(self.mined):
                self.mined[transaction["hash"]] = {**transaction, "block": self.block, "status": self.status}
        used = len(self.mined)
        self.pool = {hash_: each for hash_, each in self.pool.items() if each["nonce"] >= used}

    def post(self, body: bytes) -> bytes:
        self.journeys += 1
        asked = json.loads(body)
        batch = asked if isinstance(asked, list) else [asked]
        answers = [{"id": each["id"], **self._serve(each["method"], each["params"])} for each in batch]
        answer = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        return answer if self.fault is None else self.fault(batch, answer)

    def _serve(self, method: str, params: Any) -> dict[str, Any]:
        self.requests.append(method)
        if self.die_before == len(self.requests):
            raise KilledError
        answer = self._answer(method, params)
        if self.die_after == len(self.requests):
            raise KilledError
        return answer

    def _answer(self, method: str, params: Any) -> dict[str, Any]:
        answer: Callable[..., Any] = getattr(self, f"_{method}")
        try:
            return {"jsonrpc": "2.0", "result": answer(*params)}
        except NodeError as error:
            content = {"code": error.code, "message": error.message, "data": error.data}
            return {"jsonrpc": "2.0", "error": content}

    def _eth_chainId(self) -> str:
        return hex(self.chain_id)

    def _eth_getBalance(self, _address: str, _block: str) -> str:
        return hex(self.balance)

    def _eth_getTransactionCount(self, _address: str, block: str) -> str:
        nonce = len(self.mined)
        if block == "pending" and not self.hides_its_pool:
            pooled = {each["nonce"] for each in self.pool.values()}
            while nonce in pooled:
                nonce += 1
        return hex(nonce)

    def _eth_call(self, transaction: dict[str, Any], *_: Any) -> str:
        if self.reverts_with is not None:
            raise NodeError(3, "execution reverted", self.reverts_with)
        if int(transaction.get("gas", "0xffffffff"), 16) < self.gas_needed:
            raise NodeError(-32000, "out of gas")
        return "0x"

    def _eth_feeHistory(self, *_: Any) -> dict[str, Any]:
        fee = hex(self.base_fee)
        return {"oldestBlock": hex(self.block), "baseFeePerGas": [fee, fee], "gasUsedRatio": [0.5]}

    def _eth_maxPriorityFeePerGas(self) -> str:
        return hex(GWEI)

    def _eth_sendRawTransaction(self, raw: str) -> str:
        if self.refuses_sends_with is not None:
            raise NodeError(self.refuses_sends_by, self.refuses_sends_with)
        data = HexBytes(raw)
        signed = TypedTransaction.from_bytes(data).as_dict()
        hash_ = "0x" + keccak(data).hex()
        if signed["nonce"] < len(self.mined):
            raise NodeError(-32000, "nonce too low")
        if hash_ in self.pool:
            raise NodeError(-32000, "already known")
        if any(
            each["nonce"] == signed["nonce"] and each["max_fee"] * 11 // 10 > signed["maxFeePerGas"]
            for each in self.pool.values()
        ):
            raise NodeError(-32000, "replacement transaction underpriced")
        self.pool[hash_] = {
            "hash": hash_,
            "nonce": signed["nonce"],
            "max_fee": signed["maxFeePerGas"],
            "data": bytes(signed["data"]),
            "gas": signed["gas"],
            "from": Account.recover_transaction(raw),
        }
        if self.denies_what_it_takes:
            raise NodeError(-32000, "internal error")
        return hash_

    def _eth_getTransactionByHash(self, hash_: str) -> dict[str, Any] | None:
        hidden = self.denies_what_it_takes or self.hides_its_pool
        seen = hash_ in self.mined or (hash_ in self.pool and not hidden)
        return {"hash": hash_, "to": None, "input": "0x"} if seen else None

    def _eth_getTransactionReceipt(self, hash_: str) -> dict[str, Any] | None:
        transaction = self.mined.get(hash_)
        if transaction is None:
            return self.receipts.get(hash_)
        if self.lags_for:
            self.lags_for -= 1
            return None
        return {
            "transactionHash": hash_,
            "blockNumber": hex(transaction["block"]),
            "gasUsed": hex(90_000),
            "effectiveGasPrice": hex(7),
            "status": hex(transaction["status"]),
            "logs": [],
        }

    def _eth_blockNumber(self) -> str:
        return hex(self.block)

    def _eth_getBlockByNumber(self, number: str, _full: bool) -> Any:
        block = self.block if number == "latest" else int(number, 16)
        if block > (self.highest or block):
            return None
        return {"number": hex(block), "hash": self.block_hash(block), "timestamp": hex(1000 + block)}

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        first = int(wanted["fromBlock"], 16)
        last = self.block if wanted["toBlock"] == "latest" else int(wanted["toBlock"], 16)
        return [log for log in self.logs if first <= int(log["blockNumber"], 16) <= last]

    def _eth_getBlockReceipts(self, number: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for log in self.logs:
            if log["blockNumber"] == number:
                empty = {"blockNumber": number, "logs": []}
                found.setdefault(log["transactionHash"], empty)["logs"].append(log)
        return list(found.values())

    def block_hash(self, block: int) -> str:
        return "0x" + keccak(self.fork + block.to_bytes(8, "big")).hex()


class Refusing(FakeNode):
    """Gives at most so many logs at once, by an error, and receipts of no block at once unless told.

    `spans` are the blocks that it was asked for.
    """

    def __init__(
        self, maximum: int, code: int = -32005, message: str = "query returned more than {} results"
    ):
        super().__init__()
        self.maximum = maximum
        self.spans: list[tuple[int, int]] = []
        self._refusal = code, message
        self.gives_receipts = False

    def _eth_getBlockReceipts(self, number: str) -> list[dict[str, Any]]:
        if not self.gives_receipts:
            raise NodeError(-32601, "the method eth_getBlockReceipts does not exist")
        return super()._eth_getBlockReceipts(number)

    def _eth_getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        last = str(self.block if wanted["toBlock"] == "latest" else int(wanted["toBlock"], 16))
        self.spans.append((int(wanted["fromBlock"], 16), int(last)))
        found = super()._eth_getLogs(wanted)
        if len(found) > self.maximum:
            code, message = self._refusal
            raise NodeError(code, message.format(self.maximum))
        return found


class NodeError(Exception):
    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data
