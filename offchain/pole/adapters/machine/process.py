"""Processes that outlive the command that started them.

Each in a group of its own, known by a file with its id and start time.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pole.adapters.storage.private_file import private_folder, write_private
from pole.errors import InputError


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours: its id, when the kernel says it started, and what we noted about it."""

    pid: int
    started: str
    notes: Mapping[str, str]


def start_process(command: list[str], *, record: Path, log: Path, notes: Mapping[str, str]) -> Process:
    """Start a command apart from this terminal, and write down in `record` which process it is.

    Its output is appended to `log`.
    Raises InputError when the program is not there.
    """
    private_folder(log.parent)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        pid = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
    except OSError as error:
        raise InputError(
            f"{command[0]} cannot be started ({error.strerror}): install it, or run `make setup`."
        ) from error
    return note_process(pid, record=record, notes=notes)


def note_process(pid: int, *, record: Path, notes: Mapping[str, str]) -> Process:
    """Write down in `record` which process this id means now, for `running_process`; return it."""
    process = Process(pid, start_time(pid) or "", dict(notes))
    content = {"pid": process.pid, "started": process.started, "notes": process.notes}
    write_private(record, json.dumps(content).encode())
    return process


def running_process(record: Path) -> Process | None:
    """Return the process that `record` names if it still runs.

    Another that got its id meanwhile started at another time.
    """
    try:
        content = json.loads(record.read_bytes())
        process = Process(int(content["pid"]), str(content["started"]), dict(content["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if start_time(process.pid) == process.started else None


def stop_process(record: Path, *, patience: float = 15) -> bool:
    """Stop the process that `record` names, and its group; return whether there was one.

    It is asked first and killed when it has not ended within `patience` seconds.
    """
    process = running_process(record)
    if process is not None:
        _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while _runs(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _runs(process):
            _signal(process, signal.SIGKILL)
    record.unlink(missing_ok=True)
    return process is not None


def start_time(pid: int) -> str | None:
    """Return when the process started, in words only fit for comparison.

    None when there is no such process.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The program's name, in brackets, may hold spaces; 20 fields after it is the start (proc(5)).
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    listed = subprocess.run(  # noqa: S603
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.strip() or None


def _runs(process: Process) -> bool:
    _reap(process.pid)
    return start_time(process.pid) == process.started


def _reap(pid: int) -> None:
    # Only a child of this very process needs it: others are reaped by whoever adopted them.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
