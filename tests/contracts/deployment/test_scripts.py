"""The brownie scripts that a person runs by hand."""

import json
from pathlib import Path

import pytest
from brownie import accounts, web3
from scripts import deploy, deployed, fund, post_task, show_state
from tests.contracts import stage
from tests.contracts.stage import ETHER, FILES, TERMS

from pole.adapters.deployment import read_deployment

PARAMETERS = Path("devnet/parameters.json")


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Return the parameter and deployment files of a test, the former a copy of the checked one."""
    parameters, deployment = tmp_path / "parameters.json", tmp_path / "out" / "deployment.json"
    parameters.write_text(PARAMETERS.read_text())
    monkeypatch.setenv("POLE_PARAMETERS", str(parameters))
    monkeypatch.setenv("POLE_DEPLOYMENT", str(deployment))
    return parameters, deployment


def changed(path, group, name, value):
    content = json.loads(path.read_text())
    content[group][name] = value
    path.write_text(json.dumps(content))


def test_parameters_that_are_missing_unknown_or_unusable_are_named(files):
    parameters, _ = files
    for name, value, hint in [
        ("seatStake", "1.5 ether", "seatStake"),
        ("seatStake", "0.0000000000000000001", "seatStake"),
        ("seatStake", -1, "seatStake"),
        ("tolerance", "0", "tolerance"),
        ("tolerance", 2**32, "tolerance"),
        ("tolerence", 0, "unknown: .*tolerence"),
    ]:
        parameters.write_text(PARAMETERS.read_text())
        changed(parameters, "committee", name, value)
        with pytest.raises(SystemExit, match=hint):
            deploy.main()


def test_without_a_parameter_file_or_a_deployment_file_the_message_says_what_to_do(files):
    parameters, deployment = files
    with pytest.raises(SystemExit, match="deploy first"):
        show_state.main()
    parameters.unlink()
    with pytest.raises(SystemExit, match="POLE_PARAMETERS"):
        deploy.main()
    assert not deployment.exists()


def test_the_deployment_file_is_what_the_package_reads(files):
    _, deployment = files
    deploy.main()
    read = read_deployment(deployment)
    assert read.chain_id == web3.eth.chain_id
    assert set(read.contracts) == set(deployed.CONTRACTS)
    assert read.parameters.chain.miner_bond == ETHER // 10
    assert read.parameters.committee.unbonding_time == 691_200
    assert read.chain.deployed_block == web3.eth.block_number


def test_a_deployment_of_a_wiped_chain_is_refused(files):
    _, deployment = files
    deploy.main()
    content = json.loads(deployment.read_text())
    content["contracts"]["PoLeChain"]["address"] = accounts[5].address
    deployment.write_text(json.dumps(content))
    with pytest.raises(SystemExit, match="deploy again"):
        show_state.main()


def test_the_scripts_fund_post_and_show(files, tmp_path, capsys):
    deploy.main()
    fund.main("2.5")
    chain, reservoir = deployed.load("PoLeChain"), deployed.load("RewardReservoir")
    assert reservoir.balanceOf(chain, stage.POOL) == ETHER * 5 // 2
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"terms": TERMS | {"reward": "3.5"}, "files": FILES}))
    assert post_task.main(str(task)) == 1
    assert deployed.load("TaskList").task(1)[1][0] == ETHER * 7 // 2
    chain.openRound({"from": accounts[0]})
    show_state.main()
    shown = capsys.readouterr().out
    assert "Round 1 is in Keys until" in shown
    assert "The pool holds 3.5 ether" in shown


def test_a_task_file_with_other_names_is_refused(files, tmp_path):
    deploy.main()
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"terms": TERMS, "files": {"spec": "bafy"}}))
    with pytest.raises(SystemExit, match="specCid"):
        post_task.main(str(task))
