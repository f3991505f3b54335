"""A chain of one process: revm, which executes several thousand of our calls in a second.

Blocks come when they are told to. The header of block n is `header(n)`; its hash can be had from the history
contract of EIP-2935, not by BLOCKHASH. A run begins at a block of its own, so runs draw different committees.
"""

import re
from dataclasses import dataclass
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

GAS = 2**40
NOBODY = "0x" + "00" * 20
OUTPUT = re.compile(r"Revert \{.*output: 0x([0-9a-f]*)")
# PUSH20 its address, SELFDESTRUCT: what this code is created with goes to the address, asked or not.
FORCE = "73{}ff"
HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"
HISTORY_SERVE_WINDOW = 8191

Values = tuple[Any, ...]
"""What the ABI encodes: arguments, results and structs, of the types that it names."""


@dataclass(frozen=True, slots=True)
class Log:
    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """How a call went: what it returned, or what it reverted with, and its logs."""

    succeeded: bool
    data: bytes
    logs: tuple[Log, ...]


class Evm:
    """The chain and its clock. Addresses are in lower case."""

    def __init__(self, number: int, timestamp: int) -> None:
        # Sizes of code are for others to check: coverage is measured with code that has grown.
        settings = Env(cfg=CfgEnv(limit_contract_code_size=GAS))
        self._evm = EVM(env=settings, spec_id="SHANGHAI", gas_limit=GAS)
        self._evm.insert_account_info(HISTORY, AccountInfo(nonce=1, code=history_code()))
        self.set_block(number, timestamp)

    def set_block(self, number: int, timestamp: int) -> None:
        self._evm.set_block_env(BlockEnv(number=number, timestamp=timestamp))

    def fund(self, address: str, wei: int) -> None:
        self._evm.set_balance(address, wei)

    def balance(self, address: str) -> int:
        return self._evm.get_balance(address)

    def create(self, sender: str, code: bytes, value: int = 0) -> str:
        """Deploy; raises RuntimeError when the constructor reverts."""
        return self._evm.deploy(sender, code, value=value).lower()

    def force(self, sender: str, address: str, value: int) -> None:
        """Send ether that the recipient cannot refuse."""
        self.create(sender, bytes.fromhex(FORCE.format(address.removeprefix("0x"))), value)

    def send(self, sender: str, to: str, data: bytes, value: int = 0) -> Result:
        return self._call(sender, to, data, value, is_static=False)

    def ask(self, to: str, data: bytes) -> Result:
        """Call without leaving a trace."""
        return self._call(NOBODY, to, data, 0, is_static=True)

    def touched(self) -> set[str]:
        """Return every address that a call ever looked at, also one that reverted."""
        return {address.lower() for address in self._evm.db_accounts}

    def _call(self, sender: str, to: str, data: bytes, value: int, *, is_static: bool) -> Result:
        try:
            returned = self._evm.message_call(sender, to, calldata=data, value=value, is_static=is_static)
        except RuntimeError as error:
            reverted = OUTPUT.search(str(error))
            if reverted is None:
                raise
            return Result(False, bytes.fromhex(reverted[1]), ())
        if is_static:
            return Result(True, bytes(returned), ())
        done = self._evm.result
        assert done is not None
        return Result(True, bytes(returned), tuple(_log(each) for each in done.logs))


def header(number: int) -> bytes:
    """Return the header of a block, as RLP: all alike but for the mix."""
    zero = bytes(32)
    before = [zero, zero, bytes(20), zero, zero, zero, bytes(256), 0, 1, 30_000_000, 0, 1, b""]
    encoded: bytes = rlp.encode([*before, mix(number), bytes(8), 1, zero])
    return encoded


def mix(number: int) -> bytes:
    return keccak(number.to_bytes(32, "big"))


def block_hash(number: int) -> bytes:
    return keccak(header(number))


def history_code() -> bytes:
    """Return a contract that answers as EIP-2935 says, from `header` instead of from storage."""
    template = header(0)
    size, hole = len(template).to_bytes(2, "big").hex(), template.index(mix(0)).to_bytes(2, "big").hex()
    code = (
        # The number is below the current block's, and by 8,191 at most; else it reverts.
        "5f35"
        "438110"
        f"81430361{HISTORY_SERVE_WINDOW:04x}10"
        "1516"
        "601457"
        "5f5ffd"
        "5b"
        # The mix is the hash of the number.
        "5f52"
        "60205f20"
        # The header with this mix, and its hash.
        f"61{size}60315f39"
        f"61{hole}52"
        f"61{size}5f20"
        "5f5260205ff3"
    )
    return bytes.fromhex(code) + template


def created_address(sender: str, nonce: int) -> str:
    """Return where the contract that `sender` creates with `nonce`, below 128, will be."""
    # RLP of the pair, which is as simple as this for a nonce of one byte.
    encoded = b"\xd6\x94" + to_canonical_address(sender) + bytes([nonce or 0x80])
    return "0x" + keccak(encoded)[12:].hex()


def _log(log: Any) -> Log:
    topics, data = log.data
    return Log(log.address.lower(), tuple(bytes(topic) for topic in topics), bytes(data))
