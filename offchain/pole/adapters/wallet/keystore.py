"""Wallets: one file each under <home>/wallets, an Ethereum keystore of version 3 (Web3 Secret Storage)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pole.adapters.storage.private_file import write_new_private
from pole.adapters.wallet.keystore_file import (
    Keystore,
    WrongPasswordError,
    keystore_address,
    load_document,
    no_keystore,
    open_keystore,
    read_keystore,
    write_keystore,
)
from pole.adapters.wallet.secret_box import STANDARD_COST
from pole.errors import InputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

STANDARD_ROUNDS = 1 << 18
"""scrypt's N of geth's standard keystores: 256 MiB and about a second for each guess."""

LIGHT_ROUNDS = 1 << 12
"""scrypt's N of geth's light keystores: for wallets that hold play money and keep no secrets of data."""

REMOTE_FORMAT: Final = "pole.remote-wallet"
"""Says in a wallet's file that the key is elsewhere (see remote_wallet)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class WalletFile:
    """A wallet on disk: its name, address (EIP-55) and file."""

    name: str
    address: str
    path: Path


def new_wallet(home: Path, name: str, password: str, *, rounds: int = STANDARD_ROUNDS) -> WalletFile:
    """Make a wallet with a fresh key from the system's randomness and keep it encrypted, mode 0600.

    `rounds` is scrypt's N. Raises InputError for a name that is taken or cannot be a file's, and for an empty
    password.
    """
    from eth_account import Account

    return _keep(home, name, Account.create(), password, rounds)


def import_wallet(
    home: Path,
    name: str,
    keystore: Path,
    keystore_password: str,
    password: str,
    *,
    rounds: int = STANDARD_ROUNDS,
) -> WalletFile:
    """Make a wallet of the key in a keystore, encrypted anew under `password`; the keystore stays as it is.

    Raises InputError for a file that is no keystore, WrongPasswordError for another `keystore_password`, and
    what `new_wallet` raises; InputError, too, where a wallet here has that address.
    """
    require_free(home, name)
    account = open_keystore(_read(keystore), keystore_password)
    require_new(home, account.address)
    return _keep(home, name, account, password, rounds)


def export_wallet(
    home: Path,
    name: str,
    password: str,
    keystore: Path,
    keystore_password: str,
    *,
    rounds: int = STANDARD_ROUNDS,
) -> WalletFile:
    """Write a wallet's key into a new keystore under `keystore_password`; the wallet stays as it is.

    Raises what `unlock_wallet` raises, and InputError for an empty password or where the file is there.
    """
    account = unlock_wallet(home, name, password)
    _require_password(keystore_password)
    try:
        write_new_private(keystore, write_keystore(account, keystore_password, rounds=rounds))
    except FileExistsError as error:
        raise InputError(f"The file {keystore} is there already: choose another.") from error
    return WalletFile(name, account.address, keystore)


def list_wallets(home: Path) -> list[WalletFile]:
    """Return the wallets under `home`, by name.

    Raises InputError for a file among them that is no keystore.
    """
    return [find_wallet(home, path.stem) for path in sorted((home / "wallets").glob("*.json"))]


def require_new(home: Path, address: str) -> None:
    """Raise InputError where a wallet under `home` has this address: its secrets are under its password."""
    for other in list_wallets(home):
        if other.address == address:
            raise InputError(f"The wallet {other.name} has this key already ({address}): use that one.")


def find_wallet(home: Path, name: str) -> WalletFile:
    """Return the wallet of that name without opening it.

    Raises InputError when there is none or its file is no keystore.
    """
    path = wallet_path(home, name)
    try:
        return WalletFile(name, keystore_address(str(load_wallet(path)["address"])), path)
    except (KeyError, TypeError, ValueError) as error:
        raise no_keystore(path) from error


def unlock_wallet(home: Path, name: str, password: str) -> "LocalAccount":
    """Return the wallet's account, able to sign.

    Raises InputError when there is no such wallet, its file is no keystore, or the password is wrong.
    """
    path = wallet_path(home, name)
    document = load_wallet(path)
    if document.get("format") == REMOTE_FORMAT:
        raise InputError(f"The key of the wallet {name} is with its signer, and cannot be had here.")
    keystore = read_keystore(document, path)
    try:
        return open_keystore(keystore, password)
    except WrongPasswordError as error:
        raise WrongPasswordError(
            f"The password does not open the wallet {name}: check --password-file, or type it again."
        ) from error


def cost_of_a_guess(home: Path, name: str) -> float:
    """Return what a guess at the wallet's password costs by its keystore, where 1 is that of a sealed secret.

    It is the product N r p of scrypt, of another function 0: no other takes memory. Raises InputError where
    there is no such wallet or its file is no keystore.
    """
    path = wallet_path(home, name)
    document = load_wallet(path)
    if document.get("format") == REMOTE_FORMAT:
        # The box in its file costs what every box costs.
        return 1
    try:
        crypto = _lower(_lower(document)["crypto"])
        cost = _lower(crypto["kdfparams"])
        guess = _product(cost["n"], cost["r"], cost["p"]) if crypto["kdf"] == "scrypt" else 0
    except (KeyError, TypeError, AttributeError) as error:
        raise no_keystore(path) from error
    return guess / ((1 << STANDARD_COST.log_n) * STANDARD_COST.r * STANDARD_COST.p)


def wallet_path(home: Path, name: str) -> Path:
    """Return where the wallet of that name is; raises InputError for what cannot name a wallet."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot name a wallet: use letters, digits, '.', '_' and '-' only.")
    return home / "wallets" / f"{name}.json"


def require_free(home: Path, name: str) -> None:
    """Raise InputError where a new wallet cannot have that name."""
    path = wallet_path(home, name)
    if path.exists():
        raise _taken(path)


def keep_wallet(path: Path, content: bytes) -> None:
    """Write the file of a new wallet; raises InputError where there is one of that name."""
    try:
        write_new_private(path, content)
    except FileExistsError as error:
        raise _taken(path) from error


def load_wallet(path: Path) -> dict[str, Any]:
    """Return the JSON object in a wallet's file; raises InputError where there is none."""
    try:
        return load_document(path)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no wallet {path.stem} in {path.parent}: make it with `pole wallet new {path.stem}`."
        ) from error
    except OSError as error:
        raise InputError(f"The wallet {path} cannot be read: {error.strerror}.") from error


def _keep(home: Path, name: str, account: "LocalAccount", password: str, rounds: int) -> WalletFile:
    path = wallet_path(home, name)
    require_free(home, name)
    _require_password(password)
    keep_wallet(path, write_keystore(account, password, rounds=rounds))
    return WalletFile(name, account.address, path)


def _read(path: Path) -> Keystore:
    try:
        return read_keystore(load_document(path), path)
    except OSError as error:
        raise InputError(f"The keystore {path} cannot be read: {error.strerror}.") from error


def _require_password(password: str) -> None:
    if not password:
        raise InputError("The password is empty: choose one.")


def _taken(path: Path) -> InputError:
    return InputError(f"There is a wallet {path.stem} already ({path}): choose another name.")


def _product(*factors: object) -> int:
    """Return the product of whole numbers; raises TypeError where one is not: text times a number is long."""
    if not all(type(each) is int and each.bit_length() <= 64 for each in factors):
        raise TypeError("a factor is no whole number")
    return math.prod(factors)  # type: ignore[arg-type]


def _lower(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in fields.items()}
