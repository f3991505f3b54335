import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pole.adapters.ethereum.deployment import CONTRACTS, FORMAT_VERSION, read_deployment
from pole.errors import InputError
from pole.protocol.parameters import ChainParameters, CommitteeParameters, TaskListParameters


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


PARAMETERS = {
    group: {camel(field.name): 1 for field in fields(kind)}
    for group, kind in (
        ("taskList", TaskListParameters),
        ("committee", CommitteeParameters),
        ("chain", ChainParameters),
    )
}


def deployment() -> dict[str, Any]:
    contracts = {
        name: {
            "address": "0x" + f"{number:02x}" * 20,
            "abi": [],
            "deployedBlock": 7 + number,
            "codeHash": "0xAB",
        }
        for number, name in enumerate(CONTRACTS)
    }
    return {"version": FORMAT_VERSION, "chainId": 1337, "contracts": contracts, "parameters": PARAMETERS}


def written(folder: Path, content: Any) -> Path:
    path = folder / "devnet.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_missing_file_says_how_to_deploy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tools/brownie run deploy --network devnet"):
        read_deployment(tmp_path / "devnet.json")


@pytest.mark.parametrize("version", [FORMAT_VERSION - 1, FORMAT_VERSION + 1, None, "2"])
def test_a_deployment_of_other_contracts_says_what_to_do_in_one_sentence(
    tmp_path: Path, version: object
) -> None:
    with pytest.raises(InputError, match="use the pole that deployed it, or deploy again") as refused:
        read_deployment(written(tmp_path, deployment() | {"version": version}))
    assert str(refused.value).count(". ") == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\x00"])
def test_a_file_that_is_no_json_object_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="The deployment file"):
        read_deployment(written(tmp_path, text))


@pytest.mark.parametrize("missing", ["chainId", "contracts", "parameters"])
def test_a_missing_part_is_named(tmp_path: Path, missing: str) -> None:
    content = deployment()
    del content[missing]
    with pytest.raises(InputError, match=missing):
        read_deployment(written(tmp_path, content))


@pytest.mark.parametrize(
    ("field", "value"), [("address", "0x12"), ("address", None), ("deployedBlock", "7"), ("abi", 3)]
)
def test_a_malformed_contract_is_refused(tmp_path: Path, field: str, value: object) -> None:
    content = deployment()
    content["contracts"]["TaskList"][field] = value
    with pytest.raises(InputError, match="incomplete"):
        read_deployment(written(tmp_path, content))


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_missing_contract_is_named(tmp_path: Path, name: str) -> None:
    content = deployment()
    del content["contracts"][name]
    with pytest.raises(InputError, match=name):
        read_deployment(written(tmp_path, content))


def test_a_deployment_is_read_whole(tmp_path: Path) -> None:
    found = read_deployment(written(tmp_path, deployment()))
    assert found.chain_id == 1337
    assert found.first_block == 7
    assert found.contracts["TaskList"].address == "0x0202020202020202020202020202020202020202"
    assert found.chain.code_hash == "0xab"
    assert found.parameters.chain.miner_bond == 1
