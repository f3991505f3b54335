"""Secrets at rest: bytes sealed under a password with scrypt (RFC 7914) and ChaCha20-Poly1305 (RFC 8439).

A sealed box, all integers big-endian:

| bytes | content |
|---|---|
| 8 | `pole.box` |
| 1 | version, 1 |
| 1 | log2 of scrypt's N |
| 1 | scrypt's r |
| 1 | scrypt's p |
| 16 | salt |
| 12 | nonce |
| n + 16 | ciphertext and tag; the associated data is the 40 bytes before, then the context |

The context says what the secret is for (`master-secret/<digest>`); a box opened in another context does not
open.
"""

import secrets
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pole.errors import IntegrityError

MAGIC = b"pole.box"
VERSION = 1
_HEADER = struct.Struct(">8sBBBB16s12s")


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """What one guess at a password costs: 2^log_n * 8r bytes of memory, p times (RFC 7914, section 2)."""

    log_n: int
    r: int
    p: int


STANDARD_COST = ScryptCost(17, 8, 1)
"""128 MiB and about 0.4 s, the least that OWASP's Password Storage Cheat Sheet recommends for scrypt."""

# A box from a stranger must not make its reader use more than 1 GiB.
_MAXIMUM_LOG_N, _MAXIMUM_R, _MAXIMUM_P = 20, 8, 4


def seal(plaintext: bytes, password: str, *, context: str, cost: ScryptCost = STANDARD_COST) -> bytes:
    """Return `plaintext` encrypted and authenticated under `password` and `context`."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    header = _HEADER.pack(MAGIC, VERSION, cost.log_n, cost.r, cost.p, salt, nonce)
    cipher = ChaCha20Poly1305(_key(password, salt, cost))
    return header + cipher.encrypt(nonce, plaintext, header + context.encode())


def open_box(box: bytes, password: str, *, context: str) -> bytes:
    """Return what `seal` was given.

    Raises IntegrityError when the bytes are no box of a known version, and when the password or the context
    is another or a bit was changed: these three cannot be told apart.
    """
    if len(box) < _HEADER.size + 16:
        raise IntegrityError(f"The sealed file is too short ({len(box)} bytes): restore it from a backup.")
    magic, version, log_n, r, p, salt, nonce = _HEADER.unpack_from(box)
    if magic != MAGIC or version != VERSION:
        raise IntegrityError(
            "The file is not a sealed box of version 1: it was damaged, or a newer pole wrote it."
        )
    if not (1 <= log_n <= _MAXIMUM_LOG_N and 1 <= r <= _MAXIMUM_R and 1 <= p <= _MAXIMUM_P):
        raise IntegrityError(
            "The sealed file asks for more memory than any box of ours: it was damaged or forged."
        )
    cipher = ChaCha20Poly1305(_key(password, salt, ScryptCost(log_n, r, p)))
    header = box[: _HEADER.size]
    try:
        return cipher.decrypt(nonce, box[_HEADER.size :], header + context.encode())
    except InvalidTag as error:
        raise IntegrityError(
            f"The secret for {context} does not open: the password is wrong, or the file was changed."
        ) from error


def _key(password: str, salt: bytes, cost: ScryptCost) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost.log_n, r=cost.r, p=cost.p).derive(password.encode())
