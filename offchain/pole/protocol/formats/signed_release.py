"""The release of a test set as its data node signed it, for anyone to relay."""

from dataclasses import dataclass
from typing import Final

from pole.errors import IntegrityError
from pole.protocol.formats.canonical_json import (
    read_cid,
    read_document,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.state import FileRef

FORMAT: Final = "pole.signed-release"
MAX_BYTES: Final = 2**16
MAXIMUM_SIGNATURE_BYTES: Final = 2**14
_UINT64: Final = 2**64 - 1
_UINT256: Final = 2**256 - 1


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """A round's test set, the time of the signature, and the signature over both (EIP-712)."""

    round_id: int
    test: FileRef
    timestamp: int
    signature: bytes


def write_signed_release(release: SignedRelease) -> bytes:
    """Return the file of a signed release."""
    return write_document(
        {
            "format": FORMAT,
            "version": 1,
            "roundId": release.round_id,
            "testCid": release.test.cid,
            "testDigest": f"0x{release.test.digest.hex()}",
            "timestamp": release.timestamp,
            "signature": f"0x{release.signature.hex()}",
        }
    )


def read_signed_release(data: bytes) -> SignedRelease:
    """Return the release in a file, its signature not checked; raises IntegrityError for other bytes."""
    fields = ["roundId", "testCid", "testDigest", "timestamp", "signature"]
    document = read_document(data, kind=FORMAT, version=1, fields=fields, max_bytes=MAX_BYTES)
    signature = document["signature"]
    if not isinstance(signature, str) or not 2 < len(signature) <= 2 + 2 * MAXIMUM_SIGNATURE_BYTES:
        raise IntegrityError(f"signature must be 0x and 1 to {MAXIMUM_SIGNATURE_BYTES} bytes in hexadecimal.")
    return SignedRelease(
        read_whole(document, "roundId", minimum=1, maximum=_UINT256),
        FileRef(read_cid(document, "testCid"), read_hex(document, "testDigest", length=32)),
        read_whole(document, "timestamp", minimum=0, maximum=_UINT64),
        read_hex(document, "signature", length=len(signature) // 2 - 1),
    )
