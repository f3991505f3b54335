"""JSON with one encoding for each value, and readers of its fields.

Keys are sorted, there are no spaces, text is UTF-8, numbers are the shortest that read back the same.

Readers raise IntegrityError with the name of the field; a document in any other encoding of the same value
is refused, so that digests name values and not spellings.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.hashing import address
from pole.quoting import differing, quoted

Document = Mapping[str, Any]

MAX_VALUES: Final = 2**19
"""Values of a document, of which an empty list takes twenty times the memory of its text."""

MAX_CID_LENGTH: Final = 128
_CID = re.compile(r"[A-Za-z0-9]{1,128}")


def write_document(document: Document) -> bytes:
    """Return the canonical bytes; raises InputError for NaN, infinity and what JSON cannot hold."""
    try:
        text = json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"The document cannot be written as JSON: {error}.") from error


def read_document(
    data: bytes, *, kind: str, version: int, fields: Sequence[str], max_bytes: int, renewal: str = ""
) -> Document:
    """Return a document of format `kind` that has exactly `fields` beside `format` and `version`.

    Where the version is another, the error names the command `renewal` that makes a new file.
    """
    if len(data) > max_bytes:
        raise IntegrityError(f"The {kind} file has {len(data)} bytes; at most {max_bytes} are accepted.")
    _require_modest(data, kind)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"The {kind} file is no JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != kind:
        raise IntegrityError(f"The file is no {kind} file.")
    given = document.get("version")
    if type(given) is not int or given != version:
        raise IntegrityError(
            f"The {kind} file has version {quoted(given)}; this PoLe reads {version}"
            f"{renewal and f': make a new one with `{renewal}`'}."
        )
    check_fields(document, ["format", "version", *fields], kind)
    if _encoding_of(document, kind) != data:
        raise IntegrityError(f"The {kind} file is not in canonical encoding (sorted keys, no spaces).")
    return document


def _require_modest(data: bytes, kind: str) -> None:
    """Raise IntegrityError for text that takes much more memory than its bytes, before it is parsed.

    No field of ours holds what JSON escapes, and one wide character makes four bytes of every other.
    """
    if not data.isascii() or b"\\" in data:
        raise IntegrityError(f"The {kind} file is not in canonical encoding (ASCII without escapes).")
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise IntegrityError(f"The {kind} file has more than {MAX_VALUES} values.")


def _encoding_of(document: Document, kind: str) -> bytes:
    try:
        return write_document(document)
    except (InputError, RecursionError) as error:
        raise IntegrityError(f"The {kind} file has no canonical encoding: {error}") from error


def check_fields(value: object, fields: Sequence[str], where: str) -> Document:
    """Return `value` if it is an object with exactly `fields`."""
    if not isinstance(value, dict):
        raise IntegrityError(f"{where} must be an object.")
    odd = differing(value, fields)
    if odd:
        raise IntegrityError(f"{where} has missing or unknown fields: {odd}.")
    return value


def read_whole(document: Document, field: str, *, minimum: int, maximum: int) -> int:
    """Return a whole number within bounds."""
    return checked_whole(document[field], field, minimum=minimum, maximum=maximum)


def checked_whole(value: object, where: str, *, minimum: int, maximum: int) -> int:
    """Return `value` if it is a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise IntegrityError(f"{where} must be a whole number from {minimum} to {maximum}.")
    return value


def read_list(document: Document, field: str, *, maximum: int) -> list[Any]:
    """Return a list of at least one and at most `most` entries."""
    value = document[field]
    if not isinstance(value, list) or not 1 <= len(value) <= maximum:
        raise IntegrityError(f"{field} must be a list of 1 to {maximum} entries.")
    return value


def read_floats(document: Document, field: str, *, maximum: int) -> tuple[float, ...]:
    """Return a list of finite numbers, each written with a decimal point or exponent."""
    values = read_list(document, field, maximum=maximum)
    if not all(isinstance(value, float) and math.isfinite(value) for value in values):
        raise IntegrityError(f"{field} must be a list of finite numbers such as 1.0.")
    return tuple(values)


def read_cid(document: Document, field: str = "cid") -> str:
    """Return a CID: 1 to 128 letters and digits."""
    value = document[field]
    if not isinstance(value, str) or not _CID.fullmatch(value):
        raise IntegrityError(f"{field} must be a CID of 1 to {MAX_CID_LENGTH} letters and digits.")
    return value


def read_hex(document: Document, field: str, *, length: int, prefix: str = "0x") -> bytes:
    """Return `length` bytes written in lower-case hex after `prefix`."""
    content = bytes_in_hex(document[field], prefix)
    if content is None or len(content) != length:
        raise IntegrityError(
            f"{field} must be {length} bytes in lower-case hex, with {prefix or 'no'} prefix."
        )
    return content


def bytes_in_hex(value: object, prefix: str) -> bytes | None:
    """Return the bytes that a value writes in lower-case hex after `prefix`, None where it does not."""
    if not isinstance(value, str) or not value.startswith(prefix):
        return None
    try:
        content = bytes.fromhex(value[len(prefix) :])
    except ValueError:
        return None
    # `fromhex` takes upper case and spaces, too.
    return content if content.hex() == value[len(prefix) :] else None


def read_address(document: Document, field: str) -> str:
    """Return an Ethereum address with its EIP-55 checksum."""
    value = document[field]
    try:
        checksummed = address(value)
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"{field} must be an address.") from error
    if checksummed != value:
        raise IntegrityError(f"{field} must be an address with its EIP-55 checksum.")
    return checksummed
