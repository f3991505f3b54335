"""IPFS through the HTTP RPC API of Kubo; fulfils `roles.ports.Store`.

Nothing is taken on trust: what comes back is bounded here in size and time, and its digest is the caller's to
check.
"""

import hashlib
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from ipfshttpclient.exceptions import ErrorResponse  # type: ignore[import-untyped]
from ipfshttpclient.exceptions import TimeoutError as TooSlowError
from requests.exceptions import ReadTimeout

from pole.adapters.storage.ipfs_daemon import (
    FAILURES,
    NONE,
    IpfsDaemon,
    NoAnswerError,
    Options,
    Within,
    read_name,
)
from pole.adapters.storage.private_file import private_folder
from pole.errors import InputError, IntegrityError, UnreachableError
from pole.quoting import quoted, reason
from pole.roles.support.events import trace
from pole.roles.support.files import own_disk

LOG: Final = logging.getLogger("pole.ipfs")

T = TypeVar("T")

KEPT = "/pole"
"""The folder of the daemon's own file tree that keeps what is served on."""
AS_BASE32: Final[Options] = {
    "cid-version": 1,
    "cid-base": "base32",
    "raw-leaves": True,
    "chunker": "size-1048576",
}
"""How content is cut and named: whoever adds the same bytes gets the same CID."""


@dataclass(frozen=True, slots=True)
class IpfsPolicy:
    """How long a daemon is waited for, in seconds, and how often a failed request is made anew."""

    connect_within: float = 5
    add_within: float = 600
    first_byte_within: float = 30
    fetch_within: float = 600
    attempts: int = 3
    pause: float = 0.5
    quick_first_byte_within: float = 5

    def within(self, seconds: float) -> "IpfsPolicy":
        """Return the policy for content that is tried once and given up after so many seconds."""
        return replace(
            self,
            connect_within=min(self.connect_within, seconds),
            first_byte_within=min(self.quick_first_byte_within, seconds),
            fetch_within=seconds,
            attempts=1,
        )


