"""The `run` commands: each makes its role of the wallet's session, and runs it."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World

from pole.cli import main
from pole.cli.common import worker
from pole.roles.training import own_learner

ADDRESS = "0x" + "A" * 40


class Session(SimpleNamespace):
    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def session_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session(
        chain=FakeChain(World(), ADDRESS),
        store=FakeStore(),
        journal=MemoryJournal(),
        secrets=None,
        home=folder,
        account=SimpleNamespace(address=ADDRESS),
    )
    monkeypatch.setattr(worker, "open_session", lambda *_: session)
    monkeypatch.setattr(worker, "read_password", lambda _: "password")
    monkeypatch.setattr(worker, "start_log", lambda **_: None)
    return session


def test_a_second_miner_of_one_wallet_does_not_start_and_another_worker_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    words = ["--home", str(tmp_path), "--wallet", "alice"]
    inner = []

    def start_others(*_: object, **__: object) -> None:
        monkeypatch.setattr(worker, "run_worker", lambda *_, **__: None)
        inner.append(CliRunner().invoke(main, ["miner", "run", "--device", "cpu", *words]))
        inner.append(CliRunner().invoke(main, ["data-node", "run", *words]))

    monkeypatch.setattr(worker, "run_worker", start_others)
    assert CliRunner().invoke(main, ["miner", "run", "--device", "cpu", *words]).exit_code == 0
    second, data_node = inner
    assert second.exit_code == 2
    told = (
        f"A miner of the wallet alice works in {tmp_path} already, process {os.getpid()}: stop that one first"
    )
    assert told in second.stderr
    assert data_node.exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ["data-node", "run", "--confirmations", "0"],
        ["key-holder", "run"],
        ["miner", "run", "--device", "cpu", "--least-reward", "2"],
        ["verifier", "run"],
    ],
    ids=lambda command: command[0],
)
def test_a_worker_makes_its_role_of_the_session_and_runs_it(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_in(tmp_path, monkeypatch)
    ran = []
    monkeypatch.setattr(worker, "run_worker", lambda *arguments, **_: ran.append(arguments))
    result = CliRunner().invoke(
        main, [*command, "--home", str(tmp_path), "--wallet", "alice", "--rounds", "3"]
    )
    assert result.exit_code == 0, result.output
    ((given, role, options, stopping),) = ran
    assert given is session
    assert role is not None
    assert options.rounds == 3
    assert not stopping.is_set()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--learner", "none.py:Mine"], "There is no Python file none.py"),
        (["--learner", "none.py:Mine", "--epochs", "3"], "leave --recipe, --search and its settings out"),
        (["--recipe", "none.toml"], "The recipe none.toml cannot be read"),
    ],
)
def test_a_miner_refuses_training_code_and_recipes_before_it_runs(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    monkeypatch.setattr(own_learner, "LOADED", own_learner.LOADED[:1])
    words = ["miner", "run", "--device", "cpu", "--home", str(tmp_path), "--wallet", "alice", *options]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, told in result.stderr) == (2, True)
