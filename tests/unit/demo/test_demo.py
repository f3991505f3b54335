"""The demonstration's own machinery: processes that never stay behind, a story that is told once."""

import io
import json
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console
from scripts.demo.cast import Place, hand_out, make_cast
from scripts.demo.fleet import Fleet
from scripts.demo.network import StepError, step
from scripts.demo.penguins import prepare
from scripts.demo.story import Story
from scripts.demo.tasks import choose_tasks

from pole.adapters.storage.data_publishers import PUBLISHED
from pole.learning.data.datasets import load

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)",
]


def line(event: str | None, text: str, level: str = "info", **details: object) -> str:
    entry = {"level": level, "text": text} | ({"event": event, "details": details} if event else {})
    return json.dumps(entry)


def story() -> tuple[Story, io.StringIO]:
    printed = io.StringIO()
    return Story(Console(file=printed, width=200)), printed


class Heard:
    """A listener that lets a test wait until a process has spoken."""

    def __init__(self) -> None:
        self.spoken = threading.Event()

    def __call__(self, _: str, __: str) -> None:
        self.spoken.set()


@pytest.mark.parametrize("command", [SLEEPER, STUBBORN])
def test_leaving_a_fleet_ends_its_processes(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.demo.fleet.PATIENCE", 0.5)
    heard = Heard()
    started = []

    def go_wrong() -> None:
        with Fleet(tmp_path, heard) as fleet:
            fleet.start("worker", command, {}, tmp_path)
            started.append(fleet._members["worker"].process)
            assert heard.spoken.wait(20)
            raise RuntimeError("something went wrong")

    with pytest.raises(RuntimeError):
        go_wrong()
    assert started[0].poll() is not None


def test_a_paused_process_is_stopped_too(tmp_path: Path) -> None:
    heard = Heard()
    with Fleet(tmp_path, heard) as fleet:
        fleet.start("worker", SLEEPER, {}, tmp_path)
        process = fleet._members["worker"].process
        assert heard.spoken.wait(20)
        fleet.pause("worker")
        codes = fleet.stop()
    assert codes == {"worker": -15}
    assert process.poll() == -15


def test_a_process_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    with Fleet(tmp_path, lambda *_: None) as fleet:
        fleet.start("worker", [sys.executable, "-c", "raise SystemExit(3)"], {}, tmp_path)
        fleet._members["worker"].process.wait(20)
        assert fleet.ended() == {"worker": 3}


def test_what_many_tell_alike_is_told_once() -> None:
    reporter, printed = story()
    for who in ("miner-1", "miner-2"):
        reporter.hear(who, line("body-pinned", "Block 1: body pinned.", height=1))
        reporter.hear(who, line("committed", "Round 1: committed.", round=1))
    assert printed.getvalue().count("pinned") == 1
    assert printed.getvalue().count("committed") == 2
    assert reporter.heard("miner-2", "committed", round=1)
    assert not reporter.heard("miner-2", "committed", round=2)


def test_warnings_are_told_and_chatter_is_not() -> None:
    reporter, printed = story()
    reporter.hear("miner-1", line(None, "Ready."))
    reporter.hear("miner-1", line(None, "No node answers.", level="warning"))
    reporter.hear("miner-1", "Traceback [most recent call last]")
    assert "Ready" not in printed.getvalue()
    assert "No node answers." in printed.getvalue()
    assert "Traceback [most recent call last]" in printed.getvalue()
    assert reporter.warnings == [("miner-1", "No node answers.")]


def test_every_worker_has_a_home_of_its_own(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, data_nodes=2, miners=3, verifiers=5)
    (tmp_path / "deployment").write_text("{}")
    hand_out(tmp_path / "deployment", cast)
    place = Place("http://127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", tmp_path / "deployment")
    assert len({worker.home for worker in cast}) == len(cast) == 10
    for worker in cast:
        assert worker.home.stat().st_mode & 0o077 == 0
        assert worker.password_file.stat().st_mode & 0o077 == 0
        own = {name: value for name, value in worker.environment(place).items() if name.startswith("POLE_")}
        assert not any(
            str(other.home) + "/" in value for value in own.values() for other in cast if other != worker
        )
    assert len({worker.password_file.read_text() for worker in cast}) == 10


PENGUINS = Path("penguins.pole")


def test_rows_that_are_kept_back_are_new_to_the_model(tmp_path: Path) -> None:
    prepared = prepare(tmp_path)
    known, new = (path.read_text().splitlines() for path in (tmp_path / "penguins.csv", prepared.new))
    assert len(known) + len(new) == 2 + 344
    assert len(new) == len(prepared.rows) + 1 == 11
    assert "species" in known[0]
    assert "species" not in new[0]
    assert {row["species"] for row in prepared.rows} == {"Adelie", "Chinstrap", "Gentoo"}
    assert load(str(prepared.data), None).classes == 3


def test_without_mnist_the_demonstration_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLE_DATA", str(tmp_path))
    tasks, left_out = choose_tasks(3, PENGUINS)
    assert [task.data for task in tasks] == ["penguins.pole", "digits", "digits"]
    assert "MNIST is not here" in left_out
    (tmp_path / "mnist").mkdir()
    assert choose_tasks(3, PENGUINS) == (tasks, left_out), "a folder with a part of the files is no data set"
    for published in PUBLISHED["mnist"]:
        for name in published.files:
            (tmp_path / "mnist" / name).touch()
    tasks, left_out = choose_tasks(4, PENGUINS)
    assert [task.data for task in tasks] == ["penguins.pole", "digits", "mnist", "penguins.pole"]
    assert left_out == ""


def test_a_step_that_fails_shows_what_it_said() -> None:
    with pytest.raises(StepError, match="no luck"):
        step([sys.executable, "-c", "raise SystemExit('no luck')"], {})
