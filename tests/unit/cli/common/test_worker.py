"""What the `run` commands share: the log, the signals, the options."""

import os
import signal
import sys
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner

from pole.cli.common import worker
from pole.cli.common.context import Session, Settings
from pole.cli.common.worker import WorkerOptions, run_worker, worker_options
from pole.cli.shell.signals import Asked
from pole.errors import InputError
from pole.roles.support.draining import Participant


def test_options_reach_the_command() -> None:
    seen = []

    @click.command()
    @worker_options
    def run(options: WorkerOptions) -> None:
        seen.append(options)

    CliRunner().invoke(run, ["--poll", "0.5", "--rounds", "3", "--withdraw", "--json-log"])
    assert seen == [WorkerOptions(0.5, 3, None, withdraws=True, json_log=True)]


@pytest.mark.parametrize("variable", [True, False])
def test_the_ceiling_of_fees_reaches_the_chain(
    variable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(worker, "read_password", lambda _: "secret")
    settings = Settings(tmp_path, "http://127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", tmp_path / "x", None)

    def open_session(*arguments: object) -> None:
        seen.append(arguments)
        raise InputError("No chain here.")

    @click.command()
    @worker_options
    def run(options: WorkerOptions) -> None:
        worker.serve(settings, options, "alice", lambda *_: cast("Participant", None))

    monkeypatch.setattr(worker, "open_session", open_session)
    words = [] if variable else ["--fee-ceiling", "900gwei"]
    CliRunner().invoke(run, words, env={"POLE_FEE_CEILING": "900gwei"} if variable else {})
    CliRunner().invoke(run, [])
    assert seen == [(settings, "alice", "secret", 900 * 10**9), (settings, "alice", "secret", None)]


@pytest.mark.parametrize("price", ["900", "0.001", "0"])
def test_a_ceiling_that_no_gas_costs_is_refused(price: str) -> None:
    @click.command()
    @worker_options
    def run(options: WorkerOptions) -> None:
        pytest.fail(f"it ran with {options}")

    result = CliRunner().invoke(run, ["--fee-ceiling", price])
    assert (result.exit_code, "with its unit, as in 900gwei" in result.stderr) == (2, True)


def test_a_worker_without_its_back_end_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLE_IPFE_BACKEND", "kuda")
    options = WorkerOptions(1.0, 1, None, withdraws=False, json_log=False)
    with pytest.raises(InputError, match="no back end 'kuda' here"):
        run_worker(cast("Session", None), cast("Participant", None), options, Asked())


def test_the_workers_commands_load_without_web3_and_torch() -> None:
    import subprocess

    program = (
        "import sys, pole.cli.task.post;"
        "import pole.cli.workers.data_node, pole.cli.workers.miner.run, pole.cli.workers.verifier_run;"
        "sys.exit(bool({'web3', 'torch', 'ipfshttpclient'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_worker_that_is_asked_to_stop_while_it_starts_ends_as_one_that_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Opened:
        home = tmp_path / "1337-aa"

        def __enter__(self) -> "Opened":
            os.kill(os.getpid(), signal.SIGTERM)
            return self

        def __exit__(self, *_: object) -> None:
            """Close nothing."""

    monkeypatch.setattr(worker, "read_password", lambda _: "secret")
    monkeypatch.setattr(worker, "open_session", lambda *_: Opened())
    monkeypatch.setattr(worker, "start_log", lambda **_: None)
    monkeypatch.setattr(worker, "run_worker", lambda *_, **__: pytest.fail("it ran"))
    options = WorkerOptions(1.0, 1, None, withdraws=False, json_log=False)
    settings = Settings(tmp_path, "http://127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", tmp_path / "x", None)

    @click.command()
    def run() -> None:
        worker.serve(settings, options, "alice", lambda *_: cast("Participant", None))

    assert CliRunner().invoke(run, []).exit_code == 0
