"""Where and when something was measured."""

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import torch

REPOSITORY: Final = Path(__file__).resolve().parents[2]


def environment() -> dict[str, Any]:
    """Return the machine, its load, the versions, the commit, the command and the date."""
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory_gib()} GiB",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": _commit(),
        "command": f"python -m experiments.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}".strip(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = "-changed" if git("status", "--porcelain", "--", "offchain", "experiments/*.py") else ""
        return git("rev-parse", "--short", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "no repository"
