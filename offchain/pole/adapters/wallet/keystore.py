"""Wallets: Ethereum keystores of version 3 (Web3 Secret Storage), one file each under <home>/wallets."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from pole.adapters.storage.private_file import private_folder, write_private
from pole.adapters.wallet.secret_box import STANDARD_COST
from pole.errors import InputError
from pole.roles.support.files import read_bounded

STANDARD_ROUNDS = 1 << 18
"""scrypt's N of geth's standard keystores: 256 MiB and about a second for each guess."""

LIGHT_ROUNDS = 1 << 12
"""scrypt's N of geth's light keystores: for wallets that hold play money and keep no secrets of data."""

_MAX_FILE_BYTES = 2**16
# A keystore from a stranger must not make its reader use more than 1 GiB, or minutes.
_MAX_MEMORY, _MAX_P, _MAX_ITERATIONS, _MAX_KEY_BYTES = 2**30, 16, 2**24, 64

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class WalletFile:
    """A wallet on disk: its name, address (EIP-55) and keystore file."""

    name: str
    address: str
    path: Path


def new_wallet(home: Path, name: str, password: str, *, rounds: int = STANDARD_ROUNDS) -> WalletFile:
    """Make a wallet with a fresh key from the system's randomness and keep it encrypted, mode 0600.

    `rounds` is scrypt's N. Raises InputError for a name that is taken or cannot be a file's, and for an empty
    password.
    """
    path = _path(home, name)
    if not password:
        raise InputError("The password is empty: choose one.")
    if path.exists():
        raise InputError(f"There is a wallet {name} already ({path}): choose another name.")
    private_folder(path.parent)
    account = Account.create()
    keystore = Account.encrypt(account.key, password, kdf="scrypt", iterations=rounds)
    write_private(path, json.dumps(keystore).encode())
    return WalletFile(name, account.address, path)


def list_wallets(home: Path) -> list[WalletFile]:
    """Return the wallets under `home`, by name.

    Raises InputError for a file among them that is no keystore.
    """
    return [find_wallet(home, path.stem) for path in sorted((home / "wallets").glob("*.json"))]


def find_wallet(home: Path, name: str) -> WalletFile:
    """Return the wallet of that name without opening it.

    Raises InputError when there is none or its file is no keystore.
    """
    path = _path(home, name)
    keystore = _read(path, name)
    try:
        return WalletFile(name, to_checksum_address(str(keystore["address"])), path)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_keystore(path) from error


def unlock_wallet(home: Path, name: str, password: str) -> LocalAccount:
    """Return the wallet's account, able to sign.

    Raises InputError when there is no such wallet, its file is no keystore, or the password is wrong.
    """
    path = _path(home, name)
    keystore = _read(path, name)
    try:
        _require_affordable(keystore, path)
        key = Account.decrypt(keystore, password)
    except (KeyError, TypeError, AttributeError, AssertionError, OverflowError, NotImplementedError) as error:
        raise _no_keystore(path) from error
    except ValueError as error:
        if "MAC" in str(error):
            raise InputError(
                f"The password does not open the wallet {name}: check --password-file, or type it again."
            ) from error
        raise _no_keystore(path) from error
    account: LocalAccount = Account.from_key(key)
    return account


def cost_of_a_guess(home: Path, name: str) -> float:
    """Return what a guess at the wallet's password costs by its keystore, where 1 is that of a sealed secret.

    It is the product N r p of scrypt, of another function 0: no other takes memory. Raises InputError where
    there is no such wallet or its file is no keystore.
    """
    path = _path(home, name)
    try:
        crypto = _lower(_lower(_read(path, name))["crypto"])
        cost = _lower(crypto["kdfparams"])
        guess = float(cost["n"] * cost["r"] * cost["p"]) if crypto["kdf"] == "scrypt" else 0.0
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_keystore(path) from error
    return guess / ((1 << STANDARD_COST.log_n) * STANDARD_COST.r * STANDARD_COST.p)


def _path(home: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot name a wallet: use letters, digits, '.', '_' and '-' only.")
    return home / "wallets" / f"{name}.json"


def _read(path: Path, name: str) -> dict[str, object]:
    try:
        content = json.loads(read_bounded(path, _MAX_FILE_BYTES))
    except FileNotFoundError as error:
        raise InputError(
            f"There is no wallet {name} in {path.parent}: make it with `pole wallet new {name}`."
        ) from error
    except OSError as error:
        raise InputError(f"The wallet {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise _no_keystore(path) from error
    if not isinstance(content, dict):
        raise _no_keystore(path)
    return content


def _require_affordable(keystore: Mapping[str, Any], path: Path) -> None:
    """Raise InputError where deriving the key takes more memory or time than any keystore of ours.

    Raises KeyError, TypeError or AttributeError where its fields are others; names may have any case.
    """
    cost = _lower(_lower(_lower(keystore)["crypto"])["kdfparams"])
    memory = 128 * cost.get("n", 1) * cost.get("r", 1)
    limits = (
        (memory, _MAX_MEMORY),
        (cost.get("p", 1), _MAX_P),
        (cost.get("c", 1), _MAX_ITERATIONS),
        (cost["dklen"], _MAX_KEY_BYTES),
    )
    if any(not 1 <= given <= limit for given, limit in limits):
        raise InputError(
            f"The keystore {path} asks for more memory or time than any of ours: it was damaged or forged."
        )


def _lower(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in fields.items()}


def _no_keystore(path: Path) -> InputError:
    return InputError(
        f"The file {path} is no Ethereum keystore of version 3: restore it from a backup or move it away."
    )
