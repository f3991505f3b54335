"""The `run` commands: each makes its role of the wallet's session, and runs it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World

from pole.cli import main
from pole.cli.common import worker

ADDRESS = "0x" + "A" * 40


class Session(SimpleNamespace):
    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass


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
    session = Session(
        chain=FakeChain(World(), ADDRESS),
        store=FakeStore(),
        journal=MemoryJournal(),
        secrets=None,
        home=tmp_path,
        account=SimpleNamespace(address=ADDRESS),
    )
    ran = []
    monkeypatch.setattr(worker, "open_session", lambda *_: session)
    monkeypatch.setattr(worker, "read_password", lambda _: "password")
    monkeypatch.setattr(worker, "start_log", lambda **_: None)
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
