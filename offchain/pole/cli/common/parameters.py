"""Types of command-line parameters."""

from pathlib import Path

import click

from pole.errors import InputError
from pole.protocol.amounts import wei


class Ether(click.ParamType[int]):
    """An amount of ether; the command gets wei."""

    name = "ether"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the amount in wei. Raises InputError when the text is no amount."""
        return value if isinstance(value, int) else wei(value)


ETHER = Ether()
data_option = click.option(
    "--data",
    required=True,
    help="iris, digits, breast_cancer, diabetes, languages, mnist, cifar10, or a .pole (`pole data "
    "prepare`) or .npz file of one's own.",
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
