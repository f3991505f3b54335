"""Files of one user: written whole or not at all, and readable by nobody else."""

import errno
import os
import tempfile
from pathlib import Path

from pole.errors import DiskError, InputError
from pole.roles.support.files import make_private_folder, own_disk

_DISK = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What the system says where a disk is full, broken or another's, and not where a path is no folder's."""


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for its owner alone; return it.

    Raises InputError when there can be no such folder, DiskError when this machine cannot make it.
    """
    try:
        make_private_folder(path)
    except OSError as error:
        kind = DiskError if error.errno in _DISK else InputError
        raise kind(
            f"The folder {path} cannot be made ({error.strerror}): choose another with --home."
        ) from error
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 by way of a temporary one.

    It is durable on disk before it takes the place of `path`.
    Raises what `private_folder` raises, and DiskError when the folder or the file cannot be written.
    """
    folder = private_folder(path.parent)
    try:
        # mkstemp makes the file with mode 0600, so the bytes are never readable by others.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    except OSError as error:
        raise DiskError(
            f"The folder {folder} cannot be written ({error.strerror}): choose another with --home."
        ) from error
    try:
        with own_disk(path):
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(folder)


def write_new_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that must not be there yet; it is durable on disk when this returns.

    Raises FileExistsError where there is one, and what `private_folder` and `write_private` raise.
    """
    folder = private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise DiskError(f"The file {path} cannot be written: {error.strerror}.") from error
    try:
        with own_disk(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the folder's list of files durable: without it a power cut can undo a rename.

    Raises DiskError.
    """
    with own_disk(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
