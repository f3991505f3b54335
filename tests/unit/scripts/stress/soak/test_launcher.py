"""A worker of the soak can be killed at every point of the plan, and is killed at no other."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts.stress.soak.crew import launcher
from scripts.stress.soak.crew.launcher import arm, places
from scripts.stress.soak.plan import DAY, MINING_POINT, SENDING_POINTS, VOTING_POINT, WORKERS, points_of
from scripts.stress.soak.setting import COMPILER, shifted_clock

from pole.adapters.storage.journal import SendState, SignedSend, SqliteJournal


class Died(BaseException):
    pass


def die() -> None:
    raise Died


def test_every_point_of_the_plan_has_a_place_that_is_there() -> None:
    assert set(places()) == {point for worker in WORKERS for point in points_of(worker)}
    for place in places().values():
        assert callable(getattr(place.holder, place.method))


@pytest.fixture
def armed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for place in places().values():
        monkeypatch.setattr(place.holder, place.method, getattr(place.holder, place.method))
    folder = tmp_path / launcher.POINTS
    arm(folder, die)
    folder.mkdir()
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.sqlite")


SEND = SignedSend("commit/1", 0, "0xaa", b"raw", 1, 1, SendState.PENDING)


def test_a_worker_without_the_file_lives(armed: Path, journal: SqliteJournal) -> None:
    journal.add_send(SEND)
    assert journal.pending_sends() == (SEND,)
    assert not list(armed.iterdir())


@pytest.mark.parametrize(("point", "kept"), [(SENDING_POINTS[0], ()), (SENDING_POINTS[1], (SEND,))])
def test_it_dies_once_for_each_file_on_its_side_of_the_journal(
    armed: Path, journal: SqliteJournal, point: str, kept: tuple[SignedSend, ...]
) -> None:
    for number in (1, 2):
        (armed / str(number)).write_text(point)
    for left in (1, 0):
        with pytest.raises(Died):
            journal.add_send(SEND)
        assert journal.pending_sends() == kept
        assert len(list(armed.iterdir())) == left
    journal.add_send(SEND)


@pytest.mark.parametrize("point", [*SENDING_POINTS[2:], MINING_POINT, VOTING_POINT])
def test_it_passes_points_that_the_file_does_not_name(
    armed: Path, journal: SqliteJournal, point: str
) -> None:
    (armed / "1").write_text(point)
    journal.add_send(SEND)
    assert (armed / "1").read_text() == point


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not here")
@pytest.mark.parametrize("shift", [DAY, -DAY])
def test_a_shifted_clock_shifts_the_calendar_and_no_duration(tmp_path: Path, shift: int) -> None:
    library = shifted_clock(tmp_path)
    assert library is not None
    command = [
        *(sys.executable, "-c"),
        "import time, datetime\n"
        "a = time.monotonic(); time.sleep(0.2); print(time.time(), time.monotonic() - a, "
        "datetime.datetime.now().timestamp())",
    ]
    environment = os.environ | {"LD_PRELOAD": str(library), "POLE_SOAK_SHIFT": str(shift)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    now, lasted, local = map(float, told.split())
    assert now - time.time() == pytest.approx(shift, abs=60)
    assert local - time.time() == pytest.approx(shift, abs=60)
    assert 0.1 < lasted < 60
