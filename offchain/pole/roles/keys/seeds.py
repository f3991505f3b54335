"""The seed that each master secret was served for: one for ever, whatever deployment, wallet or role asks.

Keys for two seeds together may give away what those for one do not, and everybody can have a deployment
whose rounds draw what he likes. So this record is of the machine's data folder, not of a worker's journal.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import IntegrityError
from pole.protocol.formats.canonical_json import read_document, read_hex, write_document
from pole.roles.support.files import own_disk, write_durably

KIND: Final = "pole.served-seed"
VERSION: Final = 1
MAX_BYTES: Final = 1024


class SecondSeedError(IntegrityError):
    """Keys of another seed were already given for a master secret."""


@dataclass(frozen=True, slots=True)
class ServedSeeds:
    """The seeds below one folder, a file for each master key; `guard` keeps other processes from writing."""

    folder: Path
    guard: Callable[[], AbstractContextManager[object]]

    def enter(self, mpk_digest: bytes, seed: bytes, *, before: bytes | None = None) -> None:
        """Note that keys of a seed are about to be given; the same seed again changes nothing.

        `before` is the seed that an earlier version noted elsewhere. On disk when this returns. Raises
        SecondSeedError where another seed was served, and IntegrityError where the record is damaged.
        """
        path = self.folder / f"{mpk_digest.hex()}.json"
        with self.guard():
            served = _read(path)
            if served is None:
                served = before or seed
                write_durably(path, write_served_seed(mpk_digest, served))
        if served != seed:
            raise SecondSeedError(
                "Keys of another seed were already given for this master secret: the data node has to post "
                "the task again, under a fresh master key."
            )


def write_served_seed(mpk_digest: bytes, seed: bytes) -> bytes:
    """Return the bytes of a record's file: canonical JSON, described in docs/formats.md."""
    return write_document(
        {
            "format": KIND,
            "version": VERSION,
            "mpkDigest": f"0x{mpk_digest.hex()}",
            "seed": f"0x{seed.hex()}",
        }
    )


def _read(path: Path) -> bytes | None:
    with own_disk(path):
        if not path.exists():
            return None
        content = path.read_bytes()
    try:
        return _seed_in(content, path.stem)
    except IntegrityError as error:
        raise IntegrityError(
            f"The record {path} of a seed that was served is damaged ({error}): restore it; without it "
            "nobody can know what was given away."
        ) from error


def _seed_in(content: bytes, mpk_digest: str) -> bytes:
    fields = ("mpkDigest", "seed")
    document = read_document(content, kind=KIND, version=VERSION, fields=fields, max_bytes=MAX_BYTES)
    if read_hex(document, "mpkDigest", length=32).hex() != mpk_digest:
        raise IntegrityError("It is of another master key.")
    return read_hex(document, "seed", length=32)
