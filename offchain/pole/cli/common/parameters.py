"""Types of command-line parameters."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

import click

from pole.errors import InputError
from pole.protocol.amounts import unit_of, wei, written


class Ether(click.ParamType[int]):
    """An amount of ether, gwei or wei; the command gets wei, which know the unit that was written."""

    name = "ether"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the amount in wei."""
        try:
            return value if isinstance(value, int) else wei(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


class GasPrice(Ether):
    """A price for a unit of gas in wei; one that gas never costs was written without its unit."""

    highest = 10**14

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the price in wei."""
        price = super().convert(value, param, ctx)
        if not 0 < price <= self.highest:
            told = written(price, unit_of(price))
            self.fail(f"{told} for a unit of gas: write it with its unit, as in 900gwei.", param, ctx)
        return price


class Percent(click.ParamType[float]):
    """A share from 0 to 100 percent, with its sign or without it."""

    name = "percent"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the percentage; a bare number between 0 and 1 is taken for neither share nor percentage."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{0,20})?|\.\d{1,20})\s*(%?)\s*", value, re.ASCII)
        number = float(found[1]) if found else -1.0
        if found is None or number > 100:
            self.fail(f"{value!r} is no percentage: write a number such as 95 or 97.5.", param, ctx)
        if 0 < number < 1 and not found[2]:
            whole, reading = f"{100 * number:.6g}", f"{value} reads as {number:g} %"
            self.fail(f"{reading}: write {whole} for {whole} %, or {number:g}% to say that.", param, ctx)
        return number


_PARTS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_NUMBER: Final = r"(\d{1,9}(?:\.\d{1,9})?)"
_LENGTH: Final = re.compile("".join(rf"(?:{_NUMBER}\s*{unit}\s*)?" for unit in _PARTS), re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}", re.ASCII)


class Duration(click.ParamType[float]):
    """A length of time: plain seconds, or parts such as 5m, 1h and 1h30m; the command gets seconds."""

    name = "duration"

    def __init__(self, minimum: float = 0, maximum: float = float("inf")) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        seconds = _seconds(value) if isinstance(value, str) else float(value)
        if seconds is None:
            self.fail(
                f"{value!r} is no duration: write seconds, or parts such as 5m, 1h or 1h30m.", param, ctx
            )
        if not self.minimum <= seconds <= self.maximum:
            bounds = f"at least {self.minimum:g}" if seconds < self.minimum else f"at most {self.maximum:g}"
            self.fail(f"{value!r} is {seconds:g} seconds, but must be {bounds}.", param, ctx)
        return seconds


class Since(click.ParamType[float]):
    """A date in UTC, or a length of time before now; the command gets seconds since the epoch."""

    name = "since"

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return when the time begins that is meant."""
        if not isinstance(value, str):
            return value
        try:
            return datetime.combine(date.fromisoformat(value.strip()), time(), UTC).timestamp()
        except ValueError:
            seconds = _seconds(value)
        if seconds is None:
            self.fail(f"{value!r} is no time: write a date such as 2026-11-29, or 7d for a week.", param, ctx)
        return self._clock() - seconds


class WholeSeconds(Duration):
    """A length of time that contracts count: no part of a second."""

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        seconds = super().convert(value, param, ctx)
        if seconds != int(seconds):
            self.fail(f"{value!r} is {seconds:g} seconds: contracts count whole ones.", param, ctx)
        return int(seconds)


def _seconds(text: str) -> float | None:
    if _SECONDS.fullmatch(text.strip()):
        # Python strips more than it takes around a number, such as the separators of ASCII.
        return float(text.strip())
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    return sum(float(part) * unit for part, unit in zip(found.groups(), _PARTS.values(), strict=True) if part)


ETHER: Final = Ether()
GAS_PRICE: Final = GasPrice()
PERCENT: Final = Percent()
specification_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
data_option = click.option(
    "--data",
    required=True,
    help="iris, digits, breast_cancer, diabetes, languages, mnist, cifar10, or a .pole (`pole data "
    "prepare`) or .npz file of one's own.",
)
seconds_option = click.option(
    "--seconds",
    type=Duration(0.1),
    default=60,
    show_default=True,
    help="Time to train at most for each seed, such as 5m.",
)


MAX_FILE_BYTES = 2**24
"""More than the reader of any file that a parameter names accepts."""


def content_of(path: Path) -> bytes:
    """Return the bytes of a file that a parameter names; raises InputError when it cannot be read.

    Of a longer file than any reader accepts it is the beginning.
    """
    from pole.roles.support.files import read_bounded

    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from error
