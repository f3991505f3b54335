"""`pole cluster`: what is wrong is said before anything is done."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pole.cli import main


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["cluster", *words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert run("certificates", str(tmp_path), "--home", str(tmp_path / "home")).exit_code == 0
    return tmp_path


def test_certificates_are_made_and_named(tmp_path: Path) -> None:
    result = run("certificates", str(tmp_path / "made"), "--json")
    roles = [str(tmp_path / "made" / role) for role in ("scheduler", "worker", "client")]
    assert json.loads(result.output) == {"roles": roles, "authority": str(tmp_path / "made" / "authority")}


@pytest.mark.parametrize(
    "words",
    [["status", "tcp://head:8786"], ["worker", "head:8786"], ["scheduler", "--listen", "tcp://:8786"]],
)
def test_a_plain_address_is_refused(folder: Path, words: list[str]) -> None:
    option = "--cluster-certificates" if words[0] == "status" else "--certificates"
    result = run(*words, option, str(folder / "client"))
    assert result.exit_code == 2
    assert "must be like tls://head:8786" in result.output


def test_the_folder_of_another_role_is_refused(folder: Path) -> None:
    result = run("worker", "tls://127.0.0.1:1", "--certificates", str(folder / "client"))
    assert result.exit_code == 2
    assert "is not that of the role worker" in result.output


def test_without_certificates_it_is_said_where_they_come_from(tmp_path: Path) -> None:
    result = run("status", "tls://127.0.0.1:1", "--home", str(tmp_path))
    assert result.exit_code == 2
    assert f"There is no {tmp_path}/cluster/client/authority.pem" in result.output
