"""The brownie scripts that a person runs by hand."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from brownie import accounts, web3
from eth_account import Account
from scripts import deploy, fund, post_task, show_state
from scripts.contracts import deployed, presets
from scripts.contracts.presets import Randomness
from tests.contracts import stage
from tests.contracts.stage import ETHER, FILES, TERMS

from pole.adapters.ethereum.deployment import CONTRACTS, read_deployment

PARAMETERS = Path("devnet/parameters.json")
COMPILED = "RewardReservoir"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """Return the parameter and deployment files of a test, the former a copy of the checked one."""
    parameters, deployment = tmp_path / "parameters.json", tmp_path / "out" / "deployment.json"
    parameters.write_text(PARAMETERS.read_text())
    monkeypatch.setenv("POLE_PARAMETERS", str(parameters))
    monkeypatch.setenv("POLE_DEPLOYMENT", str(deployment))
    return parameters, deployment


def changed(path: Path, group: str, name: str, value: object) -> None:
    content = json.loads(path.read_text())
    content[group][name] = value
    path.write_text(json.dumps(content))


def below_us(monkeypatch: pytest.MonkeyPatch, **differing: Any) -> None:
    """Let the chain below be one of another preset."""
    chain_id = web3.eth.chain_id
    preset = replace(presets.read_presets()[chain_id], **differing)
    monkeypatch.setattr(presets, "read_presets", lambda: {chain_id: preset})


def test_parameters_that_are_missing_unknown_or_unusable_are_named(files: tuple[Path, Path]) -> None:
    parameters, _ = files
    for name, value, hint in [
        ("seatStake", "1.5 ether", "seatStake"),
        ("seatStake", "0.0000000000000000001", "seatStake"),
        ("seatStake", -1, "seatStake"),
        ("seatAge", "5", "seatAge"),
        ("seatAge", 2**32, "seatAge"),
        ("seatsAge", 5, "unknown: .*seatsAge"),
    ]:
        parameters.write_text(PARAMETERS.read_text())
        changed(parameters, "committee", name, value)
        with pytest.raises(SystemExit, match=hint):
            deploy.main()


def test_without_a_parameter_file_or_a_deployment_file_the_message_says_what_to_do(
    files: tuple[Path, Path],
) -> None:
    parameters, deployment = files
    with pytest.raises(SystemExit, match="deploy first"):
        show_state.main()
    parameters.unlink()
    with pytest.raises(SystemExit, match="POLE_PARAMETERS"):
        deploy.main()
    assert not deployment.exists()


def test_parameters_that_do_not_hold_together_are_refused_before_anything_is_sent(
    files: tuple[Path, Path],
) -> None:
    parameters, deployment = files
    changed(parameters, "committee", "seatAge", 0)
    changed(parameters, "chain", "drawDelay", 1)
    before = web3.eth.block_number
    with pytest.raises(SystemExit) as refused:
        deploy.main()
    assert str(refused.value).count("\n- ") == 2
    assert "committee.seatAge" in str(refused.value)
    assert (web3.eth.block_number, deployment.exists()) == (before, False)


def test_a_sequencers_chain_is_deployed_to_only_where_that_is_accepted_by_name(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, deployment = files
    below_us(monkeypatch, randomness=Randomness.SEQUENCER)
    before = web3.eth.block_number
    for accepted in ("", "unknown", "yes"):
        monkeypatch.setenv("POLE_ACCEPT_RANDOMNESS", accepted)
        with pytest.raises(SystemExit, match="accept it with POLE_ACCEPT_RANDOMNESS=sequencer"):
            deploy.main()
    assert (web3.eth.block_number, deployment.exists()) == (before, False)
    monkeypatch.setenv("POLE_ACCEPT_RANDOMNESS", "sequencer")
    deploy.main()
    assert deployment.exists()


def test_a_chain_without_a_preset_is_refused(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "read_presets", dict)
    with pytest.raises(SystemExit, match="accept it with POLE_ACCEPT_RANDOMNESS=unknown"):
        deploy.main()


def test_parameters_that_wait_for_fewer_blocks_than_the_network_needs_are_refused(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, deployment = files
    below_us(monkeypatch, randomness=Randomness.RANDAO, draw_delay=65, confirmations=8)
    before = web3.eth.block_number
    with pytest.raises(
        SystemExit, match=r"drawDelay is 2, .* at least 65.*\n.*confirmations is 1, .* least 8"
    ):
        deploy.main()
    assert (web3.eth.block_number, deployment.exists()) == (before, False)


def test_a_network_whose_ether_has_a_price_needs_a_parameter_file(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLE_PARAMETERS")
    below_us(monkeypatch, parameters=None)
    with pytest.raises(SystemExit, match="No parameters are chosen for devnet: name a file after `main`"):
        deploy.main()


def test_the_preset_names_the_parameter_file(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters, _ = files
    monkeypatch.delenv("POLE_PARAMETERS")
    below_us(monkeypatch, parameters=parameters)
    changed(parameters, "committee", "seatAge", 0)
    with pytest.raises(SystemExit, match=f"{parameters}: "):
        deploy.main()


def test_a_parameter_that_is_given_twice_is_refused(files: tuple[Path, Path]) -> None:
    parameters, _ = files
    parameters.write_text(parameters.read_text().replace('"seatAge": 5', '"seatAge": 5, "seatAge": 6'))
    with pytest.raises(SystemExit, match="'seatAge' is in it twice"):
        deploy.main(str(parameters))


def test_windows_that_are_short_for_the_chain_below_are_refused(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "block_time", lambda: 130.0)
    with pytest.raises(SystemExit, match=r"keyWindow is 600 s, .* 130 s for a block"):
        deploy.main()


def test_other_code_or_other_arguments_on_the_chain_are_found_out(files: tuple[Path, Path]) -> None:
    parameters, _ = files
    chosen = deploy.read_parameters(parameters, deploy.network_preset())
    contracts = deploy.deploy(accounts[0], chosen)
    deploy.verify(contracts, chosen)
    meant = {**chosen, "committee": (*chosen["committee"][:-1], 1)}
    with pytest.raises(SystemExit, match="VerifierCommittee was constructed with other arguments"):
        deploy.verify(contracts, meant)
    with pytest.raises(SystemExit, match=r"VerifierCommittee\.parameters is .* on the chain"):
        deploy.verify_getters(contracts, meant)
    with pytest.raises(SystemExit, match="The code that created RewardReservoir is not the code"):
        deploy.verify_construction("RewardReservoir", contracts["TaskList"], "")


def test_the_sources_written_for_explorers_compile_to_what_was_deployed(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    _, deployment = files
    deploy.main()
    content = json.loads(deployment.read_text())
    assert set(content["contracts"]) == set(CONTRACTS)
    written = json.loads(deployment.with_suffix(".sources.json").read_text())
    # All the code takes the compiler minutes. Its metadata names every source and setting, at no cost.
    output = compiled_elsewhere(selecting(written, CONTRACTS, ["metadata"]), tmp_path / "explorer")
    for contract in content["contracts"].values():
        metadata = compiled_as(output, contract)["metadata"]
        assert ipfs_digest(metadata).hex() in bytes(web3.eth.get_code(contract["address"])).hex()
        assert json.loads(metadata)["compiler"]["version"] in content["compiler"]
    whole = selecting(written, [COMPILED], ["evm.bytecode.object"])
    contract = content["contracts"][COMPILED]
    code = compiled_as(compiled_elsewhere(whole, tmp_path / "other"), contract)["evm"]["bytecode"]["object"]
    creation: Any = web3.eth.get_transaction(contract["transaction"])
    assert bytes(creation.input).hex() == code + contract["constructorArguments"]


def selecting(written: dict[str, Any], names: Iterable[str], wanted: list[str]) -> dict[str, Any]:
    """Return the compiler's input with less wanted of it."""
    selection = {
        path: {name: wanted for name in of_path if name in names}
        for path, of_path in written["settings"]["outputSelection"].items()
    }
    return {**written, "settings": {**written["settings"], "outputSelection": selection}}


