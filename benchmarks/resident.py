"""The memory of a process, as Linux tells it."""

from pathlib import Path
from typing import Final

_KIB: Final = 2**10


def resident(process: int) -> int:
    """Return the bytes of a process that are in memory (RSS), what it shares with others among them."""
    return _row(process, "Rss")


def proportional(process: int) -> int:
    """Return the bytes of a process in memory, those that it shares divided among who has them (PSS)."""
    return _row(process, "Pss")


def _row(process: int, name: str) -> int:
    rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    (row,) = (row for row in rows if row.startswith(f"{name}:"))
    return int(row.split()[1]) * _KIB
