"""The set-up takes any folder that the programs in it can take, and names the others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def refusal(folder: bytes) -> str:
    """Return the sentence in which `make setup` refuses a new checkout at `folder`, else nothing."""
    tools = folder + b"/tools"
    os.makedirs(tools)
    shutil.copy(os.fsencode(REPOSITORY / "tools" / "preflight"), tools)
    environment = os.environ | {"POLE_PYTHON": sys.executable}
    done = subprocess.run([tools + b"/preflight", b"not-made-yet"], env=environment, capture_output=True)
    return os.fsdecode(done.stderr) if done.returncode else ""


@pytest.mark.parametrize("name", ["a:b", "a*b", "a\\b", "a{b", "a}b", "a\nb"])
def test_a_folder_that_cannot_work_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "pole"
    assert f"{folder}, has one of : * {{ }} \\ or a line break in it; move" in refusal(os.fsencode(folder))


@pytest.mark.skipif(sys.platform == "darwin", reason="Its file systems hold no such names.")
def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    assert "is not UTF-8" in refusal(os.fsencode(tmp_path) + b"/gr\xf6\xdfe")


def test_any_other_folder_is_accepted(tmp_path: Path) -> None:
    folder = (
        tmp_path
        / "my.project"
        / "with space"
        / "größe-λ-ü"
        / "x=y"
        / "a'b"
        / "(c)"
        / "#1"
        / '"$HOME'
        / ("n" * 200)
    )
    assert refusal(os.fsencode(folder)) == ""


def test_a_python_in_a_folder_with_a_space_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "my programs"
    folder.mkdir()
    (folder / "python3.11").symlink_to(shutil.which("true") or "/bin/true")
    database = subprocess.run(
        ["make", "--print-data-base", "--question", "help"],
        cwd=REPOSITORY,
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    ).stdout
    assert f"POLE_PYTHON := {folder}/python3.11" in database.splitlines()
