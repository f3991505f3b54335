"""A key holder's card: its address and the key that shares are sealed to, signed by the wallet.

So nobody can put a sealing key of their own beside somebody else's address: the data node has to know the
address for sure, and nothing more.
"""

from eth_account import Account
from eth_account.messages import SignableMessage, encode_defunct
from eth_account.signers.base import BaseAccount
from eth_keys.exceptions import BadSignature

from pole.errors import IntegrityError
from pole.protocol.encoding import hashing
from pole.protocol.formats.canonical_json import read_document, read_hex, write_document
from pole.protocol.formats.key_sharing import SEALING_KEY_BYTES, Holder
from pole.quoting import reason

KIND = "pole.key-holder-card"
MAX_CARD_BYTES = 1024
_SIGNATURE_BYTES = 65


def write_card(account: BaseAccount, sealing_key: bytes) -> bytes:
    """Return the card of a wallet with this public sealing key, signed as an EIP-191 message."""
    signed = account.sign_message(_message(account.address, sealing_key))
    return write_document(
        {
            "format": KIND,
            "version": 1,
            "address": account.address,
            "sealingKey": f"0x{sealing_key.hex()}",
            "signature": f"0x{bytes(signed.signature).hex()}",
        }
    )


def read_card(data: bytes) -> Holder:
    """Return the holder of a card; raises IntegrityError when it is none, or its wallet did not sign it."""
    fields = ("address", "sealingKey", "signature")
    document = read_document(data, kind=KIND, version=1, fields=fields, max_bytes=MAX_CARD_BYTES)
    sealing_key = read_hex(document, "sealingKey", length=SEALING_KEY_BYTES)
    signature = read_hex(document, "signature", length=_SIGNATURE_BYTES)
    address = document["address"]
    try:
        named = hashing.address(address)
        signer = Account.recover_message(_message(named, sealing_key), signature=signature)
    except (BadSignature, ValueError, TypeError) as error:
        raise IntegrityError(
            f"The card is malformed ({reason(error)}): ask the holder for it again."
        ) from error
    if signer != named or named != address:
        raise IntegrityError(
            f"The card was not signed by {named}: ask the holder for it again, by another way."
        )
    return Holder(named, sealing_key)


def _message(address: str, sealing_key: bytes) -> SignableMessage:
    return encode_defunct(text=f"PoLe key holder {address} takes shares sealed to {sealing_key.hex()}")