def compiled_elsewhere(content: dict[str, Any], elsewhere: Path) -> dict[str, Any]:
    """Return what the compiler makes of its input where none of the sources can be found on disk."""
    elsewhere.mkdir()
    done = subprocess.run(
        [Path("devnet/solc/solc-v0.8.30").resolve(), "--standard-json"],
        input=json.dumps(content).encode(),
        cwd=elsewhere,
        capture_output=True,
        check=True,
    )
    output: dict[str, Any] = json.loads(done.stdout)
    assert not output.get("errors")
    return output


def compiled_as(output: dict[str, Any], contract: dict[str, Any]) -> dict[str, Any]:
    path, _, source = contract["source"].rpartition(":")
    found: dict[str, Any] = output["contracts"][path][source]
    return found


def ipfs_digest(metadata: str) -> bytes:
    """Return the digest in the CID of a file of one block, which code ends with (UnixFS, dag-pb)."""
    data = metadata.encode()
    assert len(data) < 262_144
    file = b"\x08\x02\x12" + varint(len(data)) + data + b"\x18" + varint(len(data))
    return sha256(b"\x0a" + varint(len(file)) + file).digest()


def varint(number: int) -> bytes:
    low, high = number & 127, number >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def test_a_wallet_of_pole_deploys_where_the_node_unlocks_no_account(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, deployment = files
    wallet = Account.create()
    keystore, password = tmp_path / "deployer.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(wallet.key, "open", iterations=2)))
    password.write_text("wrong\n")
    accounts[0].transfer(wallet.address, ETHER)
    monkeypatch.setenv("POLE_ACCOUNT", str(tmp_path / "missing.json"))
    monkeypatch.setenv("POLE_PASSWORD_FILE", str(password))
    with pytest.raises(SystemExit, match=r"There is no file .*missing\.json"):
        deploy.main()
    monkeypatch.setenv("POLE_ACCOUNT", str(keystore))
    with pytest.raises(SystemExit, match="The password does not open"):
        deploy.main()
    password.write_text("open\n")
    deploy.main()
    chain = json.loads(deployment.read_text())["contracts"]["PoLeChain"]
    creation: Any = web3.eth.get_block(chain["deployedBlock"], True)["transactions"][0]
    assert creation["from"] == wallet.address


def test_the_deployment_file_is_what_the_package_reads(files: tuple[Path, Path]) -> None:
    _, deployment = files
    deploy.main()
    read = read_deployment(deployment)
    assert read.chain_id == web3.eth.chain_id
    assert set(read.contracts) == set(CONTRACTS)
    assert read.parameters.chain.miner_bond == ETHER // 20
    assert read.parameters.committee.seat_age == 5
    assert read.chain.deployed_block == web3.eth.block_number


def test_a_deployment_of_a_wiped_chain_is_refused(files: tuple[Path, Path]) -> None:
    _, deployment = files
    deploy.main()
    content = json.loads(deployment.read_text())
    content["contracts"]["PoLeChain"]["address"] = accounts[5].address
    deployment.write_text(json.dumps(content))
    with pytest.raises(SystemExit, match="deploy again"):
        show_state.main()


def test_the_scripts_fund_post_and_show(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy.main()
    fund.main("2.5")
    chain, reservoir = deployed.load("PoLeChain"), deployed.load("RewardReservoir")
    assert reservoir.balanceOf(chain, stage.POOL) == ETHER * 5 // 2
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"terms": TERMS | {"reward": "3.5"}, "files": FILES}))
    assert post_task.main(str(task)) == 1
    assert deployed.load("TaskList").task(1)[2][0] == ETHER * 7 // 2
    chain.openRound(1, {"from": accounts[0]})
    show_state.main()
    shown = capsys.readouterr().out
    assert f"Round {chain.newestRound(1)} is in SEED." in shown
    assert "No round has opened in lane 0." in shown
    assert "The pool holds 3.5 ether" in shown


def test_a_task_file_with_other_names_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    deploy.main()
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"terms": TERMS, "files": {"spec": "bafy"}}))
    with pytest.raises(SystemExit, match="specCid"):
        post_task.main(str(task))
