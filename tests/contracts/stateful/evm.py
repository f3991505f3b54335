"""A chain of one process: revm, which executes several thousand of our calls in a second.

Blocks come when they are told to. As in revm's own empty database, the hash of block n is the keccak-256 of
its number in decimal; a run begins at a block of its own, so runs draw different committees.
"""

import re
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from pyrevm import EVM, BlockEnv, CfgEnv, Env

GAS = 2**40
NOBODY = "0x" + "00" * 20
OUTPUT = re.compile(r"Revert \{.*output: 0x([0-9a-f]*)")
# PUSH20 its address, SELFDESTRUCT: what this code is created with goes to the address, asked or not.
FORCE = "73{}ff"

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


def block_hash(number: int) -> bytes:
    return keccak(text=str(number))


def created_address(sender: str, nonce: int) -> str:
    """Return where the contract that `sender` creates with `nonce`, below 128, will be."""
    # RLP of the pair, which is as simple as this for a nonce of one byte.
    encoded = b"\xd6\x94" + to_canonical_address(sender) + bytes([nonce or 0x80])
    return "0x" + keccak(encoded)[12:].hex()


def _log(log: Any) -> Log:
    topics, data = log.data
    return Log(log.address.lower(), tuple(bytes(topic) for topic in topics), bytes(data))
