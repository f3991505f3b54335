"""Passwords of wallets, out of files."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from pathlib import Path

from pole.errors import InputError


def password_in(path: Path, warn: Callable[[str], None]) -> str:
    """Return the password on the first line of a file; `warn` is told where others can read it.

    Raises InputError where the file cannot be read or is empty.
    """
    from pole.adapters.machine.exposure import can_be_read

    try:
        content = path.read_bytes()
        # Editors of some systems begin a file with the mark of its encoding, which is no part of a password.
        is_wide = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        lines = content.decode("utf-16" if is_wide else "utf-8-sig").splitlines()
        if can_be_read(path):
            warn(f"others can read {path}: chmod 600 {path}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The password file {path} cannot be read ({error}): give another --password-file."
        ) from error
    if not lines or not lines[0]:
        raise InputError(f"The password file {path} is empty: write the wallet's password on its first line.")
    return lines[0]
