"""Types of command-line parameters."""

import click

from pole.adapters.amounts import wei


class Ether(click.ParamType[int]):
    """An amount of ether; the command gets wei."""

    name = "ether"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the amount in wei. Raises InputError when the text is no amount."""
        return value if isinstance(value, int) else wei(value)


ETHER = Ether()
