"""A stream of bytes, encrypted and authenticated as it goes: nothing of it has to fit into memory.

A sealed stream, all integers big-endian:

| bytes | content |
|---|---|
| 8 | `pole.bak` |
| 1 | version, 1 |
| 88 | a sealed box (pole.adapters.wallet.secret_box) of 32 random bytes, the key, in the context `backup` |
| | chunks of 65,536 bytes, the last one of 1 to 65,536, each followed by its tag of 16 |

A chunk is sealed by ChaCha20-Poly1305 (RFC 8439) under the key. Its nonce is its number in 11 bytes, then 1
for the last chunk and 0 for any other; its associated data are the 97 bytes before all chunks. So chunks can
be neither left out, repeated, put elsewhere nor followed by others (STREAM: Hoang, Reyhanitabar, Rogaway and
Vizar, CRYPTO 2015, as age has it). The key is of one stream, so no nonce is used twice.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pole.adapters.wallet.secret_box import STANDARD_COST, ScryptCost, open_box, seal
from pole.errors import IntegrityError

MAGIC: Final = b"pole.bak"
VERSION: Final = 1
CHUNK_BYTES: Final = 2**16
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
_HEADER: Final = struct.Struct(">8sB88s")
_CONTEXT: Final = "backup"


def seal_stream(
    plaintext: Iterable[bytes], password: str, *, cost: ScryptCost = STANDARD_COST
) -> Iterator[bytes]:
    """Yield the sealed stream of the pieces of `plaintext`, of which there is one byte at least."""
    key = secrets.token_bytes(KEY_BYTES)
    header = _HEADER.pack(MAGIC, VERSION, seal(key, password, context=_CONTEXT, cost=cost))
    cipher = ChaCha20Poly1305(key)
    yield header
    for number, (chunk, is_last) in enumerate(_with_last(_chunks(plaintext))):
        yield cipher.encrypt(_nonce(number, is_last=is_last), chunk, header)


def open_stream(sealed: BinaryIO, password: str) -> Iterator[bytes]:
    """Yield the plaintext of a sealed stream, each piece once it is known to be genuine.

    Raises IntegrityError for another password, for what is no sealed stream of a known version, and at the
    first chunk that was changed; at the end where the stream was cut short or goes on.
    """
    header = sealed.read(_HEADER.size)
    if len(header) < _HEADER.size or header[: len(MAGIC)] != MAGIC:
        raise IntegrityError("The file is no backup of pole: it is another file, or was cut short.")
    _, version, box = _HEADER.unpack(header)
    if version != VERSION:
        raise IntegrityError(f"The backup has version {version}; this pole reads {VERSION}: use a newer one.")
    cipher = ChaCha20Poly1305(_key(box, password))
    for number, (chunk, is_last) in enumerate(_with_last(_sealed_chunks(sealed))):
        try:
            yield cipher.decrypt(_nonce(number, is_last=is_last), chunk, header)
        except InvalidTag as error:
            raise _cut_or_changed() from error


def _key(box: bytes, password: str) -> bytes:
    try:
        return open_box(box, password, context=_CONTEXT)
    except IntegrityError as error:
        raise IntegrityError(
            "The backup does not open: the password is wrong, or the file was changed."
        ) from error


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)


def _sealed_chunks(sealed: BinaryIO) -> Iterator[bytes]:
    chunk = sealed.read(CHUNK_BYTES + TAG_BYTES)
    if not chunk:
        raise _cut_or_changed()
    while chunk:
        if len(chunk) <= TAG_BYTES:
            raise _cut_or_changed()
        yield chunk
        chunk = sealed.read(CHUNK_BYTES + TAG_BYTES)


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each chunk, and whether it is the last one."""
    before: bytes | None = None
    for chunk in chunks:
        if before is not None:
            yield before, False
        before = chunk
    if before is not None:
        yield before, True


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _cut_or_changed() -> IntegrityError:
    return IntegrityError("The backup was cut short or changed: use another copy of it.")
