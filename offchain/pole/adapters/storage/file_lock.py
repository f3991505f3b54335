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
from pole.roles.support.files import own_disk


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
