import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.ledger import Ledger

from pole.errors import IntegrityError
from pole.protocol.formats.canonical_json import write_document
from pole.protocol.replay.history import prove
from pole.protocol.replay.proofs import InclusionProof, read_proof, verify_proof, write_proof
from pole.protocol.state import RecordKind


def one_block() -> Ledger:
    ledger = Ledger()
    ledger.post()
    ledger.run()
    return ledger


LEDGER = one_block()
PROOF = prove(LEDGER.history(), 1, 3)
FILE = write_proof(PROOF)
HASH = LEDGER.blocks[1].hash


def changed(path: str, value: object) -> bytes:
    document = json.loads(FILE)
    *parents, last = path.split(".")
    place: Any = document
    for key in parents:
        place = place[int(key)] if key.isdigit() else place[key]
    place[int(last) if isinstance(place, list) else last] = value
    return write_document(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("header.height", 2),
        ("header.winner", "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C"),
        ("header.winner", "0x90f8bf6a479f320ead074411a4b0e7944ea8c9c1"),
        ("header.winner", None),
        ("header.trainCorrect", 2**32),
        ("header.bodyRoot", "0x"),
        ("header.colour", 1),
        ("record.kind", "Poem"),
        ("record.kind", "Payouts"),
        ("record.data", "0x00"),
        ("record.data", 5),
        ("record.data", ""),
        ("record.index", 4),
        ("record.index", -1),
        ("record.count", 0),
        ("record.count", 99),
        ("siblings", []),
        ("siblings.0", "0x" + "00" * 32),
        ("siblings.31", None),
    ],
)
def test_a_changed_proof_is_refused(path: str, value: object) -> None:
    with pytest.raises(IntegrityError):
        verify_proof(read_proof(changed(path, value)), HASH)


def test_a_proof_for_another_block_is_refused() -> None:
    with pytest.raises(IntegrityError, match="not that of block"):
        verify_proof(PROOF, LEDGER.blocks[0].hash)


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (replace(PROOF, record=replace(PROOF.record, index=4)), "numbered otherwise"),
        (replace(PROOF, record=replace(PROOF.record, height=2)), "numbered otherwise"),
        (replace(PROOF, record=replace(PROOF.record, kind=RecordKind.PAYOUTS)), "another record"),
    ],
)
def test_a_proof_of_another_record_is_refused(proof: InclusionProof, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        verify_proof(proof, HASH)


@given(st.binary(max_size=200))
def test_any_bytes_are_no_proof(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_proof(data)


def test_a_proof_survives_its_encoding() -> None:
    assert read_proof(FILE) == PROOF
    verify_proof(read_proof(FILE), HASH)
