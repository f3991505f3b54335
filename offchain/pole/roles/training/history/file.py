"""The history of a miner's trainings in its file; whatever becomes of the file, training goes on."""

import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pole.errors import DiskError, IntegrityError
from pole.quoting import reason
from pole.roles.support.files import make_private_folder, write_whole
from pole.roles.training.history.trainings import (
    MAX_BYTES,
    MAX_CHECKS,
    Check,
    Ending,
    Start,
    Training,
    begun,
    bounded,
    line_of_check,
    line_of_ending,
    read_history,
    thinned,
)

LOG: Final = logging.getLogger("pole.training")

NAME: Final = "history.jsonl"
"""Of the file, in the folder of the checkpoints."""


@dataclass(slots=True)
class HistoryFile:
    """Keeps how the trainings of one miner go; `now` tells seconds since 1970, `learner` what it learns by.

    Nothing is raised: a disk that is full, or a file that is something else, is told once in the log.
    """

    path: Path
    now: Callable[[], float]
    learner: str
    _start: Start | None = field(default=None, init=False)
    _checks: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)
    _stride: int = field(default=1, init=False)
    _is_torn: bool = field(default=False, init=False)
    _has_complained: bool = field(default=False, init=False)

    def begin(self, start: Start) -> None:
        """Keep that a training begins, or goes on."""
        self._start, self._stride = start, 1
        self._write_anew(start)

    def note(self, check: Check) -> None:
        """Keep a check of the training that began last; of a long one not every epoch's."""
        if self._start is None or check.epoch % self._stride:
            return
        self._append(line_of_check(self._start, replace(check, time=int(self.now()))))
        self._checks += 1
        if self._checks > MAX_CHECKS:
            self._stride *= 2
            self._write_anew(None)

    def end(self, ending: Ending) -> None:
        """Keep how the training that began last ended."""
        if self._start is not None:
            self._append(line_of_ending(self._start, replace(ending, time=int(self.now()))))

    def _append(self, line: bytes) -> None:
        if self._bytes + len(line) >= MAX_BYTES:
            self._write_anew(None)
        try:
            # What a full disk left of a line ends here, so that it takes no other with it.
            written = append_line(self.path, b"\n" + line if self._is_torn else line)
        except OSError as error:
            self._is_torn = True
            self._complain(error)
            return
        self._is_torn = False
        self._bytes += written

    def _write_anew(self, start: Start | None) -> None:
        """Write the file again within its bounds, with a training that begins, if one does."""
        try:
            trainings = self._kept()
            if start is not None:
                trainings = begun(trainings, start, int(self.now()))
            content = bounded(trainings, MAX_BYTES // 2)
            write_whole(self.path, content)
        except (OSError, DiskError) as error:
            self._complain(error)
            return
        self._bytes, self._is_torn = len(content), False
        self._checks = len(thinned(trainings[-1]).checks) if trainings else 0

    def _kept(self) -> tuple[Training, ...]:
        try:
            return read_history(read_kept(self.path))
        except (FileNotFoundError, IntegrityError):
            return ()

    def _complain(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            LOG.warning(
                "How trainings go is not kept (%s): make room on the disk, or see what %s is. Training goes "
                "on.",
                reason(error),
                self.path,
            )


def append_line(path: Path, line: bytes) -> int:
    """Add a line to the end of a regular file, which is made for its owner alone; return its bytes.

    Raises OSError where that cannot be, or not all of it was written.
    """
    make_private_folder(path.parent)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(path, flags, 0o600)
    try:
        require_regular(file)
        written = os.write(file, line)
    finally:
        os.close(file)
    if written < len(line):
        raise OSError(f"{written} of {len(line)} bytes were written")
    return written


def read_kept(path: Path | str, folder: int | None = None) -> bytes:
    """Return a history's bytes, MAX_BYTES + 1 of a longer one, which its reader refuses.

    `folder` is a descriptor of the folder that `path` counts from. Raises OSError for what is not there or
    cannot be read, and for what is no regular file, as a link.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        require_regular(file)
        with open(file, "rb", closefd=False) as opened:
            return opened.read(MAX_BYTES + 1)
    finally:
        os.close(file)


def require_regular(file: int) -> None:
    """Raise OSError where a descriptor is of no regular file."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError("it is no regular file")
