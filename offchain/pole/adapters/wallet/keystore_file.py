"""One Ethereum keystore of version 3, out of bytes and back: what geth, Foundry and MetaMask write.

Web3 Secret Storage Definition (ethereum.org): scrypt or PBKDF2-HMAC-SHA256, AES-128-CTR, and a MAC. Names of
fields may have any case, as the first implementations wrote them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pole.errors import InputError
from pole.protocol.encoding.hashing import address
from pole.roles.support.files import read_bounded

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

MAX_FILE_BYTES: Final = 2**16
KEY_BYTES: Final = 32

# A keystore from a stranger must not make its reader use more than 1 GiB, or minutes.
_MAX_MEMORY: Final = 2**30
_MAX_P: Final = 16
_MAX_ITERATIONS: Final = 2**24
_MAX_DERIVED_BYTES: Final = 64
_MAX_SALT_BYTES: Final = 128
_IV_BYTES: Final = 16


class WrongPasswordError(InputError):
    """The password is not the keystore's."""


@dataclass(frozen=True, slots=True)
class Keystore:
    """A keystore as it was read: its address (EIP-55), None where the file names none, and its own fields."""

    path: Path
    address: str | None
    content: Mapping[str, Any] = field(repr=False)


def load_document(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raises InputError for anything else, OSError where it is not read."""
    try:
        document = json.loads(read_bounded(path, MAX_FILE_BYTES))
    except (ValueError, RecursionError) as error:
        raise no_keystore(path) from error
    if not isinstance(document, dict):
        raise no_keystore(path)
    return document


def read_keystore(document: Mapping[str, Any], path: Path) -> Keystore:
    """Return the keystore in a JSON object; `path` is what errors name.

    Everything but the password is checked, and nothing is derived yet. Raises InputError where it is no
    keystore of version 3, and where it asks for more memory or time than an honest one.
    """
    fields = _lower(document, path)
    crypto = _lower(fields.get("crypto"), path)
    parameters = _lower(crypto.get("kdfparams"), path)
    if type(fields.get("version")) is not int or fields["version"] != 3:
        raise no_keystore(path)
    cipher = _lower(crypto.get("cipherparams"), path)
    _require(crypto.get("cipher") == "aes-128-ctr", path)
    # eth-keyfile leaves out zero bytes that an initial vector begins with.
    _hex(cipher.get("iv"), 0, _IV_BYTES, path)
    _hex(crypto.get("ciphertext"), 1, KEY_BYTES, path)
    _hex(crypto.get("mac"), 32, 32, path)
    _hex(parameters.get("salt"), 0, _MAX_SALT_BYTES, path)
    _require_affordable(crypto.get("kdf"), parameters, path)
    content = {**fields, "crypto": {**crypto, "kdfparams": parameters, "cipherparams": cipher}}
    return Keystore(path, _address(fields.get("address"), path), content)


def open_keystore(keystore: Keystore, password: str) -> "LocalAccount":
    """Return the account of a keystore, able to sign.

    Raises WrongPasswordError for another password, InputError where the key is none or is not the address's.
    """
    from eth_account import Account

    try:
        key = bytes(Account.decrypt(dict(keystore.content), password))
    except ValueError as error:
        if "MAC" in str(error):
            raise WrongPasswordError(f"The password does not open the keystore {keystore.path}.") from error
        raise no_keystore(keystore.path) from error
    try:
        # Early implementations left out zeros that a key began with.
        account: LocalAccount = Account.from_key(key.rjust(KEY_BYTES, b"\0"))
    except ValueError as error:
        raise no_keystore(keystore.path) from error
    if keystore.address not in (None, account.address):
        raise InputError(
            f"The keystore {keystore.path} names the address {keystore.address}, but its key is that of "
            f"{account.address}: it was damaged or forged."
        )
    return account


def write_keystore(account: "LocalAccount", password: str, *, rounds: int) -> bytes:
    """Return a keystore of the account's key under a password; `rounds` is scrypt's N."""
    from eth_account import Account

    keystore = Account.encrypt(account.key, password, kdf="scrypt", iterations=rounds)
    return json.dumps(keystore).encode()


def keystore_address(given: str) -> str:
    """Return the address (EIP-55) that a keystore names with 0x or without it; raises ValueError for none."""
    return address(f"0x{given.lower().removeprefix('0x')}")


def no_keystore(path: Path) -> InputError:
    """Return the error of a file that is no keystore."""
    return InputError(
        f"The file {path} is no Ethereum keystore of version 3: restore it from a backup or move it away."
    )


def _require_affordable(function: object, parameters: Mapping[str, Any], path: Path) -> None:
    """Raise InputError where deriving the key is neither scrypt nor PBKDF2, or is too dear."""
    names = {"scrypt": ("n", "r", "p", "dklen"), "pbkdf2": ("c", "dklen")}.get(str(function), ())
    given = {name: _whole(parameters.get(name), path) for name in names}
    # The key encrypts with the first half of these bytes, and the second is in the MAC.
    _require(given.get("dklen", 0) >= KEY_BYTES, path)
    n, r, p, c = (given.get(name, 1) for name in ("n", "r", "p", "c"))
    limits = (
        (128 * n * r, _MAX_MEMORY),
        (p, _MAX_P),
        (c, _MAX_ITERATIONS),
        (given["dklen"], _MAX_DERIVED_BYTES),
    )
    if any(value > limit for value, limit in limits):
        raise InputError(
            f"The keystore {path} asks for more memory or time than any of ours: it was damaged or forged."
        )
    if function == "pbkdf2":
        _require(parameters.get("prf") == "hmac-sha256", path)
    else:
        _require(n > 1 and n & (n - 1) == 0, path)


def _address(given: object, path: Path) -> str | None:
    if given is None or given == "":
        return None
    try:
        return keystore_address(str(given))
    except ValueError as error:
        raise no_keystore(path) from error


def _whole(value: object, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise no_keystore(path)
    return value


def _hex(value: object, minimum: int, maximum: int, path: Path) -> None:
    try:
        length = len(bytes.fromhex(str(value).removeprefix("0x"))) if isinstance(value, str) else -1
    except ValueError:
        length = -1
    _require(minimum <= length <= maximum, path)


def _lower(fields: object, path: Path) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise no_keystore(path)
    return {name.lower(): value for name, value in fields.items()}


def _require(holds: bool, path: Path) -> None:  # noqa: FBT001 (the condition itself)
    if not holds:
        raise no_keystore(path)
