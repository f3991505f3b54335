"""The compiler from npm answers brownie, forge and crytic-compile as a native one would."""

import json
import subprocess
from pathlib import Path

import pytest

DEVNET = Path(__file__).parents[3] / "devnet"
SOLC = DEVNET / "solc" / "solc-v0.8.30"

BOX = """
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {Lid} from "lib/Lid.sol";
contract Box is Lid { function open() external pure returns (uint256) { return SIZE; } }
"""
LID = """
// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
contract Lid { uint256 internal constant SIZE = 7; }
"""


def solc(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SOLC, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )


def standard_input(*outputs: str) -> str:
    settings = {
        "evmVersion": "shanghai",
        "outputSelection": {"*": {"*": list(outputs)}},
        "remappings": ["lib=parts"],
    }
    return json.dumps(
        {"language": "Solidity", "sources": {"Box.sol": {"content": BOX}}, "settings": settings}
    )


def errors(output: str) -> str:
    return " ".join(error["message"] for error in json.loads(output).get("errors", []))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "Lid.sol").write_text(LID)
    (tmp_path / "Box.sol").write_text(BOX)
    return tmp_path


def test_an_import_from_outside_the_allowed_folders_is_refused(project: Path) -> None:
    outside = BOX.replace("lib/Lid.sol", f"{project}/parts/Lid.sol")
    source = standard_input("abi").replace(json.dumps(BOX), json.dumps(outside))
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()

    refused = solc("--standard-json", cwd=elsewhere, stdin=source)
    allowed = solc("--standard-json", "--allow-paths", f"{project}/parts", cwd=elsewhere, stdin=source)

    assert "outside of allowed directories" in errors(refused.stdout)
    assert errors(allowed.stdout) == ""


def test_a_missing_import_names_where_it_was_looked_for(project: Path) -> None:
    (project / "parts" / "Lid.sol").unlink()
    result = solc("--standard-json", cwd=project, stdin=standard_input("abi"))
    assert f"File not found: parts/Lid.sol, searched in {project}" in errors(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing to do"),
        (["--gas"], "unrecognised option '--gas'"),
        (["--base-path"], "the option '--base-path' needs a value"),
        (["--combined-json", "abi,opcodes"], "Invalid option to --combined-json: opcodes"),
    ],
)
def test_a_command_line_it_does_not_understand_is_an_error(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    result = solc(*arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(complaint)
    assert result.stdout == ""


def test_the_version_it_states_is_that_of_the_npm_package(tmp_path: Path) -> None:
    package = subprocess.run(
        ["node", "--print", "require('solc').version()"],
        cwd=DEVNET,
        capture_output=True,
        text=True,
        check=True,
    )
    stated = solc("--version", cwd=tmp_path).stdout
    assert stated.splitlines()[-1] == f"Version: {package.stdout.strip()}"


def test_remapped_imports_are_found_under_the_base_path(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    result = solc("--standard-json", "--base-path", str(project), cwd=elsewhere, stdin=standard_input("abi"))
    assert [entry["name"] for entry in json.loads(result.stdout)["contracts"]["Box.sol"]["Box"]["abi"]] == [
        "open"
    ]


def test_an_output_larger_than_a_pipe_arrives_whole(project: Path) -> None:
    padding = "".join(
        f"function f{i}(uint256 x) external pure returns (uint256) {{ return x * {i}; }}" for i in range(99)
    )
    source = standard_input("*").replace("function open", f"{padding} function open")
    result = solc("--standard-json", cwd=project, stdin=source)
    assert len(result.stdout) > 500_000
    assert len(json.loads(result.stdout)["contracts"]["Box.sol"]["Box"]["abi"]) == 100


def test_the_combined_output_is_that_of_the_standard_one(project: Path) -> None:
    combined = json.loads(
        solc(
            "--combined-json",
            "abi,bin,hashes",
            "--evm-version",
            "shanghai",
            "lib=parts",
            "Box.sol",
            cwd=project,
        ).stdout
    )
    standard = json.loads(solc("--standard-json", cwd=project, stdin=standard_input("*")).stdout)
    box = standard["contracts"]["Box.sol"]["Box"]

    assert set(combined["contracts"]) == {"Box.sol:Box", "parts/Lid.sol:Lid"}
    assert combined["contracts"]["Box.sol:Box"]["abi"] == box["abi"]
    assert combined["contracts"]["Box.sol:Box"]["hashes"] == box["evm"]["methodIdentifiers"]
    assert combined["sourceList"] == ["Box.sol", "parts/Lid.sol"]


def test_a_source_that_does_not_compile_fails_the_combined_output(project: Path) -> None:
    (project / "Box.sol").write_text(BOX.replace("SIZE;", "SIZES;"))
    result = solc("--combined-json", "abi", "lib=parts", "Box.sol", cwd=project)
    assert result.returncode == 1
    assert "Undeclared identifier" in result.stderr
