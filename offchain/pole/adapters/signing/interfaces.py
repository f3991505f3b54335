"""The two interfaces that signers speak, as requests and the results that they have in answers.

Clef: the external API of go-ethereum's cmd/clef, version 6; numbers are hexadecimal, `chainId` has to be the
one that Clef was started with. web3signer: its JSON-RPC API for Ethereum 1; it knows the chain by its own
`--chain-id` and ignores the field.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.abi import abi_to_signature, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from pole.adapters.wallet.remote_wallet import SignerKind

Parameters = Sequence[Any]
SELECTOR_BYTES: Final = 4


class NoResultError(ValueError):
    """A result has another shape than the method's."""


@dataclass(frozen=True, slots=True)
class Interface:
    """How a kind of signer is asked: methods, their parameters, and where in a result the bytes are.

    One that `takes_signature` is told with a transaction which function it calls: Clef refuses by itself what
    it does not know, and shows the arguments of what it does.
    """

    name: str
    accounts: str
    transaction: str
    takes_signature: bool
    message: str
    message_parameters: Callable[[str, bytes], Parameters]
    raw_in: Callable[[Any], Any]


INTERFACES: Final[Mapping[SignerKind, Interface]] = {
    SignerKind.CLEF: Interface(
        "Clef",
        accounts="account_list",
        transaction="account_signTransaction",
        takes_signature=True,
        message="account_signData",
        message_parameters=lambda address, message: ("text/plain", address, _hexadecimal(message)),
        raw_in=lambda result: result.get("raw") if isinstance(result, dict) else None,
    ),
    SignerKind.WEB3SIGNER: Interface(
        "web3signer",
        accounts="eth_accounts",
        transaction="eth_signTransaction",
        takes_signature=False,
        message="eth_sign",
        message_parameters=lambda address, message: (address, _hexadecimal(message)),
        raw_in=lambda result: result,
    ),
}


def signatures_in(abis: Iterable[Sequence[Any]]) -> Mapping[bytes, str]:
    """Return the signatures of the functions of some contracts by their selectors."""
    functions = [entry for abi in abis for entry in abi if entry["type"] == "function"]
    return {bytes(function_abi_to_4byte_selector(each)): abi_to_signature(each) for each in functions}


def transaction_parameters(
    asked: Mapping[str, Any], address: str, signatures: Mapping[bytes, str]
) -> Parameters:
    """Return what a transaction is signed with, and its function's signature where that is known."""
    signature = signatures.get(bytes(HexBytes(asked["data"]))[:SELECTOR_BYTES])
    fields = _fields(asked, address)
    return (fields,) if signature is None else (fields, signature)


def _fields(asked: Mapping[str, Any], address: str) -> Mapping[str, str]:
    numbers = ("chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas", "value")
    return {
        "from": address,
        "to": to_checksum_address(bytes(HexBytes(asked["to"]))),
        "data": _hexadecimal(bytes(HexBytes(asked["data"]))),
        **{name: hex(asked[name]) for name in numbers},
    }


def read_signed_bytes(result: Any, interface: Interface) -> bytes:
    """Return the bytes in a result of signing; raises NoResultError for another shape."""
    return _bytes(interface.raw_in(result))


def read_signature(result: Any) -> bytes:
    """Return the signature in a result; raises NoResultError for another shape."""
    return _bytes(result)


def read_accounts(result: Any) -> tuple[str, ...]:
    """Return the addresses (EIP-55) that a signer has; raises NoResultError for another shape.

    Clef's first versions listed objects with an address.
    """
    if not isinstance(result, list):
        raise NoResultError("no list of accounts")
    named = [each.get("address") if isinstance(each, dict) else each for each in result]
    try:
        return tuple(str(to_checksum_address(str(each))) for each in named)
    except ValueError as error:
        raise NoResultError("an account is no address") from error


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise NoResultError("no bytes")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise NoResultError("no bytes") from error


def _hexadecimal(data: bytes) -> str:
    return f"0x{data.hex()}"
