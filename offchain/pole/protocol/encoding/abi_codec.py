"""Values as Solidity's ABI has them in bytes, and back (Contract ABI Specification, Solidity 0.8).

The types that the contracts have: uint, address, bool, bytes, string, arrays and structs.
eth-abi says the same, but takes half a second of processor to import, which every command would pay.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pole.protocol.encoding.hashing import address, is_address
from pole.quoting import quoted

WORD: Final = 32

_ELEMENTARY: Final = re.compile("(uint|bytes)([1-9][0-9]*)")
_ARRAY: Final = re.compile(r"(.+)\[([1-9][0-9]*)?\]")


class AbiError(ValueError):
    """A value does not fit its type, or bytes are no encoding of it; the message is a clause."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a type become bytes and back.

    `head` is what the type takes where it stands: an offset of one word where it is dynamic. `decode` takes
    the data and where the value begins, and raises AbiError.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], Any]
    head: int = WORD
    is_dynamic: bool = False


def encode_values(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Return Solidity's `abi.encode` of `values`; raises AbiError when a value does not fit its type."""
    return _encode_members([kind_of(each) for each in types], values)


def decode_values(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Return the values that `data` begins with, structs and arrays as tuples, addresses with their checksum.

    Tails may stand anywhere, as Solidity takes them; padding must be zero. Raises AbiError.
    """
    return _decode_members([kind_of(each) for each in types], data, 0)


@cache
def kind_of(text: str) -> Kind:
    """Return the kind of a canonical type, like `(uint96,bytes32[])[2]`; raises ValueError for others."""
    if array := _ARRAY.fullmatch(text):
        return _array(kind_of(array[1]), None if array[2] is None else int(array[2]))
    if text.startswith("(") and text.endswith(")"):
        return _struct([kind_of(each) for each in _members(text)])
    if text in _SIMPLE:
        return _SIMPLE[text]
    if elementary := _ELEMENTARY.fullmatch(text):
        size = int(elementary[2])
        if elementary[1] == "uint" and size % 8 == 0 and size <= 8 * WORD:
            return _number(size // 8)
        if elementary[1] == "bytes" and size <= WORD:
            return _fixed_bytes(size)
    raise ValueError(f"{quoted(text)} is no type that the contracts have")


def _members(text: str) -> list[str]:
    """Return the types between the brackets of a struct."""
    members, depth = [""], 0
    for letter in text[1:-1]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            members.append("")
        else:
            members[-1] += letter
    return members


def _encode_members(kinds: Sequence[Kind], values: Any) -> bytes:
    """Return heads, then tails."""
    if not _is_sequence(values) or len(values) != len(kinds):
        raise AbiError(f"{quoted(values)} is no sequence of {len(kinds)} values")
    heads, tails, end = [], [], sum(kind.head for kind in kinds)
    for kind, value in zip(kinds, values, strict=True):
        content = kind.encode(value)
        heads.append(end.to_bytes(WORD, "big") if kind.is_dynamic else content)
        if kind.is_dynamic:
            tails.append(content)
            end += len(content)
    return b"".join((*heads, *tails))


def _is_sequence(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str | bytes)


def _decode_members(kinds: Sequence[Kind], data: bytes, start: int) -> tuple[Any, ...]:
    values, at = [], start
    for kind in kinds:
        values.append(kind.decode(data, start + _count(data, at) if kind.is_dynamic else at))
        at += kind.head
    return tuple(values)


def _struct(members: Sequence[Kind]) -> Kind:
    is_dynamic = any(kind.is_dynamic for kind in members)
    return Kind(
        lambda values: _encode_members(members, values),
        lambda data, start: _decode_members(members, data, start),
        head=WORD if is_dynamic else sum(kind.head for kind in members),
        is_dynamic=is_dynamic,
    )


def _array(item: Kind, length: int | None) -> Kind:
    if length is not None:
        return _struct([item] * length)

    def encode(values: Any) -> bytes:
        if not _is_sequence(values):
            raise AbiError(f"{quoted(values)} is no sequence of values")
        return len(values).to_bytes(WORD, "big") + _encode_members([item] * len(values), values)

    def decode(data: bytes, start: int) -> tuple[Any, ...]:
        count = _count(data, start)
        if count * item.head > len(data) - start - WORD:
            raise AbiError(f"{count} items do not fit into the data")
        return _decode_members([item] * count, data, start + WORD)

    return Kind(encode, decode, is_dynamic=True)


def _number(size: int) -> Kind:
    def encode(value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 256**size:
            raise AbiError(f"{quoted(value)} is no whole number of {size} bytes")
        return value.to_bytes(WORD, "big")

    def decode(data: bytes, start: int) -> int:
        value = int.from_bytes(_part(data, start, WORD), "big")
        if value >= 256**size:
            raise AbiError(f"{value} is no number of {size} bytes")
        return value

    return Kind(encode, decode)


def _fixed_bytes(size: int) -> Kind:
    def encode(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise AbiError(f"{quoted(value)} is no {size} bytes")
        return value + bytes(WORD - size)

    return Kind(encode, lambda data, start: _padded(data, start, size))


def _encode_address(value: Any) -> bytes:
    if not is_address(value):
        raise AbiError(f"{quoted(value)} is no address")
    return bytes(WORD - 20) + bytes.fromhex(value[2:])


def _decode_address(data: bytes, start: int) -> str:
    word = _part(data, start, WORD)
    if any(word[:-20]):
        raise AbiError("an address has more than 20 bytes")
    return address(f"0x{word[-20:].hex()}")


def _encode_truth(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise AbiError(f"{quoted(value)} is neither true nor false")
    return int(value).to_bytes(WORD, "big")


def _decode_truth(data: bytes, start: int) -> bool:
    value = int.from_bytes(_part(data, start, WORD), "big")
    if value > 1:
        raise AbiError(f"{value} is neither true nor false")
    return bool(value)


def _encode_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise AbiError(f"{quoted(value)} is no bytes")
    return len(value).to_bytes(WORD, "big") + value + bytes(-len(value) % WORD)


def _decode_bytes(data: bytes, start: int) -> bytes:
    return _padded(data, start + WORD, _count(data, start))


def _encode_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise AbiError(f"{quoted(value)} is no text")
    try:
        return _encode_bytes(value.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise AbiError(f"{quoted(value)} has letters that are none") from error


def _decode_text(data: bytes, start: int) -> str:
    # Contracts do not hold strings to UTF-8: other bytes are kept as in names of files.
    return _decode_bytes(data, start).decode("utf-8", "surrogateescape")


def _count(data: bytes, at: int) -> int:
    return int.from_bytes(_part(data, at, WORD), "big")


def _padded(data: bytes, start: int, size: int) -> bytes:
    whole = _part(data, start, size + -size % WORD)
    if any(whole[size:]):
        raise AbiError("what fills up the last word is not zero")
    return whole[:size]


def _part(data: bytes, start: int, size: int) -> bytes:
    if start + size > len(data):
        raise AbiError("the data ends too early")
    return data[start : start + size]


_SIMPLE: Final = {
    "address": Kind(_encode_address, _decode_address),
    "bool": Kind(_encode_truth, _decode_truth),
    "bytes": Kind(_encode_bytes, _decode_bytes, is_dynamic=True),
    "string": Kind(_encode_text, _decode_text, is_dynamic=True),
}
