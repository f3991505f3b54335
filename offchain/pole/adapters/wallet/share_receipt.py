"""A key holder's receipt: its wallet's signature that it took in its share, and for which task.

A data node that removes its master secret leaves the keys to its holders, so it has to know that they can
make them.
"""

from eth_account import Account
from eth_account.messages import SignableMessage, encode_defunct
from eth_account.signers.base import BaseAccount
from eth_keys.exceptions import BadSignature

from pole.errors import IntegrityError
from pole.protocol.formats.canonical_json import read_address, read_document, read_hex, write_document
from pole.protocol.formats.key_sharing import ShareReceipt
from pole.protocol.formats.shared_task import read_task, task_document, task_text
from pole.quoting import reason

KIND = "pole.share-receipt"
MAX_RECEIPT_BYTES = 2048
_SIGNATURE_BYTES = 65


def write_receipt(account: BaseAccount, receipt: ShareReceipt) -> bytes:
    """Return a receipt as its holder's wallet signs it, as an EIP-191 message."""
    signed = account.sign_message(_message(receipt))
    return write_document(
        {
            "format": KIND,
            "version": 1,
            "holder": receipt.holder,
            "sharingDigest": f"0x{receipt.sharing_digest.hex()}",
            "task": task_document(receipt.task),
            "signature": f"0x{bytes(signed.signature).hex()}",
        }
    )


def read_receipt(data: bytes) -> ShareReceipt:
    """Return a receipt; raises IntegrityError when the file is none, or its holder did not sign it."""
    fields = ("holder", "sharingDigest", "task", "signature")
    document = read_document(data, kind=KIND, version=1, fields=fields, max_bytes=MAX_RECEIPT_BYTES)
    receipt = ShareReceipt(
        holder=read_address(document, "holder"),
        sharing_digest=read_hex(document, "sharingDigest", length=32),
        task=read_task(document["task"]),
    )
    signature = read_hex(document, "signature", length=_SIGNATURE_BYTES)
    try:
        signer = Account.recover_message(_message(receipt), signature=signature)
    except (BadSignature, ValueError, TypeError) as error:
        raise IntegrityError(
            f"The receipt is malformed ({reason(error)}): ask the holder for it again."
        ) from error
    if signer != receipt.holder:
        raise IntegrityError(
            f"The receipt was not signed by {receipt.holder}: ask the holder for it again, by another way."
        )
    return receipt


def _message(receipt: ShareReceipt) -> SignableMessage:
    digest, task = receipt.sharing_digest.hex(), task_text(receipt.task)
    return encode_defunct(text=f"PoLe key holder {receipt.holder} serves its share of {digest} for {task}")