class IpfsStore:
    """Content-addressed storage through one IPFS daemon; threads may share it."""

    def __init__(
        self,
        address: str,
        *,
        policy: IpfsPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._policy = policy or IpfsPolicy()
        self._clock = clock
        self._wait = wait
        self._daemon = IpfsDaemon(address)

    def add(self, path: Path) -> str:
        """Store and pin a file; return its CIDv1 in base32.

        Raises InputError when there is no such file and UnreachableError when the daemon does not take it.
        """
        self._require(path)
        with self._traced("added", path):
            return self._again(f"store {path.name}", lambda: self._add(path, {"pin": True}))

    def cid_of(self, path: Path) -> str:
        """Return the CID that `add` would give a file, storing nothing; raises what `add` raises."""
        self._require(path)
        return self._again(f"hash {path.name}", lambda: self._add(path, {"pin": False, "only-hash": True}))

    def fetch(self, cid: str, path: Path, *, max_bytes: int, within: float | None = None) -> None:
        """Write the content of `cid` to `path`, whole or not at all; checks no digest (the caller does).

        Given `within`, it is tried once and given up after so many seconds, or when five pass without a byte.

        Raises UnreachableError when it cannot be had in time, IntegrityError when it is longer than
        `max_bytes`, and DiskError when this machine cannot write it.
        """
        policy = self._policy if within is None else self._policy.within(within)
        private_folder(path.parent)
        with own_disk(path):
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            os.close(descriptor)
        temporary = Path(name)
        try:
            with self._traced("fetched", temporary):
                self._again(
                    f"fetch {quoted(cid)}",
                    lambda: self._stream(cid, temporary, max_bytes, policy),
                    attempts=policy.attempts,
                )
            with own_disk(path):
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def keep(self, cid: str, name: str) -> None:
        """Keep content that this daemon has until `forget(name)`, and so serve it to others.

        It is linked in the daemon's own file tree, below `/pole/<name>`. Unlike a pin, a link is not undone
        by who forgets the same content under another name, and makes the daemon fetch nothing. Raises
        UnreachableError.
        """
        link = f"{KEPT}/{name}/{hashlib.sha256(cid.encode(errors='surrogateescape')).hexdigest()}"
        if not self._is_there(link):
            options = {"parents": "true"}
            self._again(
                f"keep {quoted(cid)}", lambda: self._tree("cp", f"/ipfs/{cid}", link, options=options)
            )

    def forget(self, name: str) -> None:
        """Forget what was kept under a name, which may be nothing; raises UnreachableError."""
        folder = f"{KEPT}/{name}"
        if self._is_there(folder):
            self._again(f"forget {folder}", lambda: self._tree("rm", folder, options={"recursive": "true"}))

    def version(self) -> str:
        """Return the daemon's version. Raises UnreachableError."""
        return self._again("ask for the version", lambda: self._version(self._patience()))

    @contextmanager
    def _traced(self, event: str, path: Path) -> Iterator[None]:
        """Trace how many bytes a file has after a transfer, what came of it, and its seconds."""
        begun, outcome = self._clock(), "failed"
        try:
            yield
            outcome = "done"
        finally:
            seconds = self._clock() - begun
            size = path.stat().st_size if path.exists() else 0
            sentence = f"IPFS: {size} bytes {event}."
            trace(LOG, event, sentence, bytes=size, seconds=seconds, outcome=outcome)

    def _require(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"The file {path} cannot be read, so it cannot be put on IPFS.")

    def _add(self, path: Path, options: Options) -> str:
        policy = self._policy
        within = Within(policy.connect_within, policy.add_within, policy.add_within)
        answer = self._daemon.ask("/add", within=within, options={**AS_BASE32, **options}, file=path)
        return read_name(answer, "Hash")

    def _version(self, within: Within) -> str:
        return read_name(self._daemon.ask("/version", within=within), "Version")

    def _is_there(self, path: str) -> bool:
        """Return whether the daemon's own file tree has an entry; it refuses to speak of others."""

        def look() -> bool:
            try:
                self._tree("stat", path)
            except ErrorResponse:
                return False
            return True

        return self._again(f"look for {path}", look)

    def _tree(self, verb: str, *paths: str, options: Options = NONE) -> None:
        self._daemon.ask(f"/files/{verb}", *paths, within=self._patience(), options=options)

    def _patience(self) -> Within:
        policy = self._policy
        return Within(policy.connect_within, policy.first_byte_within, policy.first_byte_within)

    def _stream(self, cid: str, path: Path, max_bytes: int, policy: IpfsPolicy) -> None:
        deadline = self._clock() + policy.fetch_within
        length = 0
        with self._cat(cid, policy) as chunks, _written(path) as write:
            for chunk in self._until(deadline, chunks, cid, policy):
                length += len(chunk)
                if length > max_bytes:
                    raise IntegrityError(
                        f"The content of {quoted(cid)} is longer than the {max_bytes} bytes it may have: it "
                        "is not what it should be."
                    )
                write(chunk)

    def _until(
        self, deadline: float, chunks: Iterator[bytes], cid: str, policy: IpfsPolicy
    ) -> Iterator[bytes]:
        """Yield the chunks of content; raises UnreachableError after the deadline."""
        late = UnreachableError(
            f"The content of {quoted(cid)} did not come within {policy.fetch_within:.0f} s: try again later."
        )
        try:
            for chunk in chunks:
                if self._clock() > deadline:
                    raise late
                yield chunk
        except FAILURES as error:
            if self._clock() >= deadline:
                raise late from error
            raise

    @contextmanager
    def _cat(self, cid: str, policy: IpfsPolicy) -> Iterator[Iterator[bytes]]:
        # The daemon bounds the whole transfer, the client that and the time between any two bytes.
        within = Within(policy.connect_within, policy.first_byte_within, policy.fetch_within)
        options = {"timeout": f"{math.ceil(policy.fetch_within)}s"}
        try:
            stream = self._daemon.stream("/cat", cid, within=within, options=options)
        except TooSlowError as error:
            if not isinstance(error.original, ReadTimeout):
                raise
            advice = (
                "it is busy, for it does not say its version: try again later"
                if self._is_busy()
                else "connect it to other peers, or try again later"
            )
            raise UnreachableError(
                f"The IPFS daemon at {self.address} could not fetch {quoted(cid)}: nothing came within "
                f"{policy.first_byte_within:.0f} s; {advice}."
            ) from error
        with stream as chunks:
            yield chunks

    def _is_busy(self) -> bool:
        """Return whether the daemon does not even say its version, which it has at hand."""
        try:
            self._version(Within(*[self._policy.connect_within] * 3))
        except ErrorResponse:
            return False
        except FAILURES:
            return True
        return False

    def _again(self, doing: str, request: Callable[[], T], *, attempts: int | None = None) -> T:
        """Make a request, anew after a pause when it fails; the daemon's own refusal is final."""
        pause, attempts = self._policy.pause, attempts or self._policy.attempts
        for attempt in range(1, attempts + 1):
            try:
                return request()
            except ErrorResponse as error:
                raise UnreachableError(
                    f"The IPFS daemon at {self.address} could not {doing}: {reason(error)}."
                ) from error
            except UnicodeError as error:
                raise UnreachableError(f"No IPFS daemon can {doing}: its name is no text.") from error
            except FAILURES as error:
                if attempt == attempts:
                    why = str(error) if isinstance(error, NoAnswerError) else type(error).__name__
                    raise UnreachableError(
                        f"No IPFS daemon answers at {self.address} ({why}), so it could not "
                        f"{doing}: start one with `pole devnet up`, or name another with --ipfs."
                    ) from error
                self._wait(pause)
                pause *= 2
        raise AssertionError("an attempt either returns or raises")  # pragma: no cover


@contextmanager
def _written(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes to a file; every error about the file is a DiskError, as no daemon's is."""
    with own_disk(path):
        file = path.open("wb")

    def write(chunk: bytes) -> None:
        with own_disk(path):
            file.write(chunk)

    try:
        yield write
    finally:
        with own_disk(path):
            file.close()
