"""How much memory that it has freed the process keeps."""

import ctypes
from dataclasses import dataclass
from typing import Final

from pole.roles.loop import Role
from pole.roles.ports import Moment

LARGE: Final = 2**22
"""Bytes from which a piece of memory is the system's again when it is freed.

From far less on training would ask for its tensors again at every step.
"""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt (glibc's malloc.h)."""
_ARENAS: Final = 1


def give_back_freed_memory() -> None:
    """Let freed memory go back to the system from now on; elsewhere than on glibc nothing changes.

    glibc otherwise raises its thresholds with what is freed, up to 32 MiB, and gives each thread a heap of
    its own: a worker whose rounds differ, and whose threads come and go, keeps the most that each ever had.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in ((_MMAP_THRESHOLD, LARGE), (_TRIM_THRESHOLD, LARGE), (_ARENA_MAX, _ARENAS)):
        mallopt(parameter, value)


def trim_heap() -> None:
    """Give back what is free within the heap, too; nothing happens elsewhere than on glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass(frozen=True, slots=True)
class TrimmedRole:
    """A role after each of whose deeds the heap is trimmed: a round's data and models are gone by then."""

    role: Role

    def step(self, moment: Moment) -> str | None:
        """Do what is due; see Role."""
        done = self.role.step(moment)
        if done is not None:
            trim_heap()
        return done
