"""Proofs that a record is in a block's body: files that the block's hash alone suffices to check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pole.errors import IntegrityError
from pole.protocol.encoding.headers import header_hash
from pole.protocol.encoding.merkle_body import (
    DEPTH,
    MAX_RECORDS,
    Inclusion,
    inclusion,
    leaf,
    verify_inclusion,
)
from pole.protocol.encoding.records import KIND_OF_NAME, kind_name
from pole.protocol.formats.canonical_json import (
    check_fields,
    checked_whole,
    read_address,
    read_document,
    read_hex,
    read_whole,
    write_document,
)
from pole.protocol.state import Header, Record
from pole.quoting import quoted

FORMAT: Final = "pole.proof"
MAX_BYTES: Final = 2**20

_UINT256: Final = 2**256 - 1
_HEADER_FIELDS: Final = {
    "height": _UINT256,
    "roundId": _UINT256,
    "taskId": _UINT256,
    "trainCorrect": 2**32 - 1,
    "testCorrect": 2**32 - 1,
    "timestamp": 2**64 - 1,
}
_HEADER_HASHES: Final = ("parentHash", "modelDigest", "ommersHash", "bodyRoot")


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That `record` is in the body of the block with `header`."""

    header: Header
    record: Record
    inclusion: Inclusion


def proof_of(header: Header, records: Sequence[Record], index: int) -> InclusionProof:
    """Return the proof for record `index` of a block's `records`; raises InputError when there is none."""
    path = inclusion([leaf(record.kind, record.data) for record in records], index)
    return InclusionProof(header, records[index], path)


def verify_proof(proof: InclusionProof, block_hash: bytes) -> None:
    """Raise IntegrityError unless the record is in the body of the block that `block_hash` names."""
    if header_hash(proof.header) != block_hash:
        raise IntegrityError(f"The proof's header is not that of block 0x{block_hash.hex()}.")
    path, record = proof.inclusion, proof.record
    if (record.height, record.index) != (proof.header.height, path.index):
        raise IntegrityError("The proof's record is numbered otherwise than its path.")
    if path.leaf != leaf(record.kind, record.data):
        raise IntegrityError("The proof's path starts from another record.")
    verify_inclusion(path, proof.header.body_root)


def write_proof(proof: InclusionProof) -> bytes:
    """Return the proof's file."""
    header = proof.header
    return write_document(
        {
            "format": FORMAT,
            "version": 1,
            "header": {
                "height": header.height,
                "parentHash": _hex(header.parent_hash),
                "roundId": header.round_id,
                "taskId": header.task_id,
                "winner": header.winner,
                "modelDigest": _hex(header.model_digest),
                "trainCorrect": header.train_correct,
                "testCorrect": header.test_correct,
                "ommersHash": _hex(header.ommers_hash),
                "bodyRoot": _hex(header.body_root),
                "timestamp": header.timestamp,
            },
            "record": {
                "kind": kind_name(proof.record.kind),
                "data": _hex(proof.record.data),
                "index": proof.inclusion.index,
                "count": proof.inclusion.count,
            },
            "siblings": [_hex(sibling) for sibling in proof.inclusion.siblings],
        }
    )


def read_proof(data: bytes) -> InclusionProof:
    """Return the proof in a file, not yet verified; raises IntegrityError when the file is none."""
    fields = ["header", "record", "siblings"]
    document = read_document(data, kind=FORMAT, version=1, fields=fields, max_bytes=MAX_BYTES)
    header = _read_header(document["header"])
    entry = check_fields(document["record"], ["kind", "data", "index", "count"], "record")
    kind, content = entry["kind"], entry["data"]
    if not isinstance(kind, str) or kind not in KIND_OF_NAME:
        raise IntegrityError(f"The record's kind {quoted(kind)} is unknown.")
    if not isinstance(content, str):
        raise IntegrityError("data must be bytes in hex.")
    index = read_whole(entry, "index", minimum=0, maximum=MAX_RECORDS)
    record = Record(
        header.height, index, KIND_OF_NAME[kind], read_hex(entry, "data", length=(len(content) - 2) // 2)
    )
    count = read_whole(entry, "count", minimum=1, maximum=MAX_RECORDS)
    siblings = document["siblings"]
    if not isinstance(siblings, list) or len(siblings) != DEPTH:
        raise IntegrityError(f"A proof has {DEPTH} siblings.")
    path = tuple(read_hex({"siblings": sibling}, "siblings", length=32) for sibling in siblings)
    return InclusionProof(header, record, Inclusion(leaf(record.kind, record.data), index, count, path))


def _read_header(value: Any) -> Header:
    fields = check_fields(value, [*_HEADER_FIELDS, *_HEADER_HASHES, "winner"], "header")
    numbers = {
        name: checked_whole(fields[name], name, minimum=0, maximum=maximum)
        for name, maximum in _HEADER_FIELDS.items()
    }
    hashes = {name: read_hex(fields, name, length=32) for name in _HEADER_HASHES}
    return Header(
        height=numbers["height"],
        parent_hash=hashes["parentHash"],
        round_id=numbers["roundId"],
        task_id=numbers["taskId"],
        winner=read_address(fields, "winner"),
        model_digest=hashes["modelDigest"],
        train_correct=numbers["trainCorrect"],
        test_correct=numbers["testCorrect"],
        ommers_hash=hashes["ommersHash"],
        body_root=hashes["bodyRoot"],
        timestamp=numbers["timestamp"],
    )


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
