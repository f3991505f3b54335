import importlib.util
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pole.adapters.machine import diagnosis
from pole.adapters.machine.diagnosis import Finding, Grade, Setup, diagnose
from pole.adapters.wallet.keystore import new_wallet
from pole.cli import main
from pole.errors import UnreachableError

# ipfshttpclient's; pole silences it too, but pytest makes every warning an error again.
pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")


def setup(home: Path) -> Setup:
    return Setup(home, "http://127.0.0.1:1", "/ip4/127.0.0.1/tcp/1", home / "devnet.json")


@pytest.fixture(autouse=True)
def _without_importing_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_torch", lambda _: Finding("torch", Grade.OK, "torch."))


def test_each_part_that_fails_says_what_to_do(tmp_path: Path) -> None:
    found = {finding.part: finding for finding in diagnose(setup(tmp_path))}
    failing = {part for part, finding in found.items() if finding.grade is Grade.FAIL}
    assert failing == {"chain", "deployment", "ipfs"}
    assert "pole devnet up" in found["chain"].sentence
    assert "run deploy" in found["deployment"].sentence
    assert "pole devnet up" in found["ipfs"].sentence
    assert "pole wallet new" in found["wallets"].sentence


def test_a_failing_part_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Setup) -> Finding:
        raise UnreachableError("broken")

    monkeypatch.setattr(diagnosis, "_python", fail)
    found = diagnose(setup(tmp_path))
    assert found[0] == Finding("python", Grade.FAIL, "broken")
    assert len(found) == 9


def test_the_chain_is_told_with_the_program_that_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["anvil/v1.7.1\nnot this", 1337, 7]
    monkeypatch.setattr(diagnosis, "in_one_request", lambda _node, _asked: told)
    found = {finding.part: finding for finding in diagnose(setup(tmp_path))}
    shown = r"Chain 1337 at http://127.0.0.1:1 (anvil/v1.7.1\nnot this), block 7."
    assert found["chain"] == Finding("chain", Grade.OK, shown)


def test_missing_programs_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    found = {finding.part: finding for finding in diagnose(setup(tmp_path))}
    assert found["torch"].grade is Grade.FAIL
    assert found["node.js"].grade is Grade.WARN


def test_a_wallet_needs_the_chain_to_be_judged(tmp_path: Path) -> None:
    new_wallet(tmp_path, "alice", "password", rounds=2)
    found = {finding.part: finding for finding in diagnose(setup(tmp_path))}
    assert found["wallets"].grade is Grade.FAIL


def test_the_command_fails_when_a_part_does(tmp_path: Path) -> None:
    words = ["doctor", "--json", "--home", str(tmp_path), "--rpc", "http://127.0.0.1:1"]
    result = CliRunner().invoke(main, [*words, "--ipfs", "/ip4/127.0.0.1/tcp/1"])
    assert result.exit_code == 1
    assert {finding["grade"] for finding in json.loads(result.stdout)} >= {"ok", "fail"}
    plain = CliRunner().invoke(main, [word for word in words if word != "--json"])
    assert plain.stdout.startswith("ok    python       Python 3.")
