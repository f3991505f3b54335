"""Files that others wrote, read by libraries that raise whatever comes to them: one sentence for all."""

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from pole.errors import InputError, PoleError
from pole.learning.machine.disk_arrays import SMALLEST
from pole.quoting import reason

MAX_UNPACKED_BYTES: Final = 2**32
"""What a file of data may hold when it is unpacked; a task's samples are no more, either."""
MAPPED_FROM: Final = SMALLEST
"""Bytes from which an array is mapped rather than read."""
CHUNK_BYTES: Final = 2**20
LOCAL_HEADER: Final = struct.Struct("<26xHH")
"""Of an entry of a zip file: the lengths of its name and of its further fields, which follow."""


@contextmanager
def read_as(kind: str, path: Path, remedy: str) -> Iterator[None]:
    """Raise InputError for whatever goes wrong while a file is read as a `kind` such as "workbook".

    Readers of damaged files raise errors of every kind there is, so this is the one place that takes them
    all; our own errors pass as they are.
    """
    try:
        yield
    except PoleError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"There is no file {error.filename or path}; check its name.") from error
    except Exception as error:
        why = reason(error) or type(error).__name__
        raise InputError(f"{path} is no usable {kind} ({why}); {remedy}.") from error


def require_unpacked_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise InputError where the parts of an archive are encrypted, or too large when unpacked.

    What is stored as it is takes on disk what it takes in memory, and surprises nobody.
    """
    if any(part.flag_bits & 1 for part in archive.infolist()):
        raise InputError(f"{path} is encrypted; save it without a password.")
    size = sum(part.file_size for part in archive.infolist() if not _is_stored(part))
    if size > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{path} unpacks to {size:,} bytes, more than the {MAX_UNPACKED_BYTES:,} that PoLe reads; take "
            "fewer rows."
        )


def _is_stored(part: zipfile.ZipInfo) -> bool:
    return part.compress_type == zipfile.ZIP_STORED and part.file_size == part.compress_size


def is_mapped(size: int) -> bool:
    """Return whether an array of so many bytes is stored as it is, and mapped."""
    return size >= MAPPED_FROM


def mapped_entry(path: Path, name: str) -> NDArray[Any] | None:
    """Return an array of an .npz file as a read-only map of the file, None where it has to be read.

    That is so where it is small, compressed, or of a later version of NumPy's format. All of its bytes are
    read once, for its check sum. Raises ValueError and BadZipFile where they are no array of numbers.
    """
    with zipfile.ZipFile(path) as archive:
        if name not in archive.namelist():
            return None
        entry = archive.getinfo(name)
        if not _is_stored(entry) or not is_mapped(entry.file_size):
            return None
        with archive.open(entry) as stream:
            layout = _layout(stream)
            header = stream.tell()
            while stream.read(CHUNK_BYTES):
                pass
    if layout is None:
        return None
    shape, in_columns, kind = layout
    if kind.hasobject or entry.file_size != header + prod(shape) * kind.itemsize:
        raise ValueError(f"{name} holds no plain numbers, or more or fewer than it says")
    start = _content(path, entry) + header
    order: Literal["C", "F"] = "F" if in_columns else "C"
    return np.asarray(np.memmap(path, dtype=kind, mode="r", offset=start, shape=shape, order=order))


def _layout(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]] | None:
    """Return shape, whether column after column, and type of the array that a stream begins."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream) if version == (2, 0) else None


def _content(path: Path, entry: zipfile.ZipInfo) -> int:
    """Return where in a zip file the bytes of an entry begin."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        name, further = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    return int(entry.header_offset + LOCAL_HEADER.size + name + further)
