"""The deployment file and the parameter file: what the brownie scripts read and write.

POLE_DEPLOYMENT names the first, else it is deployments/<network>.json. docs/deployment.md describes both.
"""

import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from brownie import Contract, accounts, network, web3
from brownie.network.account import Account, LocalAccount
from eth_typing import ChecksumAddress

from pole.adapters.ethereum.deployment import FORMAT_VERSION

AMOUNT = "uint96"
ETHER = 10**18

Sender = Account | LocalAccount


def deployment_path() -> Path:
    return Path(os.environ.get("POLE_DEPLOYMENT", f"deployments/{network.show_active()}.json"))


def sender() -> Sender:
    """Return who sends: the keystore that POLE_ACCOUNT names, else the node's first unlocked account."""
    keystore = os.environ.get("POLE_ACCOUNT")
    if keystore:
        return _unlock(keystore)
    if not len(accounts):
        raise SystemExit(
            f"The node of network {network.show_active()} unlocks no account: make a wallet with "
            "`pole wallet new`, give it ether, and set POLE_ACCOUNT to its keystore's path."
        )
    return accounts[0]


def _unlock(keystore: str) -> LocalAccount:
    """Return the account of a keystore, its password from POLE_PASSWORD_FILE or asked for."""
    file = os.environ.get("POLE_PASSWORD_FILE")
    try:
        return accounts.load(keystore, Path(file).read_text().partition("\n")[0] if file else None)
    except FileNotFoundError as error:
        raise SystemExit(f"There is no file {error.filename or keystore}: name another one.") from None
    except ValueError:
        raise SystemExit(f"The password does not open {keystore}: try again.") from None


def wei(value: object, name: str) -> int:
    """Return an amount in wei: a whole number is wei, a decimal string ether."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        amount = Decimal(value) * ETHER if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount != int(amount):
        raise SystemExit(
            f'{name} is {value!r}: give wei as a whole number or ether as a string such as "0.25".'
        )
    return int(amount)


def struct_of(values: object, components: list[dict[str, Any]], name: str) -> tuple[int, ...]:
    """Return the struct that the ABI describes by `components`, filled with `values` by name."""
    names = [component["name"] for component in components]
    if not isinstance(values, dict) or set(values) != set(names):
        given = set(values) if isinstance(values, dict) else set()
        raise SystemExit(
            f"The parameters {name!r} must be {', '.join(names)}; "
            f"missing: {sorted(set(names) - given)}, unknown: {sorted(given - set(names))}."
        )
    return tuple(_number(values[each["name"]], each["type"], f"{name}.{each['name']}") for each in components)


def named(struct: tuple[int, ...], components: list[dict[str, Any]]) -> dict[str, int | str]:
    """Return a struct by name; amounts as decimal strings of wei, which every JSON reader keeps exact."""
    return {
        each["name"]: str(value) if each["type"] == AMOUNT else int(value)
        for each, value in zip(components, struct, strict=True)
    }


def _number(value: object, kind: str, name: str) -> int:
    number = wei(value, name) if kind == AMOUNT else value
    bits = int(kind.removeprefix("uint"))
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**bits:
        raise SystemExit(f"{name} is {value!r}: it must be a whole number below 2^{bits}.")
    return number


def read_json(path: Path, hint: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(), object_pairs_hook=_once)
    except FileNotFoundError:
        raise SystemExit(f"There is no file {path}: {hint}.") from None
    except ValueError as error:
        raise SystemExit(f"The file {path} is not usable JSON: {error}.") from None
    if not isinstance(content, dict):
        raise SystemExit(f"The file {path} does not hold a JSON object: {hint}.")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Raises ValueError when it says the same thing twice."""
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is in it twice")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def load(name: str) -> Contract:
    """Return a contract of the deployment file, bound to the connected chain."""
    path = deployment_path()
    content = read_json(path, "deploy first with `tools/brownie run deploy`")
    if content.get("version") != FORMAT_VERSION or content.get("chainId") != web3.eth.chain_id:
        raise SystemExit(
            f"The deployment file {path} is of version {content.get('version')} and chain "
            f"{content.get('chainId')}; version {FORMAT_VERSION} and chain {web3.eth.chain_id} are needed: "
            "deploy again."
        )
    entry = content["contracts"][name]
    if code_hash(entry["address"]) != entry["codeHash"]:
        raise SystemExit(
            f"{name} is not at {entry['address']} on this chain, which was probably wiped: deploy again."
        )
    return Contract.from_abi(name, entry["address"], entry["abi"], persist=False)


def code_hash(address: ChecksumAddress) -> str:
    return "0x" + bytes(web3.keccak(web3.eth.get_code(address))).hex()
