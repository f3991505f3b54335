"""Nothing that commands leave behind is anybody else's to read, whatever the umask."""

import subprocess
import sys
from pathlib import Path

UMASK = 0
"""Files have the modes that they are made with; any other umask only takes more away."""


def pole(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a process; its data folder is two levels below `folder`."""
    command = [sys.executable, "-c", "from pole.cli import main; main()", *words]
    command += ["--home", str(folder / "data" / "home"), "--password-file", str(folder / "password")]
    command += ["--rpc", "http://127.0.0.1:1", "--ipfs", "/ip4/127.0.0.1/tcp/1"]
    command += ["--deployment", str(folder / "deployment.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False, umask=UMASK)


def test_nobody_else_can_read_what_commands_leave_in_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("password\n")
    assert pole(tmp_path, "wallet", "new", "alice", "--light").returncode == 0
    card = pole(tmp_path, "key-holder", "new", "--wallet", "alice")
    assert card.returncode == 0
    assert card.stderr.startswith("warning: The keystore of alice is light")
    assert card.stderr.count("\n") == 1
    assert pole(tmp_path, "data", "release", "00" * 32).returncode == 2
    assert pole(tmp_path, "doctor").returncode == 1
    found = {
        path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in (tmp_path / "data").rglob("*")
    }
    assert {str(path) for path in found} >= {
        *("data/home", "data/home/wallets/alice.json", "data/home/secrets"),
        *("data/home/locks/key-budget.lock", "data/home/key-budget"),
    }
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_data_folder_that_others_can_enter_is_told_with_what_mends_it(tmp_path: Path) -> None:
    home = tmp_path / "data" / "home"
    home.mkdir(parents=True)
    home.chmod(0o755)
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("password\n")
    made = pole(tmp_path, "wallet", "new", "alice", "--light")
    assert made.stderr == f"warning: others can enter {home}: chmod 700 {home}\n"
    assert f"warn  data folder  Others can enter {home}: `chmod 700 {home}`." in (
        pole(tmp_path, "doctor").stdout
    )
