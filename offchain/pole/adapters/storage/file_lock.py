"""A lock on a file, for which processes and threads wait: of a wallet's nonces, of a new journal.

`flock` and not filelock, which polls for the same lock: of three processes that hold it for 20 ms each, time
after time, one waits 3 s, where none waits more than 61 ms in the kernel's queue (`benchmarks.libraries`, 2
cores, 2026-11-28).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pole.adapters.storage.private_file import private_folder
from pole.errors import InputError
from pole.quoting import one_line
from pole.roles.support.files import own_disk


@contextmanager
def sole_holder(path: Path, work: str) -> Iterator[None]:
    """Hold the lock file at `path`, which names this process, for as long as `work` goes on.

    Raises InputError at once, naming the process, where another holds it, and DiskError where the file cannot
    be written.
    """
    private_folder(path.parent)
    with own_disk(path):
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = one_line(os.pread(descriptor, 32, 0).decode("ascii", "replace")) or "another"
            raise InputError(
                f"{work} already, process {holder}: stop that one first, or use another wallet."
            ) from None
        with own_disk(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock file at `path` by `sole_holder`. Raises DiskError."""
    with own_disk(path):
        if not path.exists():
            return False
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; waits while another process or thread holds it.

    The kernel releases it if we die. Raises DiskError where the file cannot be made.
    """
    private_folder(path.parent)
    with own_disk(path):
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
