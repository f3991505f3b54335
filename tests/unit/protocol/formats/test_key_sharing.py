"""The files of a shared secret: what readers refuse."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.key_sharing import (
    Holder,
    SealedShare,
    Sharing,
    read_partial_keys,
    read_sealed_share,
    read_share,
    read_sharing,
    share_context,
    write_partial_keys,
    write_sealed_share,
    write_share,
    write_sharing,
)
from pole.protocol.formats.tensors import write_tensors

ADDRESSES = ("0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab", "0x5b1869D9A4C187F2EAa108f3062412ecf0526b24")
HOLDERS = tuple(Holder(address, bytes([number]) * 32) for number, address in enumerate(ADDRESSES))
COMMITMENTS = np.arange(2 * 3 * 32, dtype=np.uint8).reshape(2, 3, 32)
SHARING = Sharing(HOLDERS, COMMITMENTS)
DIGEST, SEED = bytes(range(32)), bytes(range(32, 64))
SCALARS = COMMITMENTS[0]
SEALED = SealedShare(7, DIGEST, 2, b"\x01\x02")
PARTIAL = {"round_id": 7, "seed": SEED, "sharing_digest": DIGEST, "index": 2}
PARTIAL_FILE = write_partial_keys(COMMITMENTS, **PARTIAL)  # type: ignore[arg-type]


def test_a_sharing_with_fewer_holders_than_its_threshold_is_refused() -> None:
    with pytest.raises(InputError, match="needs 2 to 255 holders"):
        Sharing(HOLDERS[:1], COMMITMENTS)


def test_a_sharing_that_names_a_holder_twice_is_refused_in_files_too() -> None:
    tensors = {
        "addresses": np.zeros((2, 20), np.uint8),
        "commitments": COMMITMENTS,
        "sealingKeys": np.zeros((2, 32), np.uint8),
    }
    content = write_tensors(tensors, {"format": "pole.key-sharing", "version": "1"})
    with pytest.raises(IntegrityError, match="named twice"):
        read_sharing(content)


def test_a_sharing_with_a_sealing_key_too_few_is_refused() -> None:
    tensors = {
        "addresses": np.arange(40, dtype=np.uint8).reshape(2, 20),
        "commitments": COMMITMENTS,
        "sealingKeys": np.zeros((1, 32), np.uint8),
    }
    content = write_tensors(tensors, {"format": "pole.key-sharing", "version": "1"})
    with pytest.raises(IntegrityError, match="names 2 holders, but 1 sealing keys"):
        read_sharing(content)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_sharing_are_refused(data: bytes) -> None:
    for read in (read_sharing, read_sealed_share):
        with pytest.raises(IntegrityError):
            read(data)


@pytest.mark.parametrize("cut", [1, 31, 100])
def test_a_truncated_sharing_is_refused(cut: int) -> None:
    with pytest.raises(IntegrityError):
        read_sharing(write_sharing(SHARING)[:-cut])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("box", ""),
        ("box", "0"),
        ("box", "0G"),
        ("box", 1),
        ("index", 0),
        ("index", 256),
        ("taskId", 0),
        ("sharingDigest", "0x00"),
        ("version", 2),
        ("format", "pole.key-share"),
    ],
)
def test_a_sealed_share_with_a_field_out_of_range_is_refused(field: str, value: object) -> None:
    document = json.loads(write_sealed_share(SEALED)) | {field: value}
    with pytest.raises(IntegrityError):
        read_sealed_share(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("change", [{"index": 1}, {"sharing_digest": SEED}, {"dimension": 4}], ids=str)
def test_a_share_of_another_holder_sharing_or_size_is_refused(change: dict[str, object]) -> None:
    content = write_share(SCALARS, sharing_digest=DIGEST, index=2)
    expected: dict[str, object] = {"sharing_digest": DIGEST, "index": 2, "dimension": 3}
    with pytest.raises(IntegrityError):
        read_share(content, **{**expected, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"round_id": 8},
        {"seed": DIGEST},
        {"sharing_digest": SEED},
        {"index": 1},
        {"windows": 3},
        {"queries": 2},
    ],
    ids=str,
)
def test_partial_keys_of_anything_else_are_refused(change: dict[str, object]) -> None:
    expected = {**PARTIAL, "windows": 2, "queries": 3}
    with pytest.raises(IntegrityError):
        read_partial_keys(PARTIAL_FILE, **{**expected, **change})  # type: ignore[arg-type]


def test_every_share_of_every_sharing_has_a_context_of_its_own() -> None:
    contexts = {share_context(digest, index) for digest in (DIGEST, SEED) for index in (1, 11, 111)}
    assert len(contexts) == 6


def test_the_files_survive_their_encoding() -> None:
    read = read_sharing(write_sharing(SHARING))
    assert read.holders == HOLDERS
    assert np.array_equal(read.commitments, COMMITMENTS)
    assert read.threshold == 2
    assert [read.index_of(address) for address in (*ADDRESSES, "0x" + "0" * 40)] == [1, 2, None]
    assert read_sealed_share(write_sealed_share(SEALED)) == SEALED
    content = write_share(SCALARS, sharing_digest=DIGEST, index=2)
    assert np.array_equal(read_share(content, sharing_digest=DIGEST, index=2, dimension=3), SCALARS)
    found = read_partial_keys(PARTIAL_FILE, **PARTIAL, windows=2, queries=3)  # type: ignore[arg-type]
    assert np.array_equal(found, COMMITMENTS)


def test_a_sealed_share_does_not_show_its_box() -> None:
    assert "box" not in repr(replace(SEALED, index=3))
