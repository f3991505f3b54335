"""`pole deployment verify` as a user runs it, against a stand-in for Sourcify."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.adapters.explorers.stand_in import StandIn, address, error, serving, write_deployment

from pole.adapters.ethereum.deployment import CONTRACTS
from pole.cli import main


@pytest.fixture
def server() -> Iterator[StandIn]:
    with serving() as running:
        yield running


def verify(path: Path, server: str, *words: str) -> Result:
    command = ["deployment", "verify", "--deployment", str(path), "--server", server, *words]
    return CliRunner().invoke(main, command)


def test_every_contract_is_verified_and_has_its_line(tmp_path: Path, server: StandIn) -> None:
    shown = verify(write_deployment(tmp_path), server.url)
    assert shown.exit_code == 0, shown.output
    lines = [line.split(maxsplit=2) for line in shown.stdout.splitlines()]
    assert lines == [[name, address(name), "exact match"] for name in CONTRACTS]


def test_one_that_fails_does_not_hide_the_others_and_the_exit_code_is_1(
    tmp_path: Path, server: StandIn
) -> None:
    broken = address("Ledger")
    server.submission = lambda where: (
        (400, error("no_match", "The code differs.")) if where == broken else (409, error("already_verified"))
    )
    shown = verify(write_deployment(tmp_path), server.url, "--json")
    assert shown.exit_code == 1
    found = {each["contract"]: each for each in json.loads(shown.stdout)}
    assert found["Ledger"]["reason"] == "no_match: The code differs."
    assert {each["outcome"] for name, each in found.items() if name != "Ledger"} == {"already"}
    assert set(found) == set(CONTRACTS)


def test_a_server_that_is_down_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    shown = verify(write_deployment(tmp_path), "http://127.0.0.1:1")
    assert shown.exit_code == 3
    assert shown.stderr.count("\n") == 1


def test_without_a_deployment_nothing_is_sent(tmp_path: Path, server: StandIn) -> None:
    shown = verify(tmp_path / "missing.json", server.url)
    assert (shown.exit_code, server.asked) == (2, [])
