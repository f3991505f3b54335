"""Files that are written whole or not at all, so that a kill leaves nothing of what they would hold.

Such a file has no name until it is whole, and is gone with its process before. Where the system has no files
without a name, it has a name of its own, which the next one that is written takes away.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

OPEN_FILES: Final = Path("/proc/self/fd")
"""Where Linux shows a process its open files, by which they get a name."""
UNSUPPORTED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
"""What file systems and kernels answer that have no files without a name."""


def unsaved_name(path: Path) -> Path:
    """Return the name of a file until it is whole, where it has to have one."""
    return path.with_name(f".{path.name}.unsaved")


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write, readable by its owner alone, which takes the place of `path` at the end.

    Where the work within fails, or is killed, `path` is what it was. Raises OSError where it cannot be
    written, FileNotFoundError too where another command wrote it in the meantime.
    """
    unsaved = unsaved_name(path)
    unsaved.unlink(missing_ok=True)
    number = _unnamed(path.parent)
    if number is None:
        number = os.open(unsaved, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        name = _require_at
    else:
        name = _link
    with os.fdopen(number, "wb") as file:
        try:
            yield file
            file.flush()
            name(number, unsaved)
            unsaved.replace(path)
        finally:
            if _is_at(number, unsaved):
                unsaved.unlink()


def _unnamed(folder: Path) -> int | None:
    """Return the number of a new file without a name, None where there are none that get one later."""
    if not hasattr(os, "O_TMPFILE") or not OPEN_FILES.is_dir():
        return None
    try:
        return os.open(folder, os.O_WRONLY | os.O_TMPFILE, 0o600)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return None
        raise


def _link(number: int, path: Path) -> None:
    """Give an open file a name, which is taken away from another one."""
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Only with a folder does Python follow the link to the file, instead of naming the link itself.
        os.link(OPEN_FILES / str(number), path.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _require_at(number: int, path: Path) -> None:
    """Raise FileNotFoundError where the name of an open file was taken away from it."""
    if not _is_at(number, path):
        raise FileNotFoundError(errno.ENOENT, "another command wrote it at the same time", str(path))


def _is_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
