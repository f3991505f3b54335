"""The `run` commands: each makes its role of the wallet's session, and runs it."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.unit.adapters.machine.monitoring.shown import read
from tests.unit.protocol.example_rounds import MINERS
from tests.unit.protocol.ledger import VERIFIERS, Ledger
from tests.unit.roles.elsewhere import FakeShards
from tests.unit.roles.fake_storage import FakeStore, MemoryJournal
from tests.unit.roles.fakes import FakeChain, World

from pole.adapters.history import rounds
from pole.cli import main
from pole.cli.common import worker
from pole.cli.shell.signals import Asked
from pole.protocol.replay.history import replayed_rounds
from pole.roles import loop
from pole.roles.loop import run
from pole.roles.training import own_learner

ADDRESS = "0x" + "A" * 40


class Session(SimpleNamespace):
    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class WalletJournal(MemoryJournal):
    """A journal that also names what somebody asks for."""

    def next_intent(self, action: str) -> str:
        return f"{action}/asked/0"


def session_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    chain: Any = FakeChain(World(), ADDRESS)
    chain.index = SimpleNamespace(snapshot=dict)
    chain.delegations = SimpleNamespace(events=lambda _: ())
    session = Session(
        chain=chain,
        store=FakeStore(),
        journal=WalletJournal(),
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
    ((given, role, options, asked),) = ran
    assert given is session
    assert role is not None
    assert options.rounds == 3
    assert not asked.stopping.is_set()


@pytest.mark.parametrize(
    ("command", "number", "drains"),
    [
        (["miner", "run", "--device", "cpu"], signal.SIGUSR1, True),
        (["miner", "run", "--device", "cpu"], signal.SIGUSR2, True),
        (["verifier", "run"], signal.SIGUSR1, True),
        (["verifier", "run"], signal.SIGUSR2, False),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_miner_joins_nothing_by_either_request_and_a_verifier_leaves_its_seat_by_one(
    command: list[str], number: signal.Signals, drains: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    seen: list[bool] = []

    def run_worker(_session: Session, role: Any, _options: object, asked: Asked, **_: object) -> None:
        assert not role.means.draining()
        os.kill(os.getpid(), number)
        assert (asked.draining if number == signal.SIGUSR1 else asked.renewing).wait(5)
        seen.append(role.means.draining())

    monkeypatch.setattr(worker, "run_worker", run_worker)
    result = CliRunner().invoke(main, [*command, "--home", str(tmp_path), "--wallet", "alice"])
    assert (result.exit_code, seen) == (0, [drains]), result.output


def test_a_miner_is_told_its_bounds_in_wei(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = ["--maximum-fee", "20gwei", "--gas-budget", "0.5", "--minimum-profit", "1gwei"]
    settings = role_of(["miner", "run", "--device", "cpu", *bounds], tmp_path, monkeypatch).means.settings
    assert (settings.maximum_fee, settings.gas_budget) == (20 * 10**9, 5 * 10**17)
    assert (settings.minimum_profit, settings.minimum_reward) == (10**9, 0)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["miner", "run", "--device", "cpu"], "Round 1: won. Paid 0.000000000000901003 ETH."),
        (["verifier", "run"], "Round 1: cast what was found. Paid 0.000000000000033332 ETH."),
    ],
    ids=["miner", "verifier"],
)
def test_a_worker_says_how_a_round_ended_for_its_wallet(
    command: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    ledger = Ledger()
    ledger.post()
    ledger.run()
    (played,) = replayed_rounds(ledger.history())
    ended = rounds.EndedRound(played, ledger.books)
    monkeypatch.setattr(rounds, "read_round", lambda _chain, _round_id: ended)
    address = MINERS[0] if command[0] == "miner" else VERIFIERS[0]
    means = role_of(command, tmp_path, monkeypatch, address).means
    monkeypatch.setattr(means.chain.world, "parameters", ledger.parameters)
    means.settlement.report_result(1)
    assert caplog.messages == [told]


@pytest.mark.parametrize(
    "command",
    [["data-node", "run"], ["key-holder", "run"], ["miner", "run", "--device", "cpu"], ["verifier", "run"]],
    ids=lambda command: command[0],
)
def test_every_worker_shows_prometheus_how_it_fares(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = session_in(tmp_path, monkeypatch).chain
    chain.balance_of = lambda _: 3 * 10**18
    chain.credit_of = lambda _: 0
    chain.remember = lambda _: None
    seen: list[dict[str, float]] = []

    def wait(_: float) -> bool:
        seen.append(read(f"http://127.0.0.1:{port}/metrics"))
        return True

    def run_once(*arguments: Any, **options: Any) -> None:
        run(*arguments, **{**options, "wait": wait})

    monkeypatch.setattr(loop, "run", run_once)
    port = free_port()
    words = [*command, "--home", str(tmp_path), "--wallet", "alice", "--metrics", str(port)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    (shown,) = seen
    assert [name for name in shown if name.startswith(f"pole_worker_info{{role={command[0]},")]
    assert shown["pole_wallet_balance_ether"] == 3
    assert shown["pole_lane_phase{lane=0,phase=NONE}"] == 1
    assert shown["pole_failures_in_a_row"] == 0
    assert shown["pole_looked_timestamp_seconds"] > 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_port_for_metrics_that_is_taken_ends_the_start_before_a_wallet_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    monkeypatch.setattr(worker, "open_session", lambda *_: pytest.fail("the wallet is open"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["verifier", "run", "--home", str(tmp_path), "--wallet", "alice", "--metrics", port]
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert f"Metrics cannot be served on 127.0.0.1, port {port}" in result.stderr


def role_of(command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, address: str = ADDRESS) -> Any:
    """Return the role that a command makes for a wallet with this address."""
    session_in(folder, monkeypatch).account.address = address
    ran: list[Any] = []
    monkeypatch.setattr(worker, "run_worker", lambda *arguments, **_: ran.append(arguments))
    result = CliRunner().invoke(main, [*command, "--home", str(folder), "--wallet", "alice"])
    assert result.exit_code == 0, result.output
    return ran[0][1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--learner", "none.py:Mine"], "There is no Python file none.py"),
        (["--learner", "none.py:Mine", "--epochs", "3"], "leave --recipe, --search and its settings out"),
        (["--recipe", "none.toml"], "The recipe none.toml cannot be read"),
        (
            ["--maximum-fee", "20"],
            "--maximum-fee is 20 ETH for a unit of gas, and no transaction",
        ),
        (["--maximum-fee", "501gwei"], "offers more than 500 gwei: write it with its unit, as in 20gwei"),
        (["--maximum-fee", "20gwei", "--fee-ceiling", "9gwei"], "offers more than 9 gwei"),
    ],
)
def test_a_miner_refuses_what_it_cannot_use_before_it_runs(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    monkeypatch.setattr(own_learner, "LOADED", own_learner.LOADED[:1])
    words = ["miner", "run", "--device", "cpu", "--home", str(tmp_path), "--wallet", "alice", *options]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, told in result.stderr) == (2, True)


@pytest.mark.parametrize("role", ["miner", "verifier"])
def test_a_worker_is_helped_by_a_cluster_and_leaves_it_in_the_end(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = {"miner": "pole.cli.workers.miner.run", "verifier": "pole.cli.workers.verifier_run"}[role]
    session_in(tmp_path, monkeypatch)
    cluster, events = FakeShards(), []

    @contextmanager
    def opened(_: object, address: str, certificates: Path) -> Iterator[FakeShards]:
        events.append(address)
        yield cluster
        events.append("left")

    def noted(*_: object, shards: object, **__: object) -> None:
        assert shards is cluster
        events.append("given")

    monkeypatch.setattr(f"{module}.cluster_beside", opened)
    monkeypatch.setattr(f"{module}.round_data_of", noted)
    monkeypatch.setattr(worker, "run_worker", lambda *_, **__: events.append("ran"))
    words = ["--home", str(tmp_path), "--wallet", "alice", "--device", "cpu", "--cluster", "tls://head:8786"]
    result = CliRunner().invoke(main, [role, "run", *words])
    assert result.exit_code == 0, result.output
    assert events == ["tls://head:8786", "given", "ran", "left"]


@pytest.mark.parametrize("role", ["miner", "verifier"])
def test_a_worker_with_a_cluster_without_tls_does_not_start(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_in(tmp_path, monkeypatch)
    words = ["--home", str(tmp_path), "--wallet", "alice", "--device", "cpu", "--cluster", "tcp://head:8786"]
    result = CliRunner().invoke(main, [role, "run", *words])
    assert result.exit_code == 2
    assert "must be like tls://head:8786" in result.output
