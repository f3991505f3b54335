"""Amounts of ether as people write them."""

import re
from decimal import Decimal, localcontext
from typing import Final, Self

from pole.errors import InputError
from pole.quoting import quoted

WEI_PER_ETHER: Final = 10**18
ETHER: Final = "ETH"
UNITS: Final = {"wei": 1, "gwei": 10**9, ETHER: WEI_PER_ETHER}
"""The wei of each unit, by the name under which amounts in it are shown."""

_NAMES: Final = {"": ETHER, "eth": ETHER, "ether": ETHER, "gwei": "gwei", "wei": "wei"}
_AMOUNT: Final = re.compile(r"\s*\+?(\d{1,100}\.?\d{0,100}|\.\d{1,100})\s*([a-zA-Z]*)\s*", re.ASCII)


class Amount(int):
    """An amount in wei that remembers the unit it was written in."""

    unit: str

    def __new__(cls, amount: int, unit: str = ETHER) -> Self:
        """Make an amount of so many wei."""
        made = super().__new__(cls, amount)
        made.unit = unit
        return made


def ether(wei: int) -> str:
    """Return an amount of wei in ether, exactly: `1.5 ETH`."""
    return written(wei, ETHER)


def written(wei: int, unit: str) -> str:
    """Return an amount of wei in a unit of UNITS, exactly: `20.5 gwei`."""
    digits = len(str(UNITS[unit])) - 1
    whole, rest = divmod(abs(wei), UNITS[unit])
    fraction = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{'-' if wei < 0 else ''}{whole}{fraction} {unit}"


def unit_of(wei: int) -> str:
    """Return the unit that an amount was written in, ether where nobody wrote it."""
    return wei.unit if isinstance(wei, Amount) else ETHER


def wei(text: str) -> Amount:
    """Return an amount written as a decimal number of ether, or of a unit that follows: `0.1`, `1gwei`.

    Raises InputError when it is no such number, negative, or finer than a wei.
    """
    found = _AMOUNT.fullmatch(text)
    unit = _NAMES.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise InputError(f"{quoted(text)} is no amount of ether: write one such as 0.25, 20gwei or 5 ether.")
    # All the ether there is has 27 digits of wei; the default of 28 would round longer input in silence.
    with localcontext(prec=250):
        amount = Decimal(found[1]) * UNITS[unit]
    if amount != amount.to_integral_value():
        decimals = len(str(UNITS[unit])) - 1
        finest = f"at most {decimals} decimals" if decimals else "no decimals"
        raise InputError(f"{quoted(text)} is no amount of ether that can be paid: {unit} has {finest}.")
    return Amount(int(amount), unit)
