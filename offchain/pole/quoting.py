"""What strangers say as it may be shown: text quoted, on one line where it is printed, and times."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import chain, islice
from reprlib import Repr
from typing import Final

MAX_LINE: Final = 2000
"""Characters of a message, a line of a log or a cell of a table: more than any sentence of ours has."""

MAX_QUOTED: Final = 80
MAX_LISTED: Final = 6
MAX_REASON: Final = 300
_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999: what a node says may lie beyond every date."""

_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_QUOTED
_SHORT.maxdict = _SHORT.maxlist = MAX_LISTED
_SHORT.maxlevel = 2


def quoted(value: object) -> str:
    """Return a value as Python writes it, shortened in its middle: printable, and never large in memory."""
    return one_line(_SHORT.repr(value))


def listed(names: Iterable[object]) -> str:
    """Return the first names, quoted and joined by commas; "…" stands for the rest, which nobody looks at."""
    shown = [quoted(name) for name in islice(names, MAX_LISTED + 1)]
    return ", ".join([*shown[:MAX_LISTED], "…"] if len(shown) > MAX_LISTED else shown)


def differing(given: Collection[str], expected: Collection[str]) -> str:
    """Return the expected names that are missing, then the given ones that are unknown; "" without any."""
    missing = (name for name in expected if name not in given)
    return listed(chain(missing, (name for name in given if name not in expected)))


def reason(error: BaseException) -> str:
    """Return what an error of another library says, which may hold anything, on one line and shortened."""
    return one_line(str(error), MAX_REASON)


def one_line(text: str, limit: int = MAX_LINE) -> str:
    r"""Return text that a terminal shows as it stands: on one line, of at most `limit` characters.

    What does not print is written as an escape, such as \x1b: control characters, line and paragraph
    separators, marks that turn the direction of writing. What is too long ends with "…".
    """
    shown = "".join(each if each.isprintable() else _escaped(each) for each in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def short_address(address: str) -> str:
    """Return an address so that it fits in a table or a sentence."""
    return f"{address[:6]}…{address[-4:]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def date_of(seconds: int) -> datetime:
    """Return a time in seconds since the epoch, UTC; the last of the year 9999 for any that is beyond it."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)


def utc(seconds: int) -> str:
    """Return a time in seconds since the epoch as a date and time."""
    return date_of(seconds).strftime("%Y-%m-%d %H:%M:%S UTC")
