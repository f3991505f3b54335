"""What of a process others on this machine could see: its memory in a core dump, and its files."""

import ctypes
import logging
import os
import resource
import stat
import sys
from pathlib import Path
from typing import Final

LOG: Final = logging.getLogger("pole.machine")

_PR_SET_DUMPABLE: Final = 4
_OTHERS: Final = 0o077


def forbid_core_dumps() -> None:
    """Keep what this process holds from now on, such as keys, out of core dumps, whatever ends it.

    On Linux nobody of the same user can attach to it or read its memory either (prctl(2), PR_SET_DUMPABLE):
    a limit alone would not do, since a kernel that pipes dumps to a program heeds none (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        LOG.warning("The kernel may write this process into a core dump: turn them off (`man 5 core`).")


def make_files_private() -> None:
    """Make every file and folder of this process and its children its owner's alone from now on."""
    os.umask(_OTHERS)


def can_be_entered(folder: Path) -> bool:
    """Return whether others than its owner can enter or list a folder; False where there is none."""
    return folder.is_dir() and bool(folder.stat().st_mode & _OTHERS)


def can_be_read(file: Path) -> bool:
    """Return whether others than its owner can read or change a file; False of a pipe and the like."""
    mode = file.stat().st_mode
    return stat.S_ISREG(mode) and bool(mode & _OTHERS)
