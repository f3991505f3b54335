"""Mutations: a valid input changed in its bytes, its JSON or its tensor header, a few times over."""

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

LENGTH_BYTES: Final = 8
STRANGE: Final = (
    "",
    "\x00",
    "\x1b[2K\r",
    "\x7f\x85\x9b",
    "\u202e\u2028\u200e",
    "\ud800",
    "😀",
    "é",
    "%s{0}{x}",
    "x" * 3000,
    "0x" + "00" * 40,
    "__proto__",
)
NUMBERS: Final = (0, -1, 1, 2**31, 2**32, 2**63, 2**64, 2**256, -(2**255), 10**400, 1e308, -0.0, 0.5, 1e-320)
RAW_NUMBERS: Final = (b"NaN", b"Infinity", b"-0", b"1e999", b"9" * 5000, b"1.0", b"01", b"-1", b"1E400")

Change = Callable[[Random, bytes], bytes]


def mutated(random: Random, valid: Sequence[bytes]) -> bytes:
    """Return one of the valid inputs after one to four changes, the more of them the rarer."""
    data = random.choice(valid)
    while True:
        data = random.choice(CHANGES)(random, data)
        if random.random() < 0.5:
            return data if random.random() > 0.02 else random.choice(valid)


def flip_bits(random: Random, data: bytes) -> bytes:
    """Flip up to eight bits."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 8) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def set_byte(random: Random, data: bytes) -> bytes:
    """Set a byte to a value at a bound."""
    at = random.randrange(len(data) + 1)
    return (
        data[:at] + random.choice((b"\x00", b"\xff", b"\x7f", b"\x80", b'"', b"\\", b"\n")) + data[at + 1 :]
    )


def cut(random: Random, data: bytes) -> bytes:
    """Leave a part out."""
    first, last = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:first] + data[last:] if random.random() < 0.5 else data[:first]


def repeat(random: Random, data: bytes) -> bytes:
    """Put a part in again, up to a few hundred times."""
    first, last = sorted(random.randrange(len(data) + 1) for _ in range(2))
    times = min(random.choice((1, 2, 300)), 1 + 2**17 // max(1, last - first))
    return data[:last] + data[first:last] * times + data[last:]


def insert(random: Random, data: bytes) -> bytes:
    """Put random bytes or strange text in."""
    at = random.randrange(len(data) + 1)
    text = random.choice(STRANGE).encode(errors="surrogatepass")
    return (
        data[:at] + (text if random.random() < 0.5 else random.randbytes(random.randint(1, 64))) + data[at:]
    )


def change_number(random: Random, data: bytes) -> bytes:
    """Write another number in the place of one that stands there in digits."""
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return set_byte(random, data)
    number = random.choice(found)
    other = random.choice(RAW_NUMBERS) if random.random() < 0.5 else str(random.choice(NUMBERS)).encode()
    return data[: number.start()] + other + data[number.end() :]


def nest(random: Random, data: bytes) -> bytes:
    """Put deep brackets around a part, or in its place, closed or not."""
    depth, at = random.choice((5, 200, 990, 100_000)), random.randrange(len(data) + 1)
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    inner = random.choice((b"", b"0", data[at:]))
    return data[:at] + opening * depth + inner + (closing * depth if random.random() < 0.5 else b"")


def change_json(random: Random, data: bytes) -> bytes:
    """Change a value, a field's name, or the fields of a JSON document, or of a tensor file's header."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    is_tensors = (
        LENGTH_BYTES + 2 <= LENGTH_BYTES + length <= len(data)
        and data[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"
    )
    text, rest = (
        (data[LENGTH_BYTES : LENGTH_BYTES + length], data[LENGTH_BYTES + length :])
        if is_tensors
        else (data, b"")
    )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return flip_bits(random, data)
    written = _json_of(random, _changed(random, document))
    if not is_tensors:
        return written
    written += b" " * (-len(written) % LENGTH_BYTES)
    return len(written).to_bytes(LENGTH_BYTES, "little") + written + rest


def change_length(random: Random, data: bytes) -> bytes:
    """Let the first eight bytes claim another length."""
    claimed = random.choice((0, 1, 2, len(data), len(data) - 8, 2**18, 2**18 + 1, 2**32, 2**63, 2**64 - 1))
    return max(0, claimed).to_bytes(LENGTH_BYTES, "little") + data[LENGTH_BYTES:]


def _json_of(random: Random, document: Any) -> bytes:
    ascii_only, sort = random.random() < 0.2, random.random() < 0.9
    separators = (",", ":") if random.random() < 0.9 else None
    try:
        text = json.dumps(document, ensure_ascii=ascii_only, sort_keys=sort, separators=separators)
    except (ValueError, RecursionError):
        return b"{}"
    return text.encode(errors="surrogatepass")


def _changed(random: Random, document: Any) -> Any:
    """Return the document with one thing changed, at a random depth."""
    if isinstance(document, dict) and document and random.random() < 0.8:
        name = random.choice(list(document))
        change = random.random()
        if change < 0.15:
            return {key: value for key, value in document.items() if key != name}
        if change < 0.3:
            return document | {random.choice(STRANGE): _value(random)}
        if change < 0.35:
            return document | {f"{number:x}": 0 for number in range(random.choice((3, 3000)))}
        return document | {name: _changed(random, document[name])}
    if isinstance(document, list) and document and random.random() < 0.8:
        at = random.randrange(len(document))
        if random.random() < 0.2:
            return document * random.choice((0, 2, 500))
        return [*document[:at], _changed(random, document[at]), *document[at + 1 :]]
    return _value(random)


def _value(random: Random) -> Any:
    kind = random.randrange(6)
    if kind == 0:
        return random.choice((None, True, False, [], {}, [[]], [None] * 1000))
    if kind == 1:
        return random.choice(STRANGE)
    if kind == 2:
        return random.choice(NUMBERS)
    if kind == 3:
        value: Any = random.choice(STRANGE[:3])
        for _ in range(random.choice((3, 100, 900))):
            value = [value] if random.random() < 0.5 else {"a": value}
        return value
    if kind == 4:
        return random.choice(("train", "test", "OK", "Payouts", "U8", "F32", "Linear", "scrypt", "pole.body"))
    return random.choice(
        ("0x", "0X00", "0x0", "00" * 32, "0x" + "Aa" * 20, "0x" + "00" * 20, "0x" + "ff" * 32)
    )


CHANGES: Final[tuple[Change, ...]] = (
    flip_bits,
    set_byte,
    cut,
    repeat,
    insert,
    change_number,
    nest,
    change_length,
    change_json,
    change_json,
    change_json,
)
