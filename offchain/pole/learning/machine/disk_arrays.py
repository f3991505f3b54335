"""Arrays that memory need not hold: files without a name, which the system reads and writes as they are used.

Such an array is a mapped file: its pages come and go as memory allows, and its bytes are those of any array.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pole.errors import DiskError

Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
"""Makes an array of a shape and a type whose values are not yet set, to be written and read."""

SMALLEST: Final = 2**26
"""Bytes from which an array is worth a file."""


def in_memory(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array in memory."""
    return np.empty(shape, dtype)


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Makes arrays in files below `folder`, of those that have `smallest` bytes or more; others in memory.

    A file has no name, so that nothing is left of it once its array is dropped, or its process killed. All of
    its room is taken at once: raises DiskError where there is not enough.
    """

    folder: Path
    smallest: int = field(default_factory=lambda: SMALLEST)

    def __call__(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array whose values are not yet set."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if size < max(1, self.smallest):
            return in_memory(shape, dtype)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                os.posix_fallocate(file.fileno(), 0, size)
                return np.asarray(np.memmap(file, dtype=dtype, mode="r+", shape=shape))
        except OSError as error:
            raise DiskError(
                f"{size:,} bytes cannot be kept in {self.folder} ({error.strerror or error}): make room on "
                "this machine's disk."
            ) from error
