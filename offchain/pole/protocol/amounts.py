"""Amounts of ether as people write them."""

from decimal import Decimal, InvalidOperation, localcontext

from pole.errors import InputError

WEI_PER_ETHER = 10**18


def ether(wei: int) -> str:
    """Return an amount of wei in ether, exactly: `1.5 ETH`."""
    whole, rest = divmod(abs(wei), WEI_PER_ETHER)
    fraction = f".{rest:018d}".rstrip("0") if rest else ""
    return f"{'-' if wei < 0 else ''}{whole}{fraction} ETH"


def wei(text: str) -> int:
    """Return the wei of an amount of ether written as a decimal number.

    Raises InputError when it is no number, negative, or finer than a wei.
    """
    try:
        # All the ether there is has 27 digits of wei; the default of 28 would round longer input in silence.
        with localcontext(prec=120):
            amount = Decimal(text) * WEI_PER_ETHER
    except InvalidOperation as error:
        raise InputError(
            f"{text!r} is no amount of ether: write a decimal number such as 1 or 0.25."
        ) from error
    if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
        raise InputError(f"{text!r} is no amount of ether: it must be positive, with at most 18 decimals.")
    return int(amount)
