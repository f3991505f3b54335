"""What others on the machine see of a process that holds secrets: read back from real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pole.adapters.machine.exposure import can_be_entered

PR_GET_DUMPABLE = 3
POLE = "from pole.cli import main; main()"


def test_a_process_forbids_core_dumps_before_it_reads_a_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    os.mkfifo(password)
    command = [sys.executable, "-c", POLE, "wallet", "new", "alice", "--light"]
    command += ["--home", str(tmp_path / "home"), "--password-file", str(password)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        # Opening waits for the reader, who waits for us to write.
        with password.open("w") as file:
            if sys.platform == "linux":
                limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
                [core] = [line.split() for line in limits if line.startswith("Max core file size")]
                assert core[4:6] == ["0", "0"]
            file.write("password\n")
        assert process.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_with_a_password_cannot_be_dumped_or_attached_to() -> None:
    program = (
        "import ctypes; from pole.adapters.machine.exposure import forbid_core_dumps;"
        f"ask = lambda: ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0);"
        "before = ask(); forbid_core_dumps(); print(before, ask())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "1 0\n"


@pytest.mark.parametrize(("mode", "entered"), [(0o700, False), (0o755, True), (0o710, True), (0o707, True)])
def test_a_folder_is_its_owners_alone_or_not(tmp_path: Path, mode: int, entered: bool) -> None:
    tmp_path.chmod(mode)
    assert can_be_entered(tmp_path) is entered
    tmp_path.chmod(0o700)
    assert not can_be_entered(tmp_path / "missing")
