"""The ledger of functional keys: one file for each master key, of what was or will be given away under it."""

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from pole.errors import InputError, IntegrityError
from pole.learning.privacy.measure import DataMeasure, KeysMeasure
from pole.learning.privacy.rules import Rule
from pole.protocol.formats.canonical_json import (
    Document,
    check_fields,
    checked_whole,
    read_document,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.models.specification import MAX_DOCUMENT_BYTES, ModelSpecification, parse_specification
from pole.quoting import quoted
from pole.roles.support.files import own_disk, write_durably

KIND: Final = "pole.key-budget"
VERSION: Final = 2
MAX_ROUND: Final = 2**63 - 1
MAX_MEASURE: Final = 2**63 - 1
FIELDS: Final = ("mpkDigest", "dataSet", "dataDigest", "specification", "consent", "given", "measures")
FIRST_FIELDS: Final = FIELDS[:-1]
"""Of version 1, whose tasks were posted before their data was measured."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """The seed that a master key's functional keys were issued for, and the first round they were for."""

    seed: bytes
    round_id: int


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured when a task was posted.

    Of the data, of the task's own keys, and of these together with all that was given and waited before.
    """

    data: DataMeasure
    alone: KeysMeasure
    after: KeysMeasure


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A task's part of the budget of a data set: waiting for its round, or given away.

    `data_set` names the data and `data_digest` is its digest when the task was posted; `consent` is the first
    rule that its owner accepts to be broken, None for none; `given` is None until keys are issued, and
    `measures` where the task was posted without. Raises InputError for a name that is none.
    """

    mpk_digest: bytes
    data_set: str
    data_digest: bytes
    specification: ModelSpecification
    consent: Rule | None
    given: GivenKeys | None = None
    measures: Measures | None = None

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
        with own_disk(path):
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
        path = self._path(mpk_digest)
        with own_disk(path):
            path.unlink(missing_ok=True)

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
        "measures": entry.measures and _measures_document(entry.measures),
    }
    return write_document(document)


def _measures_document(measures: Measures) -> Document:
    return {
        "data": {_camel(name): value for name, value in asdict(measures.data).items()},
        "alone": asdict(measures.alone),
        "after": asdict(measures.after),
    }


def _read(path: Path) -> LedgerEntry:
    with own_disk(path):
        content = path.read_bytes()
    try:
        return _read_entry(content)
    except (InputError, IntegrityError) as error:
        raise IntegrityError(
            f"The key ledger's file {path} is damaged ({error}): restore it; without it the data node cannot "
            "know what it has given away."
        ) from error


def _read_entry(content: bytes) -> LedgerEntry:
    limit = 2 * MAX_DOCUMENT_BYTES
    # The fields of canonical JSON are sorted, and the version is the last.
    if content.endswith(b'"version":1}'):
        first = read_document(content, kind=KIND, version=1, fields=FIRST_FIELDS, max_bytes=limit)
        if not isinstance(first["consent"], bool):
            raise IntegrityError("consent must be true or false.")
        return _entry(first, consent=Rule.RANK if first["consent"] else None, measures=None)
    document = read_document(content, kind=KIND, version=VERSION, fields=FIELDS, max_bytes=limit)
    measures = document["measures"]
    return _entry(
        document,
        consent=_rule(document["consent"]),
        measures=None if measures is None else _measures(measures),
    )


def _entry(document: Document, *, consent: Rule | None, measures: Measures | None) -> LedgerEntry:
    name, given = document["dataSet"], document["given"]
    if not isinstance(name, str):
        raise IntegrityError("dataSet must be text.")
    return LedgerEntry(
        mpk_digest=read_hex(document, "mpkDigest", length=32),
        data_set=name,
        data_digest=read_hex(document, "dataDigest", length=32),
        specification=parse_specification(json.dumps(document["specification"])),
        consent=consent,
        given=None if given is None else _given(given),
        measures=measures,
    )


def _rule(value: object) -> Rule | None:
    if value is not None and value not in list(Rule):
        raise IntegrityError(f"consent must be null or one of {', '.join(Rule)}.")
    return None if value is None else Rule(str(value))


def _given(value: object) -> GivenKeys:
    document = check_fields(value, ["seed", "round"], "given")
    round_id = checked_whole(document["round"], "round", minimum=1, maximum=MAX_ROUND)
    return GivenKeys(read_hex(document, "seed", length=32), round_id)


def _measures(value: object) -> Measures:
    document = check_fields(value, ["data", "alone", "after"], "measures")
    names = {field.name: _camel(field.name) for field in fields(DataMeasure)}
    data = check_fields(document["data"], list(names.values()), "data")
    wholes = {name: read_whole(data, camel, minimum=0, maximum=MAX_MEASURE) for name, camel in names.items()}
    alone, after = (_keys_measure(document[name], name) for name in ("alone", "after"))
    return Measures(DataMeasure(**wholes), alone, after)


def _keys_measure(value: object, name: str) -> KeysMeasure:
    document = check_fields(value, [field.name for field in fields(KeysMeasure)], name)
    if not isinstance(document["exact"], bool):
        raise IntegrityError("exact must be true or false.")
    return KeysMeasure(
        functions=read_whole(document, "functions", minimum=0, maximum=MAX_MEASURE),
        bits=read_whole(document, "bits", minimum=0, maximum=MAX_MEASURE),
        exact=document["exact"],
    )


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)
