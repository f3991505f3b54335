from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.domains import RECORD_DOMAIN
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.encoding.merkle_body import (
    DEPTH,
    EMPTY_BODY,
    MAX_RECORDS,
    Body,
    append,
    body_of,
    inclusion,
    leaf,
    node,
    root,
    verify_inclusion,
    with_count,
)
from pole.protocol.state import RecordKind

hashes = st.binary(min_size=32, max_size=32)


def plain_root(leaves: list[bytes]) -> bytes:
    """Return the root by definition: level by level over all leaves."""
    row, empty = leaves, bytes(32)
    for _ in range(DEPTH):
        row = row + [empty] * (len(row) % 2) or [empty, empty]
        row = [node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        empty = node(empty, empty)
    return with_count(row[0], len(leaves))


def test_a_full_body_takes_no_record() -> None:
    with pytest.raises(InputError, match="at most"):
        append(Body(MAX_RECORDS, EMPTY_BODY.frontier), bytes(32))


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_proof_for_an_index_outside(index: int) -> None:
    with pytest.raises(InputError, match="has 3 records"):
        inclusion([b"\x01" * 32] * 3, index)


def test_a_proof_for_another_root_is_refused() -> None:
    leaves = [bytes([i]) * 32 for i in range(5)]
    with pytest.raises(IntegrityError, match="does not lead"):
        verify_inclusion(inclusion(leaves, 2), root(body_of(leaves[:4])))


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": b"\x09" * 32},
        {"index": 3},
        {"index": 5},
        {"index": -1},
        {"count": 6},
        {"count": 2},
        {"count": 2**32},
        {"siblings": ()},
    ],
    ids=str,
)
def test_a_changed_proof_is_refused(change: dict[str, object]) -> None:
    leaves = [bytes([i]) * 32 for i in range(5)]
    proof = replace(inclusion(leaves, 2), **change)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        verify_inclusion(proof, root(body_of(leaves)))


@given(st.integers(0, DEPTH - 1), st.integers(0, 255))
def test_a_proof_with_one_bit_changed_is_refused(level: int, bit: int) -> None:
    leaves = [bytes([i]) * 32 for i in range(5)]
    proof = inclusion(leaves, 4)
    sibling = (int.from_bytes(proof.siblings[level], "big") ^ 1 << bit).to_bytes(32, "big")
    siblings = (*proof.siblings[:level], sibling, *proof.siblings[level + 1 :])
    with pytest.raises(IntegrityError):
        verify_inclusion(replace(proof, siblings=siblings), root(body_of(leaves)))


def test_the_empty_body_has_the_root_of_an_empty_tree() -> None:
    assert root(EMPTY_BODY) == plain_root([])


@given(st.lists(hashes, max_size=40))
@settings(max_examples=40)
def test_the_incremental_root_is_the_tree_s(leaves: list[bytes]) -> None:
    assert root(body_of(leaves)) == plain_root(leaves)


@given(st.lists(hashes, max_size=20), st.lists(hashes, max_size=20))
@settings(max_examples=40)
def test_what_an_earlier_body_left_in_the_frontier_does_not_matter(
    old: list[bytes], new: list[bytes]
) -> None:
    body = Body(0, body_of(old).frontier)
    for each in new:
        body = append(body, each)
    assert root(body) == plain_root(new)


@given(st.lists(hashes, min_size=1, max_size=20))
@settings(max_examples=20)
def test_every_record_has_a_proof(leaves: list[bytes]) -> None:
    body_root = root(body_of(leaves))
    for index in range(len(leaves)):
        proof = inclusion(leaves, index)
        verify_inclusion(proof, body_root)
        assert (proof.leaf, proof.index) == (leaves[index], index)


def test_zero_leaves_count() -> None:
    assert root(body_of([bytes(32)])) != root(body_of([bytes(32)] * 2)) != root(EMPTY_BODY)


def test_a_leaf_binds_kind_and_data() -> None:
    encoded = RECORD_DOMAIN + bytes(31) + b"\x05" + keccak256(b"data")
    assert leaf(RecordKind.SUBMISSIONS_CLOSED, b"data") == keccak256(encoded)
    assert leaf(RecordKind.SUBMISSIONS_CLOSED, b"data") != leaf(RecordKind.TASK_POSTED, b"data")
