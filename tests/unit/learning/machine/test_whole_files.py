"""A file is written whole or not at all, and until then it has no name where the system can do that."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pole.learning.machine import whole_files
from pole.learning.machine.whole_files import unsaved_name, written_whole


def refusing(code: int) -> Callable[..., int]:
    """Return `os.open` of a file system that has no files without a name."""
    real = os.open

    def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(code, os.strerror(code))
        return real(path, flags, *more, **named)

    return opened


@pytest.fixture(params=["unnamed", "named", errno.EOPNOTSUPP, errno.EISDIR, "no /proc"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    match request.param:
        case "named":
            monkeypatch.delattr(os, "O_TMPFILE")
        case int(code):
            monkeypatch.setattr(os, "open", refusing(code))
        case "no /proc":
            monkeypatch.setattr(whole_files, "OPEN_FILES", tmp_path / "nowhere")
    return request.param


@pytest.mark.parametrize("before", [None, b"older and longer"])
def test_a_file_is_there_once_it_is_whole(tmp_path: Path, system: object, before: bytes | None) -> None:
    path = tmp_path / "data"
    if before is not None:
        path.write_bytes(before)
    unsaved_name(path).write_bytes(b"what a killed command left behind")
    with written_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert (path.read_bytes() if path.exists() else None) == before
        assert unsaved_name(path).exists() == (system != "unnamed")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("before", [None, b"older"])
def test_a_file_that_is_not_finished_leaves_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "data"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(TypeError), written_whole(path) as file:
        file.write("no bytes")  # type: ignore[call-overload]
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if before is None else [before])


@pytest.mark.usefixtures("system")
def test_two_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    try:
        with written_whole(path) as first:
            first.write(b"first")
            with written_whole(path) as second:
                second.write(b"second")
    except FileNotFoundError:
        assert path.read_bytes() == b"second"
    else:
        assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


@pytest.mark.usefixtures("system")
def test_a_folder_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "nowhere" / "data"):
        pass
