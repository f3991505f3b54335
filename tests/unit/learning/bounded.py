"""Code run in a process that may have only so much memory of its own."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[3]
PREAMBLE = """
import resource


def bound(mebibytes):
    # What a process shares with a file is not counted, since the system takes it back when it needs the room.
    used = next(
        int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")
    )
    resource.setrlimit(resource.RLIMIT_DATA, ((used + mebibytes * 1024) * 1024,) * 2)


"""


def ends_well(code: str, *arguments: object) -> bool:
    """Return whether code ends without error that calls `bound(mebibytes)` once it has imported all."""
    ended = subprocess.run(
        [sys.executable, "-c", PREAMBLE + dedent(code), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    assert ended.returncode == 0 or "MemoryError" in ended.stderr or "malloc" in ended.stderr, ended.stderr
    return ended.returncode == 0
