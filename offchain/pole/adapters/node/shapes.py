"""Shapes of JSON values: each takes what a node sent and returns what of it was looked at, or refuses it.

Members of an object that no shape names are left out, so nothing unchecked reaches web3's formatters.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pole.quoting import MAX_QUOTED, one_line, quoted

Shape: TypeAlias = Callable[[Any], Any]
"""Returns the value, or what is known of it; raises ShapeError."""

_QUANTITY: Final = re.compile("0x[0-9a-fA-F]+")
_DATA: Final = re.compile("0x([0-9a-fA-F]{2})*")


class ShapeError(ValueError):
    """A value is not what it must be; the message is a clause that says what was there and what belongs."""


def quantity(size: int) -> Shape:
    """Return the shape of a whole number of at most `size` bytes, in hexadecimal."""

    def read(value: Any) -> Any:
        if not _is_text(value, _QUANTITY) or int(value, 16) >= 256**size:
            raise ShapeError(f"{quoted(value)} is no number of {size} bytes")
        return value

    return read


def data(size: int | None = None) -> Shape:
    """Return the shape of bytes in hexadecimal, of so many where a size is given."""

    def read(value: Any) -> Any:
        if not _is_text(value, _DATA) or (size is not None and len(value) != 2 + 2 * size):
            raise ShapeError(
                f"{quoted(value)} is no {'' if size is None else f'{size} '}bytes in hexadecimal"
            )
        return value

    return read


def text(value: Any) -> Any:
    """Return a text."""
    if not isinstance(value, str):
        raise ShapeError(f"{quoted(value)} is no text")
    return value


def number(value: Any) -> Any:
    """Return a number of JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShapeError(f"{quoted(value)} is no number")
    return value


def optional(shape: Shape) -> Shape:
    """Return the shape of what may be null."""
    return lambda value: None if value is None else shape(value)


def every(shape: Shape) -> Shape:
    """Return the shape of a list whose items have one."""

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise ShapeError(f"{quoted(value)} is no list")
        return [shape(item) for item in value]

    return read


def members(required: Mapping[str, Shape], also: Mapping[str, Shape] | None = None) -> Shape:
    """Return the shape of an object with some members, and perhaps with others, which may be null."""

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ShapeError(f"{quoted(value)} is no object")
        if missing := [name for name in required if name not in value]:
            raise ShapeError(f"{one_line(missing[0], MAX_QUOTED)} is missing")
        found = {name: shape(value[name]) for name, shape in required.items()}
        others = {name: optional(shape)(value[name]) for name, shape in (also or {}).items() if name in value}
        return {**found, **others}

    return read


def _is_text(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
