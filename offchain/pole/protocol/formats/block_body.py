"""The body of a PoLe block as it is pinned on IPFS: every record since the previous block."""

from dataclasses import dataclass
from typing import Final

from pole.errors import IntegrityError
from pole.protocol.encoding.hashing import address
from pole.protocol.encoding.merkle_body import body_of, leaf, root
from pole.protocol.encoding.records import KIND_OF_NAME, kind_name
from pole.protocol.formats.canonical_json import (
    bytes_in_hex,
    check_fields,
    checked_whole,
    read_document,
    read_list,
    read_whole,
    write_document,
)
from pole.protocol.state import Record
from pole.quoting import quoted

FORMAT: Final = "pole.body"
MAX_BYTES: Final = 2**26
MAX_RECORDS: Final = 2**17
MAX_RECORD_HEX: Final = 2**18


@dataclass(frozen=True, slots=True)
class BlockBody:
    """All records of one block of the PoLe chain at address `contract`, in the order of their leaves."""

    chain_id: int
    contract: str
    height: int
    records: tuple[Record, ...]


def body_root(records: tuple[Record, ...]) -> bytes:
    """Return the root that the block's header holds."""
    return root(body_of(leaf(record.kind, record.data) for record in records))


def write_body(body: BlockBody) -> bytes:
    """Return the file's bytes."""
    return write_document(
        {
            "format": FORMAT,
            "version": 1,
            "chainId": body.chain_id,
            "contract": body.contract,
            "height": body.height,
            "records": [
                {"kind": kind_name(record.kind), "data": "0x" + record.data.hex()} for record in body.records
            ],
        }
    )


def read_body(data: bytes, *, expected_root: bytes) -> BlockBody:
    """Return the body if its records have the root of a block's header; raises IntegrityError otherwise."""
    fields = ["chainId", "contract", "height", "records"]
    document = read_document(data, kind=FORMAT, version=1, fields=fields, max_bytes=MAX_BYTES)
    height = read_whole(document, "height", minimum=1, maximum=2**63)
    contract = document["contract"]
    if not isinstance(contract, str) or not _is_checksummed(contract):
        raise IntegrityError("contract must be an address with its EIP-55 checksum.")
    body = BlockBody(
        chain_id=read_whole(document, "chainId", minimum=1, maximum=2**63),
        contract=contract,
        height=height,
        records=tuple(
            _record(entry, height, index)
            for index, entry in enumerate(read_list(document, "records", maximum=MAX_RECORDS))
        ),
    )
    if body_root(body.records) != expected_root:
        raise IntegrityError(
            f"The body's records do not have the root 0x{expected_root.hex()} of its block's header."
        )
    return body


def _is_checksummed(text: str) -> bool:
    try:
        return address(text) == text
    except ValueError:
        return False


def _record(entry: object, height: int, index: int) -> Record:
    where = f"Record {index}"
    fields = check_fields(entry, ["kind", "data"], where)
    kind, data = fields["kind"], fields["data"]
    if not isinstance(kind, str) or kind not in KIND_OF_NAME:
        raise IntegrityError(f"{where} has the unknown kind {quoted(kind)}.")
    checked_whole(
        len(data) if isinstance(data, str) else -1, f"{where}'s length", minimum=2, maximum=MAX_RECORD_HEX
    )
    content = bytes_in_hex(data, "0x")
    if content is None:
        raise IntegrityError(f"{where} must be lower-case hex after 0x.")
    return Record(height, index, KIND_OF_NAME[kind], content)
