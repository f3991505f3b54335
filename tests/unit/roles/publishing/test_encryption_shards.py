"""Encryption elsewhere: the bytes of the owner's own machine, without its secret, one row of each checked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.roles.conftest import numbers
from tests.unit.roles.elsewhere import FakeShards

from pole.errors import IntegrityError, PoleError
from pole.ipfe.scheme import encrypt, generate_keys
from pole.protocol.formats.tensors import TensorType, read_tensors, write_tensors
from pole.roles.publishing.encryption_shards import encrypt_elsewhere, encrypt_rows, encryption_shard

SECRET, PUBLIC = generate_keys(3, numbers(1))
VALUES = np.arange(12, dtype=np.uint8).reshape(4, 3)


def with_points(result: bytes, change: int) -> bytes:
    """Return a result whose rows are changed by so many steps round."""
    types = {"ct": TensorType("U8", (4, 3, 32)), "ct0": TensorType("U8", (4, 32))}
    tensors = read_tensors(result, what="result", types=types, metadata={"work": "encryption"})
    moved = {name: np.roll(tensor, change, axis=0) for name, tensor in tensors.items()}
    return write_tensors(moved, {"work": "encryption"})


def test_rows_that_are_not_those_asked_for_name_their_worker() -> None:
    liar = FakeShards(answer=lambda result: with_points(result, 1))
    with pytest.raises(IntegrityError, match=r"worker-1 encrypted row [0-3] of the shard encryption-"):
        encrypt_elsewhere(liar, SECRET, PUBLIC, VALUES, numbers(2))


@pytest.mark.parametrize("answer", [b"", bytes(100), write_tensors({}, {"work": "encryption"})])
def test_a_result_of_another_shape_names_its_worker(answer: bytes) -> None:
    liar = FakeShards(answer=lambda _: answer)
    with pytest.raises(IntegrityError, match="worker-1"):
        encrypt_elsewhere(liar, SECRET, PUBLIC, VALUES, numbers(2))


def test_fewer_rows_than_were_sent_are_refused() -> None:
    fewer = encrypt_rows(encryption_shard(PUBLIC, VALUES[:3], bytes(192)).content)
    with pytest.raises(IntegrityError, match="worker-1"):
        encrypt_elsewhere(FakeShards(answer=lambda _: fewer), SECRET, PUBLIC, VALUES, numbers(2))


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 2**20), min_size=3, max_size=3), min_size=1, max_size=5),
    wide=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_bytes_are_those_of_the_owners_faster_path(rows: list[list[int]], wide: bool, seed: int) -> None:
    values = np.array(rows, dtype=np.uint32)
    values = values if wide else (values % 256).astype(np.uint8)
    cluster = FakeShards()
    elsewhere = encrypt_elsewhere(cluster, SECRET, PUBLIC, values, numbers(seed))
    here = encrypt(SECRET, values, numbers(seed))
    assert np.array_equal(elsewhere.ct0, here.ct0)
    assert np.array_equal(elsewhere.ct, here.ct)


def test_the_master_secret_is_in_no_shard() -> None:
    cluster = FakeShards()
    encrypt_elsewhere(cluster, SECRET, PUBLIC, VALUES, numbers(2))
    (shard,) = cluster.sent
    for scalar in SECRET.scalars:
        assert scalar.tobytes() not in shard.content
    assert PUBLIC.points[0].tobytes() in shard.content


def test_equal_shards_have_equal_names_and_give_equal_bytes() -> None:
    once, again = (encryption_shard(PUBLIC, VALUES, bytes(256)) for _ in range(2))
    other = encryption_shard(PUBLIC, VALUES, bytes(255) + b"\x01")
    assert once.name == again.name != other.name
    assert encrypt_rows(once.content) == encrypt_rows(again.content) != encrypt_rows(other.content)


def test_a_shard_does_not_show_its_rows() -> None:
    assert "content" not in repr(encryption_shard(PUBLIC, VALUES, bytes(256)))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.integers(0, 8))
def test_any_other_bytes_are_one_of_our_errors_or_a_result(at: int, byte: int, cut: int) -> None:
    content = bytearray(encryption_shard(PUBLIC, VALUES, bytes(range(256))).content)
    content[at % len(content)] = byte
    try:
        encrypt_rows(bytes(content[: len(content) - cut]))
    except PoleError:
        return
