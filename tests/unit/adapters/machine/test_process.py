import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pole.adapters.machine.process import running_process, start_process, start_time, stop_process
from pole.errors import InputError

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True)\n"
    "time.sleep(60)\n",
]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "process.json"
    yield path
    stop_process(path, patience=0)


def wait_for_output(log: Path) -> None:
    while not log.read_bytes():
        pass


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path, record: Path) -> None:
    with pytest.raises(InputError, match="no-such-program cannot be started"):
        start_process(["no-such-program"], record=record, log=tmp_path / "log", notes={})


def test_another_process_with_the_same_id_is_not_ours(record: Path) -> None:
    record.write_text(json.dumps({"pid": os.getpid(), "started": "long ago", "notes": {}}))
    assert running_process(record) is None
    assert not stop_process(record)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "started": "", "notes": {}}'])
def test_a_damaged_record_names_no_process(record: Path, content: str) -> None:
    record.write_text(content)
    assert running_process(record) is None


def test_a_process_runs_in_a_group_of_its_own_until_it_is_stopped(tmp_path: Path, record: Path) -> None:
    started = start_process(SLEEP, record=record, log=tmp_path / "log", notes={"address": "x"})
    assert running_process(record) == started
    assert os.getpgid(started.pid) == started.pid
    assert stop_process(record)
    assert running_process(record) is None
    assert start_time(started.pid) is None
    assert not record.exists()


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path, record: Path) -> None:
    started = start_process(STUBBORN, record=record, log=tmp_path / "log", notes={})
    wait_for_output(tmp_path / "log")
    assert stop_process(record, patience=0.1)
    assert os.waitpid(started.pid, 0)[1] == signal.SIGKILL


def test_what_a_process_prints_is_appended_to_its_log(tmp_path: Path, record: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    start_process([sys.executable, "-c", "print('up')"], record=record, log=tmp_path / "log", notes={})
    while "up" not in (tmp_path / "log").read_text():
        pass
    assert (tmp_path / "log").read_text() == "before\nup\n"
