"""The index of a real node: the contracts' events, a chain that is really reorganised, and the commands."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import select
from tests.integration import deploying
from tests.integration.conftest import Devnet
from tests.integration.test_anvil import deployed
from tests.unit.explore.databases import dump
from tests.unit.explore.training.miners import Kept
from web3 import Web3

from pole.adapters.ethereum.chain_reader import ChainReader, open_chain_reader
from pole.adapters.history.pages import EventPages
from pole.cli import main
from pole.explore import schema
from pole.explore.index.opening import open_index

STAKE = deploying.PARAMETERS["committee"]["seatStake"]
COMMITTEE = "VerifierCommittee"
PATIENCE = 60


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    with deployed(tmp_path_factory.mktemp("anvil")) as devnet:
        yield devnet


@pytest.fixture
def reader(devnet: Devnet) -> ChainReader:
    return open_chain_reader(devnet.settings.rpc, devnet.deployment)


def stake(w3: Web3, reader: ChainReader, *seats: int) -> None:
    committee = reader.contracts[COMMITTEE]
    for seat in seats:
        w3.eth.wait_for_transaction_receipt(
            w3.eth.send_transaction(
                {
                    "from": w3.eth.accounts[seat],
                    "to": Web3.to_checksum_address(committee.address),
                    "data": committee.calldata("stake"),
                    "value": Web3.to_wei(STAKE, "wei"),
                }
            )
        )


def test_a_reorganised_node_leaves_what_reading_it_anew_would(
    devnet: Devnet, reader: ChainReader, tmp_path: Path
) -> None:
    source = EventPages(reader)
    index = open_index(reader.deployment, tmp_path, None)
    stake(devnet.w3, reader, 1)
    snapshot = devnet.w3.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
    stake(devnet.w3, reader, 2, 3)
    assert index.catch_up(source) == source.head()
    devnet.w3.provider.make_request("evm_revert", [snapshot])  # type: ignore[arg-type]
    stake(devnet.w3, reader, 4)
    devnet.mine(5)
    assert index.catch_up(source) == source.head()
    with index.engine.connect() as connection:
        staked = list(connection.scalars(select(schema.acts.c.who).where(schema.acts.c.kind == "Staked")))
        costs = list(connection.execute(select(schema.transactions).order_by(schema.transactions.c.block)))
    people = list(devnet.w3.eth.accounts)
    assert staked == [people[1], people[4]]
    assert [row.sender for row in costs[-2:]] == staked
    for row in costs:
        receipt = devnet.w3.eth.get_transaction_receipt(row.transaction)
        assert (row.block, row.sender) == (receipt["blockNumber"], receipt["from"])
        assert (row.gas, row.price) == (receipt["gasUsed"], receipt["effectiveGasPrice"])
        assert row.paid == row.gas * row.price > 0
    fresh = open_index(reader.deployment, tmp_path / "fresh", None)
    fresh.catch_up(source)
    assert dump(fresh.engine) == dump(index.engine)


def test_balances_are_those_of_the_reservoir(devnet: Devnet, reader: ChainReader, tmp_path: Path) -> None:
    stake(devnet.w3, reader, 5)
    index = open_index(reader.deployment, tmp_path, None)
    index.catch_up(EventPages(reader))
    with index.engine.connect() as connection:
        rows = list(connection.execute(select(schema.balances)))
    assert rows
    for row in rows:
        account = bytes.fromhex(row.account[2:])
        assert reader.view("RewardReservoir", "balanceOf", row.holder, account) == row.amount
    assert sum(row.amount for row in rows) == reader.view("RewardReservoir", "total")


def test_tables_are_written_by_a_command(devnet: Devnet, tmp_path: Path) -> None:
    where = ["--home", str(tmp_path), "--rpc", devnet.settings.rpc, "--deployment", str(devnet.deployment)]
    out = tmp_path / "tables"
    result = CliRunner().invoke(main, ["chain", "export", "--out", str(out), "--json", *where])
    assert result.exit_code == 0, result.output
    rows = {Path(each["file"]).stem: each["rows"] for each in json.loads(result.stdout)}
    assert rows["pole_blocks"] == 1
    assert rows["events"] >= 1
    assert {file.stem for file in out.iterdir()} == rows.keys()


def test_pages_are_served_and_tell_of_every_block(devnet: Devnet, tmp_path: Path) -> None:
    where = ["--home", str(tmp_path), "--rpc", devnet.settings.rpc, "--deployment", str(devnet.deployment)]
    miners = ["--data-folder", str(Kept(tmp_path / "miner").train(7).home)]
    begun = [sys.executable, "-c", "from pole.cli import main; main()", "explore", "--port", "0"]
    command = [*begun, *where, *miners]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+/", server.stdout.readline())
        try:
            assert found
            url = found[0]
            with requests.get(f"{url}stream", stream=True, timeout=PATIENCE) as stream:
                heads = (line for line in stream.iter_lines() if line.startswith(b"data: "))
                first = json.loads(next(heads).removeprefix(b"data: "))
                devnet.mine(1)
                later = json.loads(next(heads).removeprefix(b"data: "))
            assert later["block"] > first["block"]
            now = requests.get(f"{url}now.json", timeout=PATIENCE).json()
            assert now["head"]["block"] == later["block"]
            assert len(now["data"]["lanes"]) == deploying.PARAMETERS["committee"]["lanes"]
            trained = requests.get(f"{url}training.json", timeout=PATIENCE).json()["data"]["trainings"]
            assert [each["roundId"] for each in trained] == [7]
            assert requests.get(url, timeout=PATIENCE).headers["content-type"].startswith("text/html")
        finally:
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=PATIENCE)
    assert "Traceback" not in errors
    assert server.returncode == 0
