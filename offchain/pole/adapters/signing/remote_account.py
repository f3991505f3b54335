"""An account whose key is with a signer, as eth-account has accounts; and opening a wallet of either kind."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, cast

from eth_account.datastructures import SignedMessage, SignedTransaction
from eth_account.messages import SignableMessage
from eth_account.signers.base import BaseAccount
from eth_account.types import TransactionDictType
from eth_typing import ChecksumAddress, Hash32

from pole.adapters.node.answers import UnansweredError
from pole.adapters.signing.checking import checked_message, checked_transaction
from pole.adapters.signing.interfaces import (
    INTERFACES,
    NoResultError,
    Parameters,
    read_accounts,
    read_signature,
    read_signed_bytes,
    transaction_parameters,
)
from pole.adapters.signing.places import Post, post_to, shown
from pole.adapters.wallet.keystore import unlock_wallet
from pole.adapters.wallet.remote_wallet import RemoteKey, find_remote_key, require_password
from pole.errors import InputError, SignerError
from pole.quoting import quoted

LOG: Final = logging.getLogger("pole.signing")
NOTICE_AFTER: Final = 2.0
"""Seconds after which it is said that somebody has to agree; a signer that agrees by itself is faster."""

T = TypeVar("T")
_PERSONAL: Final = b"E"


class RemoteAccount(BaseAccount):
    """Signs transactions and messages by asking a signer, and returns what it was asked for or nothing.

    Each signature is asked for once: somebody may be looking at it. Raises SignerError where the signer does
    not sign, and IntegrityError where it signs anything else. `signatures` tells, when something is signed,
    which functions contracts have, by their selectors.
    """

    def __init__(
        self,
        key: RemoteKey,
        post: Post,
        *,
        signatures: Callable[[], Mapping[bytes, str]] = dict,
        notice_after: float = NOTICE_AFTER,
    ) -> None:
        self._key = key
        self._post = post
        self._signatures = signatures
        self._notice_after = notice_after
        self._interface = INTERFACES[key.kind]
        self._numbers = count(1)

    @property
    def address(self) -> ChecksumAddress:
        """Return the address that the signer signs for."""
        return ChecksumAddress(cast(Any, self._key.address))

    @property
    def place(self) -> str:
        """Return what the signer is and where, as it may be printed."""
        return f"{self._interface.name} at {shown(self._key.place)}"

    def accounts(self) -> tuple[str, ...]:
        """Return the addresses that the signer has keys of."""
        return self._read(read_accounts, self._ask(self._interface.accounts, ()))

    def sign_transaction(self, transaction_dict: TransactionDictType) -> SignedTransaction:
        """Return an EIP-1559 transaction, signed; its fields are as Sender has them."""
        asked = cast(Mapping[str, Any], transaction_dict)
        signatures = self._signatures() if self._interface.takes_signature else {}
        parameters = transaction_parameters(asked, self.address, signatures)
        result = self._ask(self._interface.transaction, parameters)
        raw = self._read(lambda given: read_signed_bytes(given, self._interface), result)
        return checked_transaction(raw, asked, self.address)

    def sign_message(self, signable_message: SignableMessage) -> SignedMessage:
        """Return a personal message (EIP-191, version 0x45), signed."""
        if signable_message.version != _PERSONAL:
            self._cannot("messages but personal ones")
        parameters = self._interface.message_parameters(self.address, signable_message.body)
        signature = self._read(read_signature, self._ask(self._interface.message, parameters))
        return checked_message(signature, signable_message, self.address)

    def unsafe_sign_hash(self, message_hash: Hash32) -> SignedMessage:
        """Raise InputError: no signer signs what it cannot show."""
        self._cannot(f"a bare hash ({message_hash.hex()[:8]}…)")

    def _cannot(self, what: str) -> NoReturn:
        raise InputError(f"{self.place} does not sign {what}: use a wallet whose key is here for this.")

    def _ask(self, method: str, parameters: Parameters) -> Any:
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}
        try:
            with self._notice(method):
                body = self._post(json.dumps(request).encode())
            return read_signer_answer(body, number)
        except UnansweredError as error:
            raise SignerError(
                f"{self.place} did not sign ({error}) within {self._key.patience} s: nothing was sent. See "
                "that it runs and that somebody agrees to it there, then try again."
            ) from error
        except RefusedBySignerError as error:
            raise SignerError(
                f"{self.place} refuses to sign ({error}): nothing was sent. Agree to it there, or allow it "
                "by a rule, then try again."
            ) from error

    def _read(self, read: Callable[[Any], T], result: Any) -> T:
        try:
            return read(result)
        except NoResultError as error:
            raise SignerError(
                f"{self.place} gives an answer that makes no sense ({error}): nothing was sent. See that it "
                f"is a {self._interface.name} there."
            ) from error

    @contextmanager
    def _notice(self, method: str) -> Iterator[None]:
        """Say, once it takes a while, what is waited for."""
        sentence = f"Waiting for up to {self._key.patience} s for {self.place}: agree there to {method}."
        timer = threading.Timer(self._notice_after, LOG.warning, ("%s", sentence))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class RefusedBySignerError(Exception):
    """A signer says no; the message is what it says, quoted."""


def read_signer_answer(body: bytes, number: int) -> Any:
    """Return the result in an answer of JSON-RPC 2.0 to request `number`.

    Raises UnansweredError for what is no answer to it, and RefusedBySignerError for an error object.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnansweredError("the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise UnansweredError("the answer is none of JSON-RPC 2.0")
    failure = answer.get("error")
    if failure is not None:
        message = failure.get("message") if isinstance(failure, dict) else failure
        raise RefusedBySignerError(quoted(message))
    if type(answer.get("id")) is not int or answer["id"] != number or "result" not in answer:
        raise UnansweredError("the answer is to another request")
    return answer["result"]


def open_remote_account(
    key: RemoteKey, signatures: Callable[[], Mapping[bytes, str]] = dict
) -> RemoteAccount:
    """Return the account of a key that is with a signer, which is asked when something is signed."""
    return RemoteAccount(key, post_to(key.place, within=key.patience), signatures=signatures)


def open_account(
    home: Path, name: str, password: str, signatures: Callable[[], Mapping[bytes, str]] = dict
) -> BaseAccount:
    """Return the account of a wallet, whether its key is in a keystore here or with a signer.

    `signatures` is asked by the latter alone (see RemoteAccount). Raises InputError when there is no such
    wallet, its file is neither, or the password is wrong.
    """
    key = find_remote_key(home, name)
    if key is None:
        return unlock_wallet(home, name, password)
    require_password(home, name, password)
    return open_remote_account(key, signatures)


def choose_address(accounts: Sequence[str], wanted: str | None, place: str) -> str:
    """Return the address that a new wallet stands for; raises InputError where that is open or not there."""
    if wanted is not None and wanted in accounts:
        return wanted
    if wanted is None and len(accounts) == 1:
        return accounts[0]
    listed = ", ".join(accounts[:8]) or "none"
    raise InputError(f"{place} has these accounts: {listed}. Name one of them with --address.")
