"""Wallets whose key is with a signer: a file that says where that is, beside the keystores of other wallets.

The wallet's password does not open the key. It seals what stays here, such as master secrets, so the file
holds a box under it: by this a mistyped password is told before anything is sealed under it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pole.adapters.wallet.keystore import REMOTE_FORMAT, WalletFile, keep_wallet, load_wallet, wallet_path
from pole.adapters.wallet.keystore_file import MAX_FILE_BYTES
from pole.adapters.wallet.secret_box import STANDARD_COST, ScryptCost, open_box, seal
from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.hashing import address as checksummed
from pole.protocol.encoding.hashing import is_address
from pole.protocol.formats.canonical_json import read_document, write_document

VERSION: Final = 1
_FIELDS: Final = ("address", "kind", "place", "patience", "box")
_MAX_PATIENCE: Final = 24 * 3600
_MAX_PLACE: Final = 1024


class SignerKind(Enum):
    """Which interface a signer speaks."""

    CLEF = "clef"
    WEB3SIGNER = "web3signer"


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """Where a wallet's key is: whose it is, the signer's interface, its URL or socket, and our patience.

    `patience` is the seconds that a signature is waited for: somebody may have to agree to it.
    """

    address: str
    kind: SignerKind
    place: str
    patience: int


def connect_wallet(
    home: Path, name: str, key: RemoteKey, password: str, *, cost: ScryptCost = STANDARD_COST
) -> WalletFile:
    """Make a wallet whose key is with a signer; `password` is for what stays here.

    Raises InputError for a name that is taken or cannot be a file's, and for an empty password.
    """
    path = wallet_path(home, name)
    if not password:
        raise InputError("The password is empty: choose one.")
    box = seal(b"", password, context=context_of(key.address), cost=cost)
    keep_wallet(path, write_remote_key(key, box))
    return WalletFile(name, key.address, path)


def find_remote_key(home: Path, name: str) -> RemoteKey | None:
    """Return where a wallet's key is, None where it is in a keystore here; raises InputError for neither."""
    path = wallet_path(home, name)
    document = load_wallet(path)
    return read_remote_key(path.read_bytes())[0] if document.get("format") == REMOTE_FORMAT else None


def require_password(home: Path, name: str, password: str) -> None:
    """Raise InputError where this is not the password of a wallet whose key is with a signer."""
    path = wallet_path(home, name)
    key, box = read_remote_key(path.read_bytes())
    try:
        open_box(box, password, context=context_of(key.address))
    except IntegrityError as error:
        raise InputError(
            f"The password does not open the wallet {name}: check --password-file, or type it again."
        ) from error


def write_remote_key(key: RemoteKey, box: bytes) -> bytes:
    """Return the bytes of a wallet's file: canonical JSON, described in docs/formats.md."""
    return write_document(
        {
            "format": REMOTE_FORMAT,
            "version": VERSION,
            "address": key.address,
            "kind": key.kind.value,
            "place": key.place,
            "patience": key.patience,
            "box": box.hex(),
        }
    )


def read_remote_key(data: bytes) -> tuple[RemoteKey, bytes]:
    """Return what a wallet's file says of its signer, and its box; raises InputError where it is damaged."""
    try:
        document = read_document(
            data, kind=REMOTE_FORMAT, version=VERSION, fields=_FIELDS, max_bytes=MAX_FILE_BYTES
        )
        return _key(document), bytes.fromhex(document["box"])
    except (IntegrityError, ValueError, TypeError) as error:
        raise InputError(
            "The wallet's file does not say where its key is: make it anew with `pole wallet connect`."
        ) from error


def _key(document: Mapping[str, Any]) -> RemoteKey:
    address, place, patience = (document[name] for name in ("address", "place", "patience"))
    if not is_address(address) or checksummed(address) != address:
        raise IntegrityError("The address is none.")
    if not isinstance(place, str) or not 0 < len(place) <= _MAX_PLACE:
        raise IntegrityError("The place is none.")
    if type(patience) is not int or not 0 < patience <= _MAX_PATIENCE:
        raise IntegrityError("The patience is none.")
    return RemoteKey(address, SignerKind(document["kind"]), place, patience)


def context_of(address: str) -> str:
    """Return the context of the box in the file of a wallet with this address."""
    return f"remote-wallet/{address[2:].lower()}"
