"""The workers' processes: started, listened to, killed one by one for a test, and stopped all together."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PATIENCE: Final = 10.0

Listener = Callable[[str, str], None]
"""Called with a worker's name and a line of its log."""


@dataclass(slots=True)
class Member:
    """One process and the thread that reads what it says."""

    process: subprocess.Popen[str]
    reader: threading.Thread


@dataclass(slots=True)
class Fleet:
    """Processes by name; leaving the context stops them all, whatever happened."""

    logs: Path
    listener: Listener
    _members: dict[str, Member] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start a process in a session of its own: Ctrl-C reaches it through us alone."""
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        reader = threading.Thread(target=self._listen, args=(name, process), daemon=True)
        reader.start()
        self._members[name] = Member(process, reader)

    def pause(self, name: str) -> None:
        """Stop the clock of a process (SIGSTOP)."""
        _signal(self._members[name].process, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        _signal(self._members[name].process, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """End a process at once, without asking (SIGKILL)."""
        member = self._members.pop(name)
        _signal(member.process, signal.SIGKILL)
        member.process.wait()

    def pid(self, name: str) -> int:
        """Return the number of a process."""
        return self._members[name].process.pid

    def ended(self) -> dict[str, int]:
        """Return the exit codes of the processes that ended by themselves."""
        codes = {name: member.process.poll() for name, member in self._members.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def stop(self) -> dict[str, int]:
        """Ask every process to stop, kill those that do not; return the exit codes."""
        for member in self._members.values():
            # A paused process would not hear it.
            _signal(member.process, signal.SIGCONT)
            _signal(member.process, signal.SIGTERM)
        codes: dict[str, int] = {}
        for name, member in self._members.items():
            try:
                codes[name] = member.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                _signal(member.process, signal.SIGKILL)
                codes[name] = member.process.wait()
            member.reader.join(PATIENCE)
        self._members.clear()
        return codes

    def _listen(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with (self.logs / f"{name}.log").open("a", encoding="utf-8") as log, process.stdout as lines:
            for line in lines:
                log.write(line)
                log.flush()
                self.listener(name, line.rstrip("\n"))


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)
