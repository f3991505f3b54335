"""What an explorer needs to verify the contracts of a deployment: its file, and the sources beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_utils.address import is_address

from pole.adapters.ethereum.deployment import CONTRACTS, read_content
from pole.errors import InputError
from pole.quoting import quoted, reason
from pole.roles.support.files import read_bounded

MAX_SOURCE_BYTES: Final = 2**24


@dataclass(frozen=True, slots=True)
class Submission:
    """A contract as it is submitted: where it is, and what its source and compiler are called.

    `transaction` is that which created it, None where another contract did. `standard_input` is the Solidity
    compiler's.
    """

    contract: str
    chain_id: int
    address: str
    source: str
    compiler: str
    transaction: str | None
    standard_input: Mapping[str, Any] = field(repr=False)


def read_submissions(path: Path) -> list[Submission]:
    """Return the contracts of a deployment file, those that PoLeChain's constructor made among them.

    Raises InputError where the file, or `<name>.sources.json` beside it, is missing or lacks something.
    """
    content = read_content(path)
    standard_input = _sources(path.with_suffix(".sources.json"))
    try:
        compiler, chain_id = _text(content["compiler"]), _chain_id(content["chainId"])
        return [
            _submission(name, content["contracts"][name], chain_id, compiler, standard_input)
            for name in CONTRACTS
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The deployment file {path} is incomplete ({quoted(error)}): take the file that the deploy "
            "script wrote."
        ) from error


def _submission(
    name: str, entry: Mapping[str, Any], chain_id: int, compiler: str, standard_input: Mapping[str, Any]
) -> Submission:
    if not is_address(entry["address"]):
        raise ValueError(f"no address: {quoted(entry['address'])}")
    transaction = entry.get("transaction")
    return Submission(
        contract=name,
        chain_id=chain_id,
        address=entry["address"],
        source=_text(entry["source"]),
        compiler=compiler,
        transaction=None if transaction is None else _text(transaction),
        standard_input=standard_input,
    )


def _sources(path: Path) -> Mapping[str, Any]:
    try:
        document = read_bounded(path, MAX_SOURCE_BYTES)
        content = json.loads(document) if len(document) <= MAX_SOURCE_BYTES else None
    except OSError as error:
        raise InputError(
            f"The sources {path} cannot be read ({error.strerror}): put the file that the deploy script "
            "wrote beside the deployment file."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The sources {path} are not JSON ({reason(error)}): take the file that the deploy script wrote."
        ) from error
    if not isinstance(content, dict) or not {"language", "sources", "settings"} <= set(content):
        raise InputError(
            f"The sources {path} are no input of the Solidity compiler: take the file that the deploy script "
            "wrote."
        )
    return content


def _chain_id(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"no chain id: {quoted(value)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {quoted(value)}")
    return value
