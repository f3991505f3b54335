"""Verification of source code by Sourcify's API v2.

A contract is submitted (`POST /v2/verify/{chainId}/{address}`), and the job that this starts is asked for
until it is done (`GET /v2/verify/{verificationId}`). Its reference is https://docs.sourcify.dev/docs/api.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests

from pole.adapters.ethereum.connection import shown_url
from pole.adapters.explorers.submissions import Submission
from pole.adapters.transport.loopback import proxies_for
from pole.errors import InputError, IntegrityError, UnreachableError
from pole.quoting import MAX_REASON, one_line, quoted

MAX_ANSWER_BYTES: Final = 2**22
"""A job that failed comes with the code that was compiled and the code on the chain."""

_TIMEOUTS: Final = (10, 60)
"""Seconds to connect, and to wait for the next bytes."""
_POLL: Final = 3
_TICKET: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ALREADY: Final = "already_verified"
_LATER: Final = "run the same command again later"

T = TypeVar("T")


class Outcome(Enum):
    """What came of a submission.

    An exact match is one to the bit, the hash of all sources and settings in the code included; a match is
    one of what the code does.
    """

    EXACT = "exact match"
    MATCH = "match"
    ALREADY = "already verified"
    FAILED = "failed"
    RUNNING = "still running"


@dataclass(frozen=True, slots=True)
class Verification:
    """What the server says of a submission, and its reason where it did not verify it."""

    submission: Submission
    outcome: Outcome
    reason: str = ""


class Sourcify:
    """A server that speaks Sourcify's API v2.

    It is asked every few seconds, at most `patience` seconds for a contract. `clock` tells monotonic seconds
    and `wait` sleeps them.
    """

    def __init__(
        self,
        server: str,
        *,
        patience: float = 600,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        host = _host(server)
        self._url = server.rstrip("/")
        self._shown = shown_url(server)
        self._proxies = proxies_for(host)
        self._patience = patience
        self._clock = clock
        self._wait = wait

    def verify(self, submission: Submission) -> Verification:
        """Submit a contract and wait for what comes of it.

        Raises UnreachableError where the server does not serve, IntegrityError where it answers otherwise
        than the API says.
        """
        deadline = self._clock() + self._patience
        path = f"/v2/verify/{submission.chain_id}/{submission.address}"
        status, content = self._patiently("POST", path, _request(submission), deadline)
        if status == HTTPStatus.ACCEPTED:
            return self._await_job(submission, self._read(read_ticket, content), deadline)
        return self._refused(submission, status, content)

    def _await_job(self, submission: Submission, ticket: str, deadline: float) -> Verification:
        while True:
            status, content = self._patiently("GET", f"/v2/verify/{ticket}", None, deadline)
            if status != HTTPStatus.OK:
                return self._refused(submission, status, content)
            done = self._read(read_job, content)
            if done is not None:
                return Verification(submission, *done)
            if self._clock() >= deadline:
                return Verification(submission, Outcome.RUNNING, _LATER)
            self._wait(_POLL)

    def _refused(self, submission: Submission, status: int, content: bytes) -> Verification:
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Verification(submission, Outcome.RUNNING, _LATER)
        if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._odd(f"HTTP {status}")
        code, why = self._read(read_refusal, content)
        return Verification(submission, Outcome.ALREADY if code == _ALREADY else Outcome.FAILED, why)

    def _patiently(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: float
    ) -> tuple[int, bytes]:
        """Ask until the server has time: it takes one job of a contract at once, and so many requests."""
        status, content = self._ask(method, path, body)
        while status == HTTPStatus.TOO_MANY_REQUESTS and self._clock() < deadline:
            self._wait(_POLL)
            status, content = self._ask(method, path, body)
        return status, content

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        content = b""
        try:
            with requests.request(
                method,
                self._url + path,
                json=body,
                timeout=_TIMEOUTS,
                stream=True,
                allow_redirects=False,
                proxies=self._proxies,
            ) as answer:
                for chunk in answer.iter_content(2**16):
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise self._odd(f"over {MAX_ANSWER_BYTES} bytes")
                status = answer.status_code
        except requests.RequestException as error:
            raise UnreachableError(
                f"No Sourcify answers at {self._shown} ({type(error).__name__}): check the connection, or "
                "name another with --server."
            ) from error
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UnreachableError(
                f"The Sourcify at {self._shown} does not serve now (HTTP {status}): try again later, or name "
                "another with --server."
            )
        return status, content

    def _read(self, reader: Callable[[bytes], T], content: bytes) -> T:
        try:
            return reader(content)
        except IntegrityError as error:
            raise self._odd(str(error)) from error

    def _odd(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"The server at {self._shown} answers otherwise than Sourcify's API v2 says ({what}): name "
            "another with --server."
        )


def read_ticket(data: bytes) -> str:
    """Return the id of the job that a submission started. Raises IntegrityError."""
    ticket = _object(data).get("verificationId")
    if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
        raise IntegrityError(f"no job but {quoted(ticket)}")
    return ticket


def read_job(data: bytes) -> tuple[Outcome, str] | None:
    """Return what came of a job, with the reason of a failure; None while it runs. Raises IntegrityError."""
    job = _object(data)
    completed, contract, error = job.get("isJobCompleted"), job.get("contract"), job.get("error")
    if completed is False:
        return None
    found = contract.get("match") if isinstance(contract, dict) else None
    if completed is True and found in ("exact_match", "match"):
        return (Outcome.EXACT if found == "exact_match" else Outcome.MATCH), ""
    if completed is True and error is not None:
        code, why = _failure(error)
        return (Outcome.ALREADY if code == _ALREADY else Outcome.FAILED), why
    raise IntegrityError("a job that neither runs nor ended")


def read_refusal(data: bytes) -> tuple[str, str]:
    """Return the code of an error and the sentence with it. Raises IntegrityError."""
    return _failure(_object(data))


def _failure(error: object) -> tuple[str, str]:
    code = error.get("customCode") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    if not isinstance(code, str) or not isinstance(message, str):
        raise IntegrityError("an error without its code and message")
    return code, one_line(f"{code}: {message}", MAX_REASON)


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_ANSWER_BYTES:
        raise IntegrityError(f"over {MAX_ANSWER_BYTES} bytes")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IntegrityError("no JSON") from error
    if not isinstance(content, dict):
        raise IntegrityError("no JSON object")
    return content


def _request(submission: Submission) -> dict[str, Any]:
    request = {
        "stdJsonInput": submission.standard_input,
        "compilerVersion": submission.compiler.removeprefix("v"),
        "contractIdentifier": submission.source,
    }
    if submission.transaction is not None:
        request["creationTransactionHash"] = submission.transaction
    return request


def _host(server: str) -> str:
    try:
        parts = urlsplit(server)
        host = parts.hostname if parts.scheme in {"http", "https"} else None
    except ValueError:
        host = None
    if not host:
        raise InputError("--server is no HTTP URL: give one that begins with http:// or https://.")
    return host
