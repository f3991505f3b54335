"""What Slither finds fails the check, unless a waiver with a reason covers it."""

import json
from pathlib import Path

import pytest
from scripts.checks import static_analysis
from scripts.checks.static_analysis import Finding, Waiver, analyse, complaints, read_waivers
from scripts.contracts import sources

TIMED = Finding("timestamp", "Low", "PoLeChain.phaseOf", "PoLeChain.phaseOf uses timestamp")
CLOCK = Waiver(("timestamp",), "PoLeChain.*", "Phases follow from the clock.")

LEAKY = """
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
contract Leaky {
    mapping(address => uint256) public owed;
    function drain() external {
        (bool ok, ) = msg.sender.call{value: owed[msg.sender]}("");
        require(ok);
        owed[msg.sender] = 0;
    }
}
"""


def test_a_finding_that_nothing_waives_is_told_with_its_place() -> None:
    (told,) = complaints([TIMED], [])
    assert told.startswith("Low timestamp in PoLeChain.phaseOf\n")
    assert complaints([TIMED], [Waiver(("timestamp",), "TaskList.*", "Other contract.")])[0] == told
    assert complaints([TIMED], [Waiver(("tx-origin",), "*", "Other check.")])[0] == told


def test_a_waiver_that_waives_nothing_is_told() -> None:
    assert complaints([TIMED], [CLOCK]) == []
    (told,) = complaints([], [CLOCK])
    assert "('timestamp',) in PoLeChain.*" in told


def test_every_waiver_has_a_reason_and_none_waives_a_whole_contract() -> None:
    for waiver in read_waivers():
        assert len(waiver.why) > 20
        assert waiver.checks
        assert "*" not in "".join(waiver.checks)


def test_reentrancy_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "Leaky.sol").write_text(LEAKY)
    (tmp_path / "brownie-config.yaml").write_text((sources.ROOT / "brownie-config.yaml").read_text())
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    findings = analyse()
    assert ("reentrancy-eth", "High", "Leaky.drain") in {
        (each.check, each.impact, each.place) for each in findings
    }
    told = complaints(findings, read_waivers())
    assert any(each.startswith("High reentrancy-eth in Leaky.drain") for each in told)


def test_the_compiler_is_given_what_brownie_gives_it() -> None:
    content = sources.standard_input(["contracts/libraries/encoding/Cid.sol"], {})
    source = (sources.ROOT / "contracts/libraries/encoding/Cid.sol").read_text()
    assert content["sources"] == {"contracts/libraries/encoding/Cid.sol": {"content": source}}
    assert content["settings"]["viaIR"] is True
    assert content["settings"]["evmVersion"] == "shanghai"
    assert json.loads(json.dumps(content)) == content


def test_contracts_of_the_tests_are_not_analysed() -> None:
    paths = sources.contract_sources()
    assert "contracts/PoLeChain.sol" in paths
    assert not [path for path in paths if "harness" in path]
    assert static_analysis.WAIVERS.is_file()
