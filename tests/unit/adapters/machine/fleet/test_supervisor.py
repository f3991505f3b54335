"""Programs that are served: what ends them, what starts them again, and what they leave behind."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pole.adapters.machine.fleet.request_files import Request, Requests
from pole.adapters.machine.fleet.restarts import Restarts
from pole.adapters.machine.fleet.supervisor import Program, Supervisor, end_of
from pole.adapters.machine.process import running_process, start_time

SOON = Restarts(0.05, 0.2)
NEVER = Restarts(1000, 1000)
PATIENCE = 20.0
WAITS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGUSR1, lambda *_: (print("drains", flush=True), sys.exit(0)))
signal.signal(signal.SIGUSR2, lambda *_: (print("leaves", flush=True), sys.exit(0)))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
print("ready", os.environ.get("POLE_DRAINING", "-"), flush=True)
time.sleep(1000)
"""


class Heard:
    """What programs said, by name and line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for said, line in self.lines if said == name]


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def program(folder: Path, name: str, script: str) -> Program:
    return Program(name, [sys.executable, "-c", script], dict(os.environ), folder / f"{name}.json")


@contextmanager
def served(heard: Heard, *programs: Program, restarts: Restarts = SOON) -> Iterator[Supervisor]:
    supervisor = Supervisor(programs, restarts, heard.say)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop(PATIENCE)


def test_one_that_fails_is_started_again_until_it_ends_well(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = (
        "import sys, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "count.open('a').write('x')\n"
        "sys.exit(3 * (count.read_text() != 'xxx'))"
    )
    heard = Heard()
    with served(heard, program(tmp_path, "a", script)) as supervisor:
        soon(lambda: not supervisor.is_served())
    assert count.read_text() == "xxx"
    assert supervisor.codes() == {"a": 0}
    assert heard.of("a").count("ended (exit code 3); starting it again in 0.05 s.") == 1
    assert heard.of("a").count("ended (exit code 3); starting it again in 0.1 s.") == 1


def test_one_whose_configuration_is_bad_is_left_alone_and_the_others_are_served(tmp_path: Path) -> None:
    heard = Heard()
    bad = program(tmp_path, "bad", "import sys; print('error: no wallet'); sys.exit(2)")
    missing = Program("missing", [str(tmp_path / "nothing")], {}, tmp_path / "missing.json")
    with served(heard, bad, missing, program(tmp_path, "good", WAITS)) as supervisor:
        soon(lambda: len(supervisor.codes()) == 2 and "ready -" in heard.of("good"))
        assert supervisor.is_served()
    assert supervisor.codes() == {"bad": 2, "missing": 2, "good": 0}
    assert "error: no wallet" in heard.of("bad")
    assert heard.of("bad")[-1] == "ended (exit code 2): it is not started again, correct what it said."


def test_one_that_was_killed_comes_back_as_another_process(tmp_path: Path) -> None:
    heard, one = Heard(), program(tmp_path, "a", WAITS)
    with served(heard, one):
        soon(lambda: "ready -" in heard.of("a"))
        first = running_process(one.record)
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        soon(lambda: heard.of("a").count("ready -") == 2)
        second = running_process(one.record)
        assert second is not None
        assert second.pid != first.pid
    assert "ended (by SIGKILL); starting it again in 0.05 s." in heard.of("a")
    assert not one.record.exists()


def test_what_a_program_left_running_ends_with_it(tmp_path: Path) -> None:
    child = "import time; time.sleep(1000)"
    script = (
        "import subprocess, sys, os\n"
        f"print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True)\n"
        "os._exit(0)"
    )
    heard = Heard()
    with served(heard, program(tmp_path, "a", script)) as supervisor:
        soon(lambda: not supervisor.is_served())
    pid = int(next(line for line in heard.of("a") if line.isdigit()))
    soon(lambda: start_time(pid) is None)


def test_one_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(1000)"
    )
    heard = Heard()
    supervisor = Supervisor([program(tmp_path, "a", deaf)], SOON, heard.say)
    supervisor.start()
    soon(lambda: "deaf" in heard.of("a"))
    supervisor.stop(0.2)
    assert supervisor.codes() == {"a": -signal.SIGKILL}
    assert not supervisor.is_served()


def test_a_pause_ends_when_everything_is_to_end(tmp_path: Path) -> None:
    heard = Heard()
    with served(heard, program(tmp_path, "a", "raise SystemExit(3)"), restarts=NEVER):
        soon(lambda: any("starting it again" in line for line in heard.of("a")))
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE / 2


def test_lines_that_are_no_text_and_control_characters_are_shown_as_such(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\x1b[2J\\xff\\n')"
    heard = Heard()
    with served(heard, program(tmp_path, "a", script)) as supervisor:
        soon(lambda: not supervisor.is_served())
    assert "\\x1b[2J\ufffd" in heard.of("a")


def heeded(supervisor: Supervisor, requests: Requests, name: str, request: Request) -> None:
    requests.ask(name, request)

    def is_done() -> bool:
        supervisor.heed(requests)
        return not requests.has(name, request)

    soon(is_done)


def test_one_that_is_drained_ends_and_stays_down_and_the_others_run_on(tmp_path: Path) -> None:
    heard, requests = Heard(), Requests(tmp_path)
    with served(heard, program(tmp_path, "a", WAITS), program(tmp_path, "b", WAITS)) as supervisor:
        soon(lambda: len([line for _, line in heard.lines if line == "ready -"]) == 2)
        heeded(supervisor, requests, "a", Request.DRAIN)
        assert supervisor.codes() == {"a": 0}
        assert "is asked to take on nothing new, and to end." in heard.of("a")
        assert "drains" in heard.of("a")
        assert "drains" not in heard.of("b")
        heeded(supervisor, requests, "a", Request.DRAIN)
        heeded(supervisor, requests, "a", Request.RENEW)
        soon(lambda: heard.of("a").count("ready -") == 2)


def test_one_that_is_renewed_ends_when_it_likes_and_starts_anew(tmp_path: Path) -> None:
    heard, requests = Heard(), Requests(tmp_path)
    with served(heard, program(tmp_path, "a", WAITS), restarts=NEVER) as supervisor:
        soon(lambda: "ready -" in heard.of("a"))
        heeded(supervisor, requests, "a", Request.RENEW)
        soon(lambda: heard.of("a").count("ready -") == 2)
        assert heard.of("a").count("leaves") == 1
        assert "is asked to end for another start." in heard.of("a")
        assert "drains" not in heard.of("a")
        assert supervisor.codes() == {}


def test_one_that_fails_while_it_is_to_be_renewed_is_renewed_by_that(tmp_path: Path) -> None:
    script = WAITS.replace('print("leaves", flush=True), sys.exit(0)', "os._exit(3)")
    heard, requests = Heard(), Requests(tmp_path)
    with served(heard, program(tmp_path, "a", script)) as supervisor:
        soon(lambda: "ready -" in heard.of("a"))
        heeded(supervisor, requests, "a", Request.RENEW)
        soon(lambda: heard.of("a").count("ready -") == 2)
        heeded(supervisor, requests, "a", Request.RENEW)
        soon(lambda: heard.of("a").count("ready -") == 3)


def test_one_that_drains_and_is_to_be_renewed_drains_first(tmp_path: Path) -> None:
    script = WAITS.replace(
        "sys.exit(0)))\nsignal.signal(signal.SIGUSR2",
        "time.sleep(1), sys.exit(0)))\nsignal.signal(signal.SIGUSR2",
    )
    heard, requests = Heard(), Requests(tmp_path)
    with served(heard, program(tmp_path, "a", script), restarts=NEVER) as supervisor:
        soon(lambda: "ready -" in heard.of("a"))
        requests.ask("a", Request.DRAIN)
        supervisor.heed(requests)
        requests.drop("a", Request.DRAIN)
        heeded(supervisor, requests, "a", Request.RENEW)
        soon(lambda: heard.of("a").count("ready -") == 2)
        assert "leaves" not in heard.of("a")


def test_no_signal_is_lost_that_comes_before_a_program_listens(tmp_path: Path) -> None:
    script = "import time; print('begins', flush=True); time.sleep(1)\n" + WAITS
    heard = Heard()
    with served(heard, program(tmp_path, "a", script)) as supervisor:
        soon(lambda: "begins" in heard.of("a"))
    assert supervisor.codes() == {"a": 0}


def test_one_that_is_killed_while_it_drains_comes_back_to_go_on_with_that(tmp_path: Path) -> None:
    script = WAITS.replace('print("drains", flush=True), sys.exit(0)', 'print("drains", flush=True), None')
    heard, requests, one = Heard(), Requests(tmp_path), program(tmp_path, "a", script)
    with served(heard, one) as supervisor:
        soon(lambda: "ready -" in heard.of("a"))
        requests.ask("a", Request.DRAIN)
        supervisor.heed(requests)
        soon(lambda: "drains" in heard.of("a"))
        running = running_process(one.record)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        soon(lambda: "ready 1" in heard.of("a"))
        assert requests.has("a", Request.DRAIN)


def test_signals_from_other_threads_find_no_half_started_program(tmp_path: Path) -> None:
    for _ in range(5):
        supervisor = Supervisor([program(tmp_path, "a", WAITS)], SOON, Heard().say)
        supervisor.start()
        stopper = threading.Thread(target=supervisor.stop, args=(PATIENCE,))
        stopper.start()
        stopper.join(PATIENCE)
        assert not supervisor.is_served()
        assert not (tmp_path / "a.json").exists()


def test_an_end_is_said_in_words() -> None:
    assert [end_of(code) for code in (0, 3, -9, -250)] == [
        "exit code 0",
        "exit code 3",
        "by SIGKILL",
        "by signal 250",
    ]
