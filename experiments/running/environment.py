"""Where and when something was measured."""

import datetime
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

from pole.ipfe.backend import choose
from pole.learning.training.optimising.precision import has_bfloat16

REPOSITORY: Final = Path(__file__).resolve().parents[2]


def environment(code: str, fast_by: str) -> dict[str, Any]:
    """Return the machine, what it is `fast_by`, its load, versions, the commit `code`, command and date."""
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory_gib()} GiB",
        "instructions": fast_by,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": code,
        "command": command(sys.argv),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def command(arguments: Sequence[str]) -> str:
    """Return the command that measures the same anywhere: where it keeps records is this machine's alone."""
    told = [argument for argument in arguments[1:] if not argument.startswith("--out=")]
    while "--out" in told:
        place = told.index("--out")
        del told[place : place + 2]
    return shlex.join(["python", "-m", f"experiments.{Path(arguments[0]).stem}", *told])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def instructions() -> str:
    """Return what encryption and training are fast by: the kernel's code path, and bfloat16.

    Raises InputError where POLE_IPFE_BACKEND names no code path of this machine.
    """
    return choose().name + (", bfloat16" if has_bfloat16() else "")


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


@cache
def commit() -> str:
    """Return the commit of the code that this process runs, as it was when this was first asked.

    What is checked out later is not what was imported.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = "-changed" if git("status", "--porcelain", "--", "offchain", "experiments/*.py") else ""
        return git("rev-parse", "--short", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "no repository"
