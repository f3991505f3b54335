"""What a node's error says: about the contracts, about the wallet, or only about the node itself."""

from collections.abc import Mapping
from typing import Any, Final

from pole.adapters.node.methods import SENDING
from pole.errors import UnreachableError
from pole.quoting import MAX_REASON, one_line

VERDICTS: Final = (
    *("revert", "out of gas", "invalid opcode", "intrinsic gas"),
    # All that ganache, and anvil, say of a call that did not run to its end.
    *("vm exception", "evm error"),
)
"""Words of what came of running a contract: nodes have many codes for it, and other errors under them too."""
NO_FUNDS: Final = ("insufficient funds", "enough funds", "insufficient balance")
"""Words for a wallet that cannot pay."""
BUSY: Final = frozenset({-32005, -32029, -32097, 429})
"""The codes of limits: of the EIPs (1474), and those that large providers have besides."""

_SIZES: Final = ("result", "range", "size", "too large", "too big", "too many logs")
"""Words of a limit that is not of requests, but of what one of them asks for."""
_LAGGING: Final = ("not found", "be found", "unknown block", "beyond", "pruned", "missing", "unavailable")
"""Words for blocks that a node has not yet, or has no more: fewer of them are not there either."""

_REVERTED: Final = 3
_NO_SUCH_METHOD: Final = -32601
# The selectors of Solidity's own Error(string) and Panic(uint256), which the message says in words.
_IN_WORDS: Final = ("0x08c379a0", "0x4e487b71")
_SELECTOR_DIGITS: Final = 10


class NodeRefusalError(Exception):
    """A node refuses what it was asked for; the message is its own."""


class RevertedError(NodeRefusalError):
    """Running a contract came to no end: `data` is its custom error, None where the message says what it is.

    As hexadecimal, for a node may send what is none.
    """

    def __init__(self, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.data = data


class AbsentError(NodeRefusalError):
    """The node has no such transaction, which most nodes say by null."""


class NoSuchMethodError(NodeRefusalError):
    """The node has not got the method."""


class UnservedError(UnreachableError):
    """The node says that it does not serve a request, and not that it is busy."""


class TooMuchError(UnservedError):
    """The node answers, but gives no answer so large: of fewer blocks it may.

    `is_sure` where it says so, and not only that something is wrong.
    """

    def __init__(self, message: str, *, is_sure: bool = False) -> None:
        super().__init__(message)
        self.is_sure = is_sure


def refusal(method: str, error: Mapping[str, Any]) -> Exception:
    """Return what to raise for an error object of a node.

    NodeRefusalError where the caller has something to make of it: a verdict on a call, a transaction that the
    pool does not take or that is not there, a method that the node has not got. All else says nothing about
    the chain: UnreachableError where the node is busy, TooMuchError where it does not give so many logs, else
    UnservedError.
    """
    message, said = error["message"], f"{error['message']} {error.get('data') or ''}".lower()
    if method == "eth_getLogs" and _is_too_much(error["code"], said):
        return TooMuchError(_unserved(message), is_sure=_says_size(said))
    if error["code"] in BUSY:
        return UnreachableError(_unserved(message))
    if method in SENDING:
        return NodeRefusalError(message)
    if method == "eth_call" and any(words in said for words in NO_FUNDS):
        return NodeRefusalError(message)
    if method == "eth_call" and (error["code"] == _REVERTED or any(words in said for words in VERDICTS)):
        return _verdict(message, error.get("data"))
    if method.startswith("eth_getTransaction") and said.strip() == "transaction not found":
        return AbsentError(message)
    if error["code"] == _NO_SUCH_METHOD:
        return NoSuchMethodError(message)
    return UnservedError(_unserved(message))


def _is_too_much(code: int, said: str) -> bool:
    """Return whether a refusal of logs can be for their number: nodes have many words for it, and codes.

    So each is taken for one that does not say what else it is. The code of a limit is of requests as well,
    which more of them would not help: there the words must tell.
    """
    if code in BUSY:
        return _says_size(said)
    return code != _NO_SUCH_METHOD and not any(words in said for words in _LAGGING)


def _says_size(said: str) -> bool:
    return any(words in said for words in _SIZES)


def _unserved(message: str) -> str:
    said = one_line(message.removesuffix("."), MAX_REASON)
    return f"The Ethereum node does not serve the request: {said}."


def _verdict(message: str, data: Any) -> RevertedError:
    # Nethermind's "Reverted 0x…".
    given = data.removeprefix("Reverted ") if isinstance(data, str) else ""
    is_ours = given.startswith("0x") and len(given) >= _SELECTOR_DIGITS and not given.startswith(_IN_WORDS)
    return RevertedError(message, given if is_ours else None)
