"""The memory and processor time of a process, as Linux tells it."""

from pathlib import Path
from typing import Final

_KIB: Final = 2**10


def resident(process: int) -> int:
    """Return the bytes of a process that are in memory (RSS), what it shares with others among them."""
    return _row(process, "Rss")


def proportional(process: int) -> int:
    """Return the bytes of a process in memory, those that it shares divided among who has them (PSS)."""
    return _row(process, "Pss")


def highest(process: int) -> int:
    """Return the most bytes that a process ever had in memory (VmHWM)."""
    return _row(process, "VmHWM", "status")


def processor(process: int) -> float:
    """Return the seconds that the threads of a process have run."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in threads) / 1e9


def _row(process: int, name: str, file: str = "smaps_rollup") -> int:
    rows = Path(f"/proc/{process}/{file}").read_text().splitlines()
    (row,) = (row for row in rows if row.startswith(f"{name}:"))
    return int(row.split()[1]) * _KIB
