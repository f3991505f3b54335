"""Files that others wrote, read by libraries that raise whatever comes to them: one sentence for all."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pole.errors import InputError, PoleError
from pole.quoting import reason

MAX_UNPACKED_BYTES: Final = 2**32
"""What a file of data may hold when it is unpacked; a task's samples are no more, either."""


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
    """Raise InputError where the parts of an archive are encrypted, or too large when unpacked."""
    if any(part.flag_bits & 1 for part in archive.infolist()):
        raise InputError(f"{path} is encrypted; save it without a password.")
    size = sum(part.file_size for part in archive.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{path} unpacks to {size:,} bytes, more than the {MAX_UNPACKED_BYTES:,} that PoLe reads; take "
            "fewer rows."
        )
