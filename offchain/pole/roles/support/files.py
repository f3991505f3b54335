"""Files on a worker's own disk: its owner's alone, written whole or not at all, checked before use."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pole.errors import DiskError, IntegrityError, UnreachableError
from pole.protocol.encoding.hashing import keccak256
from pole.quoting import quoted
from pole.roles.ports import Store

LOG: Final = logging.getLogger("pole.data")
DIGEST_BYTES: Final = hashlib.sha256().digest_size
CHUNK_BYTES: Final = 2**16


@contextmanager
def own_disk(path: Path) -> Iterator[None]:
    """Turn the system's errors about a file of this machine into DiskError."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"The file {path} cannot be written or read ({error.strerror or error}): make room on this "
            "machine's disk, or check who owns the folder."
        ) from error


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone, whatever the umask.

    Raises OSError where that cannot be; a folder that is there stays as it is.
    """
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file to be written from its start, made for its owner alone, whatever the umask."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Return a file's content; of a longer one `max_bytes` + 1 bytes, which its reader refuses as too many.

    Raises OSError where it cannot be read.
    """
    content = bytearray()
    with path.open("rb") as file:
        # One read of all would take the memory of the bound for a file of any size.
        while chunk := file.read(min(CHUNK_BYTES, max_bytes + 1 - len(content))):
            content += chunk
    return bytes(content)


class NotHadError(UnreachableError):
    """The store does not give the bytes with this digest now; it may do so later."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file on the store: its CID, its digest by `hash_of`, and the bytes it may have at most."""

    cid: str
    digest: bytes
    max_bytes: int
    hash_of: Callable[[bytes], bytes] = keccak256


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 digest of `data`."""
    return hashlib.sha256(data).digest()


def fetch(store: Store, wanted: Wanted, folder: Path, *, served_as: str | None = None) -> bytes:
    """Return the bytes of a file on the store, and serve it to others under a name, where one is given.

    They are kept in `folder` under their digest and fetched only when they are not there. Raises NotHadError
    when the store does not give them, or gives others, and DiskError when this machine cannot keep them. That
    a file is not served on harms others, not this worker: it is told, and no error.
    """
    data = _checked(store, wanted, folder)
    if served_as is not None:
        try:
            store.keep(wanted.cid, served_as)
        except UnreachableError as error:
            LOG.warning("%s is not served on: %s", quoted(wanted.cid), error)
    return data


def fetch_any(store: Store, wanted: Sequence[Wanted], folder: Path, *, served_as: str | None = None) -> bytes:
    """Return the bytes of one file that several have announced, from the first place that has it.

    One that is kept already is not served on anew: which of the places gave it is not known any more, and one
    that names nothing would be waited for. Raises what `fetch` raises for the last of them.
    """
    *others, last = wanted
    if others and (kept := _kept(last, folder)) is not None:
        return kept
    for each in others:
        try:
            return fetch(store, each, folder, served_as=served_as)
        except UnreachableError as error:
            LOG.info("Another place is tried: %s", error)
    return fetch(store, last, folder, served_as=served_as)


def _kept(wanted: Wanted, folder: Path) -> bytes | None:
    path = folder / wanted.digest.hex()
    with own_disk(path):
        data = path.read_bytes() if path.exists() else None
    return data if data is not None and wanted.hash_of(data) == wanted.digest else None


def _checked(store: Store, wanted: Wanted, folder: Path) -> bytes:
    kept = _kept(wanted, folder)
    if kept is not None:
        return kept
    path = folder / wanted.digest.hex()
    with own_disk(path):
        make_private_folder(folder)
    try:
        store.fetch(wanted.cid, path, max_bytes=wanted.max_bytes)
    except IntegrityError as error:
        raise NotHadError(f"{error} It is not the file that was announced.") from error
    with own_disk(path):
        data = path.read_bytes()
    if wanted.hash_of(data) != wanted.digest:
        path.unlink(missing_ok=True)
        raise NotHadError(
            f"IPFS gives other bytes for {quoted(wanted.cid)} than the digest {wanted.digest.hex()} names; "
            "connect the daemon to other peers."
        )
    return data


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it is on disk when this returns; a crash leaves the old content or none.

    Raises DiskError where that cannot be.
    """
    write_whole(path, data, flush=_flush)
    with own_disk(path):
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def write_whole(path: Path, *parts: bytes, flush: Callable[[BinaryIO], None] = lambda _: None) -> None:
    """Write a file of mode 0600 so that others see all of it or nothing; a power cut may leave anything.

    Raises DiskError where it cannot be written.
    """
    begun = path.with_name(f".{path.name}.{os.getpid()}")
    with own_disk(path):
        make_private_folder(path.parent)
        with open_private(begun) as file:
            file.writelines(parts)
            flush(file)
        begun.replace(path)


def unfinished(folder: Path, kind: str) -> list[Path]:
    """Return files with a suffix that processes write in a folder, or wrote when they were killed."""
    return list(folder.glob(f".*.{kind}.*"))


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def with_digest(data: bytes) -> bytes:
    """Return the content of a file that only this machine reads again: SHA-256 digest, then `data`."""
    return sha256(data) + data


def read_with_digest(path: Path) -> bytes | None:
    """Return what was written `with_digest`, None where it is not there or has changed since."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    data = content[DIGEST_BYTES:]
    return data if sha256(data) == content[:DIGEST_BYTES] else None
