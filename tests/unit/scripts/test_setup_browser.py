"""The set-up of a browser, which tests alone need: where apt can, and else in one line."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[3] / "tools" / "setup"
NEEDED = ("bash", "cat", "date", "dirname", "env", "mkdir", "timeout", "touch")
ROOT, SOMEBODY = {"id": "echo 0"}, {"id": "echo 1000"}
CALLS = 'echo "$0 $*" >>"$CALLS"\n'
BRINGS = '[[ $* != *install* ]] || { echo >"$BIN/chromium"; /bin/chmod +x "$BIN/chromium"; }\n'
KNOWS_IT_LATER = '[[ $* != *update* ]] || echo >"$BIN/lists"; [[ -e $BIN/lists ]] || exit 100\n'


def set_up(folder: Path, commands: Mapping[str, str]) -> tuple[str, list[str]]:
    """Run the step on a machine with these commands; return what it said and the calls of apt."""
    tools, calls = folder / "tools", folder / "calls"
    (folder / "bin").mkdir()
    tools.mkdir()
    shutil.copy(SETUP, tools)
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (folder / "bin" / name).symlink_to(found)
    for name, body in commands.items():
        file = folder / "bin" / name
        file.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        file.chmod(0o755)
    environment = {"PATH": str(folder / "bin"), "BIN": str(folder / "bin"), "CALLS": str(calls)}
    done = subprocess.run(
        [str(tools / "setup"), "browser"], env=environment, capture_output=True, text=True, check=True
    )
    told = calls.read_text().splitlines() if calls.exists() else []
    return done.stdout + done.stderr, [line.partition(" ")[2] for line in told]


@pytest.mark.parametrize(
    "commands",
    [
        ROOT,
        {**SOMEBODY, "apt-get": CALLS},
        {**SOMEBODY, "apt-get": CALLS, "sudo": "exit 1"},
        {**ROOT, "apt-get": "exit 100"},
        {**ROOT, "apt-get": "exit 0"},
    ],
    ids=["no apt", "no sudo", "sudo that asks", "apt that fails", "apt that brings another name"],
)
def test_where_apt_cannot_the_set_up_says_that_tests_are_skipped(
    tmp_path: Path, commands: Mapping[str, str]
) -> None:
    said, calls = set_up(tmp_path, commands)
    assert said.rstrip().splitlines()[-1].endswith("tests of the explorer's pages are skipped")
    assert calls == []


def test_a_browser_that_is_there_is_left_alone(tmp_path: Path) -> None:
    assert set_up(tmp_path, {**ROOT, "chromium": "", "apt-get": CALLS}) == ("", [])


@pytest.mark.parametrize("who", [ROOT, {**SOMEBODY, "sudo": 'shift; exec "$@"'}], ids=["root", "sudo"])
def test_apt_installs_what_is_missing(tmp_path: Path, who: Mapping[str, str]) -> None:
    said, calls = set_up(tmp_path, {**who, "true": "", "apt-get": CALLS + BRINGS})
    assert "chromium is in" in said
    assert calls == ["-q install --yes --no-install-recommends chromium"]


def test_lists_of_packages_are_brought_up_to_date_where_they_must_be(tmp_path: Path) -> None:
    said, calls = set_up(tmp_path, {**ROOT, "apt-get": CALLS + KNOWS_IT_LATER + BRINGS})
    assert "chromium is in" in said
    assert [call.split()[1] for call in calls] == ["install", "update", "install"]
