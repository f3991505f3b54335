"""What a signer sent back, held against what it was asked to sign, to the last byte.

A transaction is EIP-1559's: 0x02, then RLP of [chain id, nonce, tip, fee, gas, to, value, data, access
list, y parity, r, s]. Nine fields have to be ours as we would write them, and the three that are left have to
be the signature of these by the wallet's address.
"""

from collections.abc import Mapping
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth_account.datastructures import SignedMessage, SignedTransaction
from eth_account.messages import SignableMessage
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from hexbytes import HexBytes
from rlp.exceptions import RLPException  # type: ignore[import-untyped]
from rlp.sedes import big_endian_int  # type: ignore[import-untyped]

from pole.errors import IntegrityError
from pole.protocol.encoding.hashing import keccak256

TYPE: Final = b"\x02"
FIELDS: Final = (
    ("chainId", "chain id"),
    ("nonce", "nonce"),
    ("maxPriorityFeePerGas", "tip"),
    ("maxFeePerGas", "fee"),
    ("gas", "gas limit"),
    ("to", "receiver"),
    ("value", "value"),
    ("data", "data"),
)
_SIGNATURE_FIELDS: Final = 3
_SIGNATURE_BYTES: Final = 65
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_LEGACY_V: Final = 27


def checked_transaction(raw: bytes, asked: Mapping[str, Any], address: str) -> SignedTransaction:
    """Return the signed transaction in `raw`, which is what was asked for and signed by `address`.

    `asked` has the fields of an EIP-1559 transaction as web3 names them, and no access list. Raises
    IntegrityError, which says what differs, where `raw` is anything else.
    """
    items, wanted = _items(raw), _wanted(asked)
    names = (*(name for _, name in FIELDS), "access list")
    for name, given, ours in zip(names, items, wanted, strict=False):
        if given != ours:
            raise _differs(f"it has another {name}")
    parity, r, s = (_whole(each) for each in items[-_SIGNATURE_FIELDS:])
    signing_hash = keccak256(TYPE + rlp.encode(wanted))
    if _signer(signing_hash, parity, r, s) != address:
        raise _differs(f"it is not signed by {address}")
    return SignedTransaction(HexBytes(raw), HexBytes(keccak256(raw)), r, s, parity)


def checked_message(signature: bytes, asked: SignableMessage, address: str) -> SignedMessage:
    """Return the signature of an EIP-191 message by `address`; raises IntegrityError where it is another."""
    digest = keccak256(b"\x19" + asked.version + asked.header + asked.body)
    if len(signature) != _SIGNATURE_BYTES:
        raise _differs(f"a signature has {_SIGNATURE_BYTES} bytes, not {len(signature)}")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    parity = v - _LEGACY_V if v >= _LEGACY_V else v
    if _signer(digest, parity, r, s) != address:
        raise _differs(f"the message is not signed by {address}")
    signed = signature[:64] + bytes([parity + _LEGACY_V])
    return SignedMessage(HexBytes(digest), r, s, parity + _LEGACY_V, HexBytes(signed))


def _items(raw: bytes) -> list[Any]:
    if raw[:1] != TYPE:
        raise _differs("it is a transaction of another type")
    try:
        items = rlp.decode(raw[1:])
    except (RLPException, RecursionError) as error:
        raise _differs("it is no transaction") from error
    if not isinstance(items, list) or len(items) != len(FIELDS) + 1 + _SIGNATURE_FIELDS:
        raise _differs("it is no transaction")
    return items


def _wanted(asked: Mapping[str, Any]) -> list[Any]:
    """Return the fields that are signed, as RLP has them."""
    if asked.get("accessList"):
        raise IntegrityError("A transaction of ours has no access list: report this.")
    values = [asked[field] for field, _ in FIELDS]
    return [*(big_endian_int.serialize(v) if isinstance(v, int) else bytes(HexBytes(v)) for v in values), []]


def _whole(item: object) -> int:
    if not isinstance(item, bytes) or len(item) > 32 or item.startswith(b"\0"):
        raise _differs("its signature is none")
    return int.from_bytes(item, "big")


def _signer(digest: bytes, parity: int, r: int, s: int) -> str | None:
    """Return the address that signed; None where the numbers are no signature that a node takes (EIP-2)."""
    if parity not in {0, 1} or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        return None
    try:
        key = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return str(key.to_checksum_address())


def _differs(why: str) -> IntegrityError:
    return IntegrityError(
        f"The signer signed something else than it was asked to, {why}: nothing was sent. Agree there to "
        "what is asked without changing it, and find out who did."
    )
