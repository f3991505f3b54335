"""The workers of a fleet as processes: started, watched, started again when they fail, ended all together."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from pole.adapters.machine.fleet.draining import ASKING, DRAIN, DRAINING, RENEW
from pole.adapters.machine.fleet.request_files import Request, Requests
from pole.adapters.machine.fleet.restarts import STAYS_DOWN, Restarts
from pole.adapters.machine.process import note_process
from pole.errors import InputError, PoleError
from pole.quoting import one_line

READER_PATIENCE: Final = 5.0
"""Seconds to wait for the last lines of a worker that has ended: a process of its own may hold the pipe."""

Say = Callable[[str, str], None]
"""Called with a worker's name and one line, from any thread."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run under a name: command and environment, and the file that says which process it is."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    record: Path


@dataclass(slots=True)
class Watch:
    """Watches one program until `stopping`: a thread starts it, reads what it says, and waits for its end.

    `code` is the exit code with which it was left alone, None while it is served; `awake` cuts a pause short.
    A program that is `draining` is started again where it fails, to bring to its end what is at stake, and
    one that is `renewing` once it has ended in whatever way.
    """

    program: Program
    restarts: Restarts
    say: Say
    stopping: threading.Event
    code: int | None = None
    draining: bool = False
    renewing: bool = False
    awake: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    @property
    def is_served(self) -> bool:
        """Return whether the program runs, or is to be started again."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to serve the program, unless it is served or everything is to end."""
        if not self.is_served and not self.stopping.is_set():
            self.code, self.draining, self.renewing = None, False, False
            self._thread = threading.Thread(target=self._serve, name=self.program.name, daemon=True)
            self._thread.start()

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the process, where one runs; whoever calls this holds the lock."""
        if self._process is not None:
            self._process.send_signal(number)

    def drain(self) -> None:
        """Have the program drain: it stays down then."""
        with self._lock:
            is_asked, self.draining, self.renewing = self.draining, True, False
            if not is_asked:
                self._send(DRAIN)
        if not is_asked:
            self.say(self.program.name, "is asked to take on nothing new, and to end.")
            self.awake.set()

    def renew(self) -> None:
        """Have the program end as soon as it has nothing at stake, and start it anew then."""
        with self._lock:
            is_asked, self.renewing = self.draining or self.renewing, True
            if not is_asked:
                self._send(RENEW)
        if not is_asked:
            self.say(self.program.name, "is asked to end for another start.")
            self.awake.set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, where one runs."""
        with self._lock:
            self._send(number)

    def join(self, seconds: float) -> bool:
        """Wait until the program is not served any more; return whether that is so."""
        if self._thread is not None:
            self._thread.join(max(seconds, 0))
        return not self.is_served

    def _serve(self) -> None:
        failures = 0
        # What is started inherits it: pole.cli.shell.signals unblocks them, and until then none is lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
        while not self.stopping.is_set():
            began = time.monotonic()
            code = self._run()
            if code == 0 and self.renewing and not self.stopping.is_set():
                self.draining, self.renewing, failures = False, False, 0
                continue
            if code in STAYS_DOWN or self.stopping.is_set():
                self._leave(code)
                return
            failures = self.restarts.failures(failures, time.monotonic() - began)
            pause = self.restarts.pause(failures)
            self.say(self.program.name, f"ended ({end_of(code)}); starting it again in {pause:g} s.")
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        self.awake.clear()
        # Who stops sets this first and awakes afterwards.
        if not self.stopping.is_set():
            self.awake.wait(seconds)

    def _leave(self, code: int) -> None:
        self.code = code
        advice = "" if code != InputError.exit_code else ": it is not started again, correct what it said"
        self.say(self.program.name, f"ended ({end_of(code)}){advice}.")

    def _run(self) -> int:
        """Run the program once, to its end; return its exit code, negative for the signal that ended it."""
        try:
            with self._lock:
                process = self._process = self._started()
        except OSError as error:
            self.say(self.program.name, f"cannot be started: {error.strerror}.")
            return InputError.exit_code
        if self.stopping.is_set():
            process.send_signal(signal.SIGTERM)
        self._note(process.pid)
        self.say(self.program.name, f"started, process {process.pid}.")
        reader = threading.Thread(target=self._listen, args=(process.stdout,), daemon=True)
        reader.start()
        _end_group(process)
        with self._lock:
            self._process = None
        code = process.wait()
        reader.join(READER_PATIENCE)
        self.program.record.unlink(missing_ok=True)
        return code

    def _started(self) -> "subprocess.Popen[str]":
        """Start the program. One that failed while it was to be renewed is renewed by that."""
        self.renewing = self.renewing and self.draining
        return subprocess.Popen(  # noqa: S603 - a command of the fleet's file
            list(self.program.command),
            env=dict(self.program.environment) | ({DRAINING: "1"} if self.draining else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _note(self, pid: int) -> None:
        try:
            note_process(pid, record=self.program.record, notes={"name": self.program.name})
        except PoleError as error:
            # It runs, and is watched, all the same.
            self.say(self.program.name, str(error))

    def _listen(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self.say(self.program.name, one_line(line.rstrip("\n")))


class Supervisor:
    """Serves programs until it is told to stop.

    Each runs in a session of its own, so that a Ctrl-C on the terminal reaches it through us alone.
    """

    def __init__(self, programs: Sequence[Program], restarts: Restarts, say: Say) -> None:
        self._stopping = threading.Event()
        self._renewing: set[str] = set()
        self._watches = [Watch(program, restarts, say, self._stopping) for program in programs]

    def start(self) -> None:
        """Start every program."""
        for watch in self._watches:
            watch.start()

    def heed(self, requests: Requests) -> None:
        """Do what others asked for: a request is gone when it is done."""
        for watch in self._watches:
            name = watch.program.name
            if requests.has(name, Request.DRAIN):
                if watch.is_served:
                    watch.drain()
                else:
                    requests.drop(name, Request.DRAIN)
            if requests.has(name, Request.RENEW) and self._renew(watch):
                requests.drop(name, Request.RENEW)

    def _renew(self, watch: Watch) -> bool:
        """Go on with renewing a program; return whether that is done."""
        name = watch.program.name
        if name in self._renewing:
            is_done = not (watch.is_served and watch.renewing)
            if is_done:
                self._renewing.discard(name)
            return is_done
        if watch.is_served:
            self._renewing.add(name)
            watch.renew()
            return False
        watch.start()
        return True

    def is_served(self) -> bool:
        """Return whether any program runs, or is to be started again."""
        return any(watch.is_served for watch in self._watches)

    def stop(self, patience: float) -> None:
        """Ask every program to end, and kill what has not ended within so many seconds."""
        self._stopping.set()
        for watch in self._watches:
            watch.awake.set()
            watch.signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        late = [watch for watch in self._watches if not watch.join(deadline - time.monotonic())]
        for watch in late:
            watch.signal(signal.SIGKILL)
        for watch in late:
            watch.join(2 * READER_PATIENCE)

    def codes(self) -> dict[str, int]:
        """Return by name the exit codes of the programs that ended and were left alone."""
        return {watch.program.name: watch.code for watch in self._watches if watch.code is not None}


def end_of(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"by {names.get(-code, f'signal {-code}')}"


def _end_group(process: subprocess.Popen[str]) -> None:
    """Wait for a process's end, and kill what it left running in its session."""
    # The dead leader is not reaped yet, so nobody else can have its number.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
