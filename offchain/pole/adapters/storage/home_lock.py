"""Who works in a data folder: any number of commands and workers, or one backup and nobody else.

Each holds `<home>/locks/home.lock` for as long as it lives, and the kernel lets go of it if it dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pole.adapters.storage.private_file import private_folder
from pole.errors import InputError
from pole.quoting import one_line
from pole.roles.support.files import own_disk

LOCK: Final = "home.lock"


@contextmanager
def present_in(home: Path) -> Iterator[None]:
    """Work in a data folder beside others; raises InputError while it is backed up."""
    with _held(home, fcntl.LOCK_SH, f"{home} is being backed up: try again when that is done."):
        yield


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Work in a data folder while nobody else does.

    Raises InputError where somebody does, naming the workers.
    """
    workers = ", ".join(working_in(home))
    who = f"process {workers} works" if workers else "a command works"
    with _held(home, fcntl.LOCK_EX, f"{who} in {home}: stop it first, so that nothing changes meanwhile."):
        yield


def working_in(home: Path) -> list[str]:
    """Return the ids of the processes of workers that hold their lock in a data folder."""
    found = (_holder(path) for path in sorted((home / "locks").glob("*.lock")) if path.name != LOCK)
    return list(dict.fromkeys(holder for holder in found if holder))


@contextmanager
def _held(home: Path, operation: int, otherwise: str) -> Iterator[None]:
    path = private_folder(home / "locks") / LOCK
    with own_disk(path):
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(otherwise[:1].upper() + otherwise[1:]) from error
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str | None:
    """Return the id that the holder of a lock file wrote into it, None where nobody holds it."""
    with own_disk(path):
        descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return one_line(os.pread(descriptor, 32, 0).decode("ascii", "replace")) or None
    finally:
        os.close(descriptor)
    return None
