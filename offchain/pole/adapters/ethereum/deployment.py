"""The deployment file: addresses, ABIs and parameters of the contracts.

It is the only thing that passes from brownie to the package.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pole.errors import InputError
from pole.protocol.encoding.hashing import address, is_address
from pole.protocol.parameters import Parameters, parameters_from_json
from pole.quoting import quoted, reason
from pole.roles.support.files import read_bounded

FORMAT_VERSION = 2
MAX_FILE_BYTES = 2**22
DEPLOYED = ("RewardReservoir", "Ledger", "TaskList", "VerifierCommittee", "PoLeChain")
"""The contracts that are deployed, in their order."""
MADE = {"Judge": "judge", "ReleaseSignature": "releaseSignature", "Entropy": "entropy"}
"""The contracts that PoLeChain's constructor makes, and what PoLeChain calls each."""
CONTRACTS = (*DEPLOYED, *MADE)


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """A contract: its EIP-55 address, ABI, the Ethereum block it came in, and the keccak-256 of its code."""

    address: str
    deployed_block: int
    code_hash: str
    abi: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts on one chain, and the parameters they were constructed with."""

    path: Path
    chain_id: int
    contracts: Mapping[str, DeployedContract]
    parameters: Parameters

    @property
    def chain(self) -> DeployedContract:
        """Return PoLeChain."""
        return self.contracts["PoLeChain"]

    @property
    def first_block(self) -> int:
        """Return the Ethereum block before which no contract has an event."""
        return min(contract.deployed_block for contract in self.contracts.values())


def read_deployment(path: Path) -> Deployment:
    """Read a deployment file of version 2 (docs/deployment.md).

    Raises InputError when there is none, it is of another version, or something is missing in it.
    """
    content = read_content(path)
    try:
        return Deployment(
            path=path,
            chain_id=_whole_number(content["chainId"]),
            contracts={name: _contract(content["contracts"][name]) for name in CONTRACTS},
            parameters=parameters_from_json(content["parameters"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"The deployment file {path} is incomplete ({quoted(error)}): deploy again with `tools/brownie "
            "run deploy --network devnet`."
        ) from error


def read_content(path: Path) -> dict[str, Any]:
    """Return the JSON object of a deployment file of this version.

    Raises InputError when there is none, or it is of another version.
    """
    content = _json_object(path)
    version = content.get("version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"The deployment file {path} has version {quoted(version)}, and this pole reads version "
            f"{FORMAT_VERSION} alone, whose contracts are others: use the pole that deployed it, or deploy "
            "again with `tools/brownie run deploy --network devnet`."
        )
    return content


def _json_object(path: Path) -> dict[str, Any]:
    try:
        document = read_bounded(path, MAX_FILE_BYTES)
        if len(document) > MAX_FILE_BYTES:
            raise InputError(f"The deployment file {path} has over {MAX_FILE_BYTES} bytes: deploy again.")
        content = json.loads(document)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no deployment file {path}: deploy the contracts with `tools/brownie run deploy "
            "--network devnet`, or name the file with --deployment."
        ) from error
    except OSError as error:
        raise InputError(f"The deployment file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The deployment file {path} is not JSON ({reason(error)}): deploy again."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"The deployment file {path} is not a JSON object: deploy again.")
    return content


def _contract(entry: dict[str, Any]) -> DeployedContract:
    if not is_address(entry["address"]):
        raise ValueError(f"no address: {quoted(entry['address'])}")
    return DeployedContract(
        address=address(entry["address"]),
        deployed_block=_whole_number(entry["deployedBlock"]),
        code_hash=str(entry["codeHash"]).lower(),
        abi=tuple(dict(element) for element in entry["abi"]),
    )


def _whole_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"no whole number: {quoted(value)}")
    return value
