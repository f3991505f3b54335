"""Parts that were kept are not made again, however the work before was ended; damaged ones are."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pole.errors import DiskError, InputError
from pole.learning.machine.kept_parts import KeptParts, Part, Parts, keeping_parts, name_of

NAME = name_of(b"one")


class KilledError(BaseException):
    """What no code here may catch for good."""


def counted(number: int, made: list[int]) -> Callable[[], Part]:
    def make() -> Part:
        made.append(number)
        return np.arange(number + 3, dtype=np.int64)[::-1] * number

    return make


def work(path: Path, parts: int, dies_at: int) -> list[int]:
    """Make parts until the work dies, return which were made."""
    made: list[int] = []
    with keeping_parts(path) as kept:
        for number in range(parts):
            if number == dies_at:
                raise KilledError(made)
            found = kept.part(name_of(b"part", bytes([number])), counted(number, made))
            assert found.tolist() == counted(number, [])().tolist()
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(deaths=st.lists(st.integers(0, 5), max_size=4))
def test_every_part_is_made_once_whenever_the_work_dies(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int]
) -> None:
    path, made = tmp_path_factory.mktemp("kept") / "unfinished", []
    for dies_at in deaths:
        with pytest.raises(KilledError) as killed:
            work(path, 6, dies_at)
        made += killed.value.args[0]
        assert path.exists() == bool(made)
    made += work(path, 6, -1)
    assert made == list(range(6))
    assert list(path.parent.iterdir()) == []


def test_parts_are_the_owners_alone(tmp_path: Path) -> None:
    with keeping_parts(tmp_path / "unfinished") as kept:
        kept.part(NAME, lambda: np.zeros(3))
        assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("place", [16, 20, 100, *range(512, 8192, 512)])
def test_a_byte_that_was_damaged_costs_parts_and_never_makes_another(tmp_path: Path, place: int) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(KilledError):
        work(path, 3, 2)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0xFF
    path.write_bytes(content)
    assert set(work(path, 3, -1)) <= {0, 1, 2}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [0, 10, 100, 4096, 5000])
def test_a_file_that_was_cut_is_begun_anew(tmp_path: Path, length: int) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(KilledError):
        work(path, 3, 2)
    path.write_bytes(path.read_bytes()[:length])
    assert work(path, 3, -1) == [0, 1, 2]


def test_a_part_that_is_not_what_was_kept_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(KilledError):
        work(path, 3, 2)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE parts SET content = zeroblob(40)")
    connection.close()
    assert work(path, 3, -1) == [0, 1, 2]


@pytest.mark.parametrize("content", [b"a letter", bytes(64), b"SQLite format 2\0"])
def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "unfinished"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"unfinished is no file of kept parts; move it, or name another"):
        work(path, 3, -1)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE letters (text TEXT)")
    content = path.read_bytes()
    with pytest.raises(InputError, match=r"unfinished is no file of kept parts; move it, or name another"):
        work(path, 3, -1)
    assert path.read_bytes() == content


def test_nothing_is_kept_in_memory() -> None:
    parts = Parts()
    parts.part(NAME, lambda: np.zeros(3))
    assert parts.part(NAME, lambda: np.ones(3)).tolist() == [1, 1, 1]


def test_two_commands_do_not_keep_parts_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with keeping_parts(path) as kept:
        kept.part(NAME, lambda: np.zeros(3))
        with pytest.raises(InputError, match=r"Another command is at work with .*; wait for it, or name"):
            KeptParts(path)
        assert kept.part(NAME, lambda: np.ones(3)).tolist() == [0, 0, 0]


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"cannot be written \(No such file or directory\): make room"):
        KeptParts(tmp_path / "nowhere" / "unfinished")


def test_a_full_disk_is_said_and_keeps_what_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(KilledError):
        work(path, 3, 2)
    with keeping_parts(path) as kept:
        kept._execute("PRAGMA max_page_count = 4")
        with pytest.raises(DiskError, match=r"cannot be written \(database or disk is full\): make room"):
            kept.part(NAME, lambda: np.zeros(10**5))
        assert not kept.is_empty()


def test_names_tell_parts_apart() -> None:
    assert len({name_of(), name_of(b""), name_of(b"", b""), name_of(b"ab"), name_of(b"a", b"b")}) == 5
