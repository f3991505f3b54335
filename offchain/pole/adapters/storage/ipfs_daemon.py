"""Requests to an IPFS daemon's HTTP RPC API, whose answers are bounded in bytes and time, by ipfshttpclient.

A redirection is no answer: what is asked and added goes to the daemon alone.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import ipfshttpclient  # type: ignore[import-untyped]
from ipfshttpclient import multipart
from ipfshttpclient.exceptions import (  # type: ignore[import-untyped]
    AddressError,
    CommunicationError,
    DecodingError,
)
from ipfshttpclient.requests_wrapper import HTTPAdapter  # type: ignore[import-untyped]
from requests.exceptions import RequestException

from pole.adapters.transport.loopback import is_loopback
from pole.adapters.transport.whole_answers import WholeAnswers
from pole.errors import InputError

# The client's own 8 KiB cost it, and the daemon, twice the processor time.
SENT_AT_ONCE: Final = 2**18
MAXIMUM_BYTES: Final = 2**16
"""Far more than any answer that is no content takes."""

Options: TypeAlias = Mapping[str, str | bool | int]
"""Of a request, as Kubo's documentation of its RPC has them."""
NONE: Final[Options] = {}

_NAME: Final = re.compile("[!-~]{1,200}")

# The client knows no daemon of today by its version, and passes urllib3 an outdated argument.
warnings.filterwarnings("ignore", category=ipfshttpclient.exceptions.VersionMismatch)
warnings.filterwarnings("ignore", category=FutureWarning, message="The 'strict' parameter")


class NoAnswerError(Exception):
    """What came is no answer of a daemon; the message is a clause that says why."""


# OSError is a socket's: files of this machine are kept apart by `own_disk`. The last is how the client meets
# an error that is nested without end.
FAILURES: Final = (
    NoAnswerError,
    CommunicationError,
    DecodingError,
    RequestException,
    OSError,
    RecursionError,
)
"""What a request raises for a daemon that does not answer, or not as one does; a refusal is ErrorResponse."""


@dataclass(frozen=True, slots=True)
class Within:
    """Seconds: to connect, without a byte, and until the answer is whole."""

    connect: float
    silence: float
    whole: float


class _WholeAnswers(WholeAnswers, HTTPAdapter):  # type: ignore[misc]
    """The adapter of the client's own sessions, whose answers end in time."""


class IpfsDaemon:
    """A daemon at a multiaddr; threads may share it. Raises InputError for what is no multiaddr of one."""

    def __init__(self, address: str) -> None:
        self.address = address
        try:
            ipfshttpclient.Client(address)
        except AddressError as error:
            raise InputError(
                f"{address!r} is no multiaddr of an IPFS API: give one like --ipfs /ip4/127.0.0.1/tcp/5001."
            ) from error

    def stream(
        self, path: str, *arguments: str, within: Within, options: Options = NONE, file: Path | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Make a request; return the chunks of its answer, in a context that closes it.

        Raises one of FAILURES, also among the chunks, and ipfshttpclient's ErrorResponse.
        """
        body, headers = None, None
        if file is not None:
            body, headers = multipart.stream_files(str(file), chunk_size=SENT_AT_ONCE)
        stream: AbstractContextManager[Iterator[bytes]] = self._client(within.whole).request(
            path,
            arguments,
            opts=options,
            data=body,
            headers=headers,
            stream=True,
            timeout=(within.connect, within.silence),
        )
        return stream

    def ask(
        self, path: str, *arguments: str, within: Within, options: Options = NONE, file: Path | None = None
    ) -> bytes:
        """Return an answer that is no content; raises what `stream` raises."""
        answer = bytearray()
        with self.stream(path, *arguments, within=within, options=options, file=file) as chunks:
            for chunk in chunks:
                answer += chunk
                if len(answer) > MAXIMUM_BYTES:
                    raise NoAnswerError(f"the answer has over {MAXIMUM_BYTES} bytes")
        return bytes(answer)

    def _client(self, whole: float) -> Any:
        """Return the wire of a client, whose answers end within so many seconds, however they trickle in.

        Each request has a connection of its own: the client's sessions are not safe among threads.
        """
        client: Any = ipfshttpclient.Client(self.address)._client
        client._session_props = {
            **client._session_props,
            "adapters": {"http": _WholeAnswers(whole)},
            "max_redirects": 0,
            # Proxies of the environment are for other machines.
            "trust_env": not is_loopback(self.address.split("/")[2]),
        }
        return client


def read_name(answer: bytes, member: str) -> str:
    """Return a name in an answer, such as a CID: printable ASCII of 200 characters at most.

    Raises NoAnswerError for what has none.
    """
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError("the answer is no JSON") from error
    name = content.get(member) if isinstance(content, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NoAnswerError(f"the answer has no {member}")
    return name
