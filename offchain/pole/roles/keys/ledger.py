"""The ledger of functional keys: one file for each master key, of what was or will be given away under it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.canonical_json import (
    Document,
    check_fields,
    checked_whole,
    read_document,
    read_hex,
    write_document,
)
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.quoting import quoted
from pole.roles.support.files import write_durably

KIND: Final = "pole.key-budget"
VERSION: Final = 1
MAX_ROUND: Final = 2**63 - 1
FIELDS: Final = ("mpkDigest", "dataSet", "dataDigest", "specification", "consent", "given")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """The seed that a master key's functional keys were issued for, and the first round they were for."""

    seed: bytes
    round_id: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A task's part of the budget of a data set: waiting for its round, or given away.

    `data_set` names the data and `data_digest` is its digest when the task was posted; `consent` says that
    its owner accepts that the data is disclosed; `given` is None until keys are issued. Raises InputError for
    a name that is none.
    """

    mpk_digest: bytes
    data_set: str
    data_digest: bytes
    specification: ModelSpecification
    consent: bool
    given: GivenKeys | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.data_set):
            raise InputError(
                f"{quoted(self.data_set)} cannot name a data set: use up to 128 letters, digits, "
                "'.', '_' and '-'."
            )


@dataclass(frozen=True, slots=True)
class KeyLedger:
    """The entries below one folder; each is written whole and is durable when `write` returns."""

    folder: Path

    def read(self, mpk_digest: bytes) -> LedgerEntry | None:
        """Return the entry of a master key, None without one; raises IntegrityError for a damaged file."""
        path = self._path(mpk_digest)
        return _read(path) if path.is_file() else None

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, ordered by data set and digest; raises IntegrityError for a damaged file."""
        found = (_read(path) for path in self.folder.glob("*.json"))
        return tuple(sorted(found, key=lambda entry: (entry.data_set, entry.mpk_digest)))

    def write(self, entry: LedgerEntry) -> None:
        """Keep an entry, replacing that of the same master key."""
        write_durably(self._path(entry.mpk_digest), write_entry(entry))

    def remove(self, mpk_digest: bytes) -> None:
        """Take out the entry of a master key, if there is one."""
        self._path(mpk_digest).unlink(missing_ok=True)

    def _path(self, mpk_digest: bytes) -> Path:
        return self.folder / f"{mpk_digest.hex()}.json"


def write_entry(entry: LedgerEntry) -> bytes:
    """Return the bytes of an entry's file: canonical JSON, described in docs/formats.md."""
    given = entry.given and {"seed": f"0x{entry.given.seed.hex()}", "round": entry.given.round_id}
    document = {
        "format": KIND,
        "version": VERSION,
        "mpkDigest": f"0x{entry.mpk_digest.hex()}",
        "dataSet": entry.data_set,
        "dataDigest": f"0x{entry.data_digest.hex()}",
        "specification": json.loads(entry.specification.canonical_bytes()),
        "consent": entry.consent,
        "given": given,
    }
    return write_document(document)


def _read(path: Path) -> LedgerEntry:
    try:
        document = read_document(
            path.read_bytes(), kind=KIND, version=VERSION, fields=FIELDS, max_bytes=2 * MAX_DOCUMENT_BYTES
        )
        return _entry(document)
    except (InputError, IntegrityError) as error:
        raise IntegrityError(
            f"The key ledger's file {path} is damaged ({error}): restore it; without it the data node cannot "
            "know what it has given away."
        ) from error


def _entry(document: Document) -> LedgerEntry:
    name, consent, given = document["dataSet"], document["consent"], document["given"]
    if not isinstance(name, str) or not isinstance(consent, bool):
        raise IntegrityError("dataSet must be text and consent true or false.")
    return LedgerEntry(
        mpk_digest=read_hex(document, "mpkDigest", length=32),
        data_set=name,
        data_digest=read_hex(document, "dataDigest", length=32),
        specification=parse_specification(json.dumps(document["specification"])),
        consent=consent,
        given=None if given is None else _given(given),
    )


def _given(value: object) -> GivenKeys:
    document = check_fields(value, ["seed", "round"], "given")
    round_id = checked_whole(document["round"], "round", minimum=1, maximum=MAX_ROUND)
    return GivenKeys(read_hex(document, "seed", length=32), round_id)
