"""`pole fleet`: what it refuses before anything starts, and what it says of how workers ended."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from eth_account import Account

from pole.adapters.machine.devnet import free_port
from pole.cli import main

# Stands in for the installed program: a worker that says its words, and ends as its wallet's name says.
PROGRAM = """#!{python}
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
wallet = sys.argv[sys.argv.index("--wallet") + 1]
where = [os.environ.get(name) for name in ("POLE_HOME", "POLE_RPC", "POLE_WALLET")]
print(*sys.argv[1:], *where, flush=True)
code = wallet.rpartition("-")[2]
sys.exit(int(code)) if code.isdigit() else time.sleep(1000)
"""


# A worker that is pole's own as far as its options and its metrics, and then holds its session open.
WORKER = """#!{python}
import signal
from pole.cli import main
from pole.cli.common import worker
def open_session(*_):
    raise SystemExit(signal.sigwait([signal.SIGTERM]) - signal.SIGTERM)
worker.open_session = open_session
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "chain.json").write_text("{}")
    (tmp_path / "password").write_text("word\n")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "wallets").mkdir(mode=0o700)
    return tmp_path


def written(folder: Path, *wallets: str, options: str = "[]") -> Path:
    lines = ["home = '.'", "deployment = 'chain.json'", "password-file = 'password'"]
    for wallet in wallets:
        (folder / "wallets" / f"{wallet}.json").write_text(json.dumps({"address": Account.create().address}))
        lines += ["[[worker]]", f"name = '{wallet}'", "role = 'miner'", f"options = {options}"]
    file = folder / "fleet.toml"
    file.write_text("\n".join(lines))
    return file


def called(*words: object) -> Result:
    return CliRunner().invoke(main, ["fleet", *map(str, words)])


@pytest.mark.parametrize(
    "words", [("up",), ("drain",), ("upgrade",), ("units", "--to", "x"), ("container", "--to", "x")]
)
def test_every_command_refuses_a_file_that_cannot_be_used(folder: Path, words: tuple[str, ...]) -> None:
    file = written(folder, "a")
    file.write_text(file.read_text().replace("role", "rule"))
    result = called(words[0], file, *words[1:])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: Worker 1 has keys that are unknown, 'rule'")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("['--pol', '3']", "`pole miner run` has no option --pol: did you mean --poll"),
        ("['--poll', 'x']", "--poll: 'x' is no duration"),
        ("['--poll', '0']", "must be at least 0.05"),
        ("['--minimum-reward', 'much']", "--minimum-reward"),
        ("['word']", "unexpected extra argument (word)"),
        ("['--rounds']", "'--rounds' requires an argument"),
    ],
)
def test_options_that_the_role_has_not_are_refused_before_anything_starts(
    folder: Path, options: str, sentence: str
) -> None:
    result = called("up", written(folder, "a", options=options))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: The options of worker a are wrong: ")
    assert sentence in result.stderr


def test_who_asks_a_fleet_that_is_not_up_is_told_so_and_leaves_no_request(folder: Path) -> None:
    for verb in ("drain", "upgrade"):
        result = called(verb, written(folder, "a"))
        assert result.exit_code == 2
        assert "The fleet fleet is not up: `pole fleet up" in result.stderr
    assert not [path for path in (folder / "fleets").rglob("*") if path.is_file()]


def test_a_worker_that_is_not_in_the_file_is_refused(folder: Path) -> None:
    assert "has no worker 'b': it has 'a'" in called("drain", written(folder, "a"), "b").stderr


def test_files_are_written_for_their_owner_alone(folder: Path) -> None:
    for verb in ("units", "container"):
        result = called(verb, written(folder, "a"), "--to", folder / verb, "--json")
        assert result.exit_code == 0
        files = json.loads(result.stdout)["files"]
        assert files
        assert {stat.S_IMODE(Path(name).stat().st_mode) for name in files} == {0o600}


def program_of(folder: Path, program: str) -> dict[str, str]:
    """Return an environment in which `pole`, as a fleet finds it, is the stand-in."""
    bin_folder = folder / "programs"
    bin_folder.mkdir()
    (bin_folder / "python").symlink_to(sys.executable)
    (bin_folder / "pole").write_text(program.format(python=sys.executable))
    (bin_folder / "pole").chmod(0o700)
    return dict(os.environ) | {"POLE_WALLET": "nobody"}


SERVE = "import sys; sys.executable = sys.argv.pop(1); from pole.cli import main; main()"


@contextmanager
def up(folder: Path, file: Path, program: str = PROGRAM) -> Iterator["subprocess.Popen[str]"]:
    environment = program_of(folder, program)
    command = [sys.executable, "-c", SERVE, str(folder / "programs" / "python"), "fleet", "up", str(file)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_workers_that_end_well_end_the_fleet_well_and_secrets_are_no_arguments(folder: Path) -> None:
    with up(folder, written(folder, "a-0", "worker-0", options="['--poll', '3']")) as process:
        said, mistakes = process.communicate()
    assert mistakes == ""
    shown = f"--poll 3 {folder} http://127.0.0.1:8546 None"
    assert f"a-0      | miner run --wallet a-0 {shown}" in said.splitlines()
    assert f"worker-0 | miner run --wallet worker-0 {shown}" in said.splitlines()


def test_prometheus_reads_each_worker_on_the_port_that_the_file_gives_it(folder: Path) -> None:
    ports = {name: free_port() for name in ("a", "b")}
    file = written(folder, *ports)
    text = file.read_text()
    for name, port in ports.items():
        text = text.replace(f"name = '{name}'", f"name = '{name}'\nmetrics = {port}")
    file.write_text(text)
    with up(folder, file, WORKER) as process:
        shown = {name: scraped(port) for name, port in ports.items()}
        process.send_signal(signal.SIGTERM)
        said, mistakes = process.communicate()
    assert (mistakes, process.returncode) == ("", 0), said
    for name in ports:
        assert 'pole_worker_info{role="miner"' in shown[name]
        assert "process_resident_memory_bytes" in shown[name]


def scraped(port: int) -> str:
    """Return what a worker shows Prometheus, as soon as it does."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return str(urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode())
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_bad_configuration_is_reported_while_others_run_and_at_the_end(folder: Path) -> None:
    with up(folder, written(folder, "bad-2", "good")) as process:
        assert process.stdout is not None
        heard: set[str] = set()
        while heard != {"bad-2 | ended (exit code 2)", "good  | miner run"}:
            line = process.stdout.readline()
            assert line
            heard |= {part for part in ("bad-2 | ended (exit code 2)", "good  | miner run") if part in line}
        process.send_signal(signal.SIGTERM)
        _, mistakes = process.communicate(timeout=30)
    assert process.returncode == 2
    assert mistakes.startswith("error: Not all workers ended well: bad-2 (exit code 2).")


def test_a_fleet_is_up_once_and_is_asked_by_others(folder: Path) -> None:
    file = written(folder, "a", "b")
    with up(folder, file) as process:
        records = [folder / "fleets" / "fleet" / f"{name}.json" for name in "ab"]
        deadline = time.monotonic() + 60
        while not all(record.exists() for record in records):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        again = called("up", file)
        assert (again.exit_code, "is up already, process" in again.stderr) == (2, True)
        drained = called("drain", file, "a", "--json")
        assert (drained.exit_code, json.loads(drained.stdout)) == (0, {"drained": ["a"]})
        assert not records[0].exists()
        renewed = called("upgrade", file, "--json")
        assert (renewed.exit_code, json.loads(renewed.stdout)) == (0, {"renewed": ["a", "b"]})
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
