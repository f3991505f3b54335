"""What was measured, as JSON lines: one record for each size, setting and seed, appended when it is there.

A file is never rewritten, so a run that was interrupted loses the measurement under way and no other.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from pole.errors import DiskError


class Size(StrEnum):
    """How much is measured: seconds for a test, what two cores do in hours, or what the paper did."""

    QUICK = "quick"
    REDUCED = "reduced"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement: `measured` holds its numbers, `environment` the machine, date, commit and command."""

    experiment: str
    size: Size
    setting: str
    seed: int
    measured: Mapping[str, Any]
    environment: Mapping[str, Any]
    seconds: float

    @property
    def key(self) -> tuple[Size, str, int]:
        """Return what no two records of an experiment share."""
        return self.size, self.setting, self.seed


def read(path: Path) -> list[Record]:
    """Return the records of a file, none where there is no file; a line that was cut off is left out."""
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    documents = [json.loads(line) for line in whole.splitlines()]
    return [Record(**{**document, "size": Size(document["size"])}) for document in documents]


def append(path: Path, record: Record) -> bool:
    """Add a record, on disk when this returns; a line that was cut off before it is removed.

    Returns whether it was added: a record with its key that another command wrote meanwhile stays. Raises
    DiskError where the file cannot be written.
    """
    line = json.dumps(asdict(record), separators=(",", ":"), allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            # Another command that measures waits until the file is closed.
            flock(file, LOCK_EX)
            if record.key in {each.key for each in read(path)}:
                return False
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DiskError(
            f"The record cannot be written to {path} ({error.strerror}): make room, or check who owns it; "
            "the same command then measures it again, from the last checkpoint where one was kept."
        ) from error
    return True


def best_size(records: Iterable[Record]) -> list[Record]:
    """Return for each setting the records of the largest size that there is."""
    order = list(Size)
    found: dict[str, list[Record]] = {}
    for record in records:
        kept = found.setdefault(record.setting, [])
        if kept and order.index(record.size) > order.index(kept[0].size):
            kept.clear()
        if not kept or record.size is kept[0].size:
            kept.append(record)
    return [record for kept in found.values() for record in kept]
