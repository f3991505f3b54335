"""The file of a miner's trainings: bounded, and never in the way of a training."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pole.roles.training.history.file import NAME, HistoryFile
from pole.roles.training.history.trainings import (
    MAX_BYTES,
    MAX_CHECKS,
    Check,
    Ending,
    Outcome,
    Start,
    read_history,
)

START = Start(7, 3, 1, 60, 50, "built in")
CHECK = Check(1, 0.5, 40, 0.001, 1.5, 1_000.0)
ENDING = Ending(Outcome.GOAL, 55, 2.5)


def kept(path: Path) -> HistoryFile:
    return HistoryFile(path, lambda: 1_000.5, "built in")


def train(history: HistoryFile, round_id: int = 7, checks: int = 3) -> None:
    history.begin(replace(START, round_id=round_id))
    for epoch in range(1, checks + 1):
        history.note(replace(CHECK, epoch=epoch))
    history.end(ENDING)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training" / NAME


def test_a_training_is_kept_with_the_times_of_its_lines(path: Path) -> None:
    train(kept(path))
    (found,) = read_history(path.read_bytes())
    assert found.start == START
    assert found.began == 1_000
    assert found.checks == tuple(replace(CHECK, epoch=epoch, time=1_000) for epoch in (1, 2, 3))
    assert found.ending == replace(ENDING, time=1_000)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    train(kept(path))
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    history = kept(path)
    history.begin(START)
    path.unlink()
    history.note(CHECK)
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_process_goes_on_after_a_line_that_a_kill_tore(path: Path) -> None:
    train(kept(path))
    with path.open("ab") as file:
        file.write(b'{"round": 7, "task": 3, "lane')
    train(kept(path), round_id=8)
    assert [each.start.round_id for each in read_history(path.read_bytes())] == [7, 8]


def test_a_long_training_keeps_a_bounded_number_of_checks(path: Path) -> None:
    train(kept(path), checks=20 * MAX_CHECKS)
    (found,) = read_history(path.read_bytes())
    assert MAX_CHECKS // 4 <= len(found.checks) <= MAX_CHECKS + 1
    assert found.checks[-1].epoch > 19 * MAX_CHECKS
    assert found.ending is not None


def test_the_file_stays_within_its_bound_and_keeps_the_newest_rounds(path: Path) -> None:
    history = kept(path)
    for round_id in range(1, 40):
        train(history, round_id, checks=MAX_CHECKS - 1)
        assert path.stat().st_size <= MAX_BYTES
    rounds = [each.start.round_id for each in read_history(path.read_bytes())]
    assert rounds == list(range(rounds[0], 40))
    assert len(rounds) >= 3


@pytest.mark.parametrize("content", [b"\xff" * 100, b"\n" * (MAX_BYTES + 1)])
def test_a_file_that_is_no_history_is_begun_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    train(kept(path))
    assert len(read_history(path.read_bytes())) == 1


def test_a_file_of_ten_gibibytes_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    train(kept(path))
    assert path.stat().st_size < 10_000


def obstruct_by_folder(path: Path) -> None:
    (path / "x").mkdir(parents=True)


def obstruct_by_pipe(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)


def obstruct_by_file(path: Path) -> None:
    path.parent.write_bytes(b"")


@pytest.mark.parametrize("obstruct", [obstruct_by_folder, obstruct_by_pipe, obstruct_by_file])
def test_what_stands_in_the_way_is_told_once_and_training_goes_on(
    path: Path, obstruct: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(obstruct)
    obstruct(path)
    history = kept(path)
    train(history)
    train(history, 8)
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "Training goes on" in caplog.text


def test_a_link_is_not_written_through(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    path.parent.mkdir()
    path.symlink_to(other)
    train(kept(path))
    assert other.read_bytes() == b"precious"


def test_a_full_disk_is_told_once_and_what_follows_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    history = kept(path)
    history.begin(START)
    write = os.write

    def full(file: int, line: bytes) -> int:
        return write(file, line[: len(line) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        history.note(replace(CHECK, epoch=1))
        history.note(replace(CHECK, epoch=2))
    history.note(replace(CHECK, epoch=3))
    assert len(caplog.records) == 1
    (found,) = read_history(path.read_bytes())
    assert [check.epoch for check in found.checks] == [3]


def test_a_file_that_nobody_may_read_is_told_or_replaced(path: Path) -> None:
    train(kept(path))
    path.chmod(0)
    train(kept(path), 8)
    path.chmod(0o600)
    assert read_history(path.read_bytes())
