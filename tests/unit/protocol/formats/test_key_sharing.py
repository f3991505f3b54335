"""The files of a shared secret: what readers refuse."""

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError, IntegrityError
from pole.protocol.encoding.hashing import address
from pole.protocol.formats.canonical_json import write_document
from pole.protocol.formats.key_sharing import (
    MAX_SEALED_SHARE_BYTES,
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
from pole.protocol.formats.shared_task import (
    SharedTask,
    read_task,
    read_task_metadata,
    task_metadata,
    task_text,
)
from pole.protocol.formats.tensors import write_tensors

ADDRESSES = ("0xe78A0F7E598Cc8b0Bb87894B0F60dD2a88d6a8Ab", "0x5b1869D9A4C187F2EAa108f3062412ecf0526b24")
HOLDERS = tuple(Holder(address, bytes([number]) * 32) for number, address in enumerate(ADDRESSES))
COMMITMENTS = np.arange(2 * 3 * 32, dtype=np.uint8).reshape(2, 3, 32)
TASK = SharedTask(1337, ADDRESSES[1], 7, ADDRESSES[0], bytes([9]) * 32, 12)
OTHER_TASKS: tuple[dict[str, Any], ...] = (
    {"chain_id": 1},
    {"task_list": ADDRESSES[0]},
    {"task_id": 8},
    {"owner": ADDRESSES[1]},
    {"specification_digest": bytes(32)},
    {"key_count": 13},
)
SHARING = Sharing(TASK, HOLDERS, COMMITMENTS)
DIGEST, SEED = bytes(range(32)), bytes(range(32, 64))
SCALARS = COMMITMENTS[0]
SEALED = SealedShare(TASK, DIGEST, 2, b"\x01\x02")
METADATA = {"format": "pole.key-sharing", "version": "2", **task_metadata(TASK)}
SHARE: dict[str, Any] = {"task": TASK, "sharing_digest": DIGEST, "index": 2}
SHARING_TENSORS = {
    "addresses": np.arange(40, dtype=np.uint8).reshape(2, 20),
    "commitments": COMMITMENTS,
    "sealingKeys": np.zeros((2, 32), np.uint8),
}
WORDS = st.binary(min_size=20, max_size=20).map(lambda data: address(f"0x{data.hex()}"))
TASKS = st.builds(
    SharedTask,
    chain_id=st.integers(1, 2**64 - 1),
    task_list=WORDS,
    task_id=st.integers(1, 2**64 - 1),
    owner=WORDS,
    specification_digest=st.binary(min_size=32, max_size=32),
    key_count=st.integers(1, 2**32 - 1),
)
PARTIAL = {"round_id": 7, "seed": SEED, "sharing_digest": DIGEST, "index": 2}
PARTIAL_FILE = write_partial_keys(COMMITMENTS, **PARTIAL)  # type: ignore[arg-type]


def test_a_sharing_with_fewer_holders_than_its_threshold_is_refused() -> None:
    with pytest.raises(InputError, match="needs 2 to 255 holders"):
        Sharing(TASK, HOLDERS[:1], COMMITMENTS)


def test_a_sharing_that_names_a_holder_twice_is_refused_in_files_too() -> None:
    tensors = {
        "addresses": np.zeros((2, 20), np.uint8),
        "commitments": COMMITMENTS,
        "sealingKeys": np.zeros((2, 32), np.uint8),
    }
    content = write_tensors(tensors, METADATA)
    with pytest.raises(IntegrityError, match="named twice"):
        read_sharing(content)


def test_a_sharing_with_a_sealing_key_too_few_is_refused() -> None:
    tensors = {
        "addresses": np.arange(40, dtype=np.uint8).reshape(2, 20),
        "commitments": COMMITMENTS,
        "sealingKeys": np.zeros((1, 32), np.uint8),
    }
    content = write_tensors(tensors, METADATA)
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
        ("box", "00" + "\n"),
        ("task", 7),
        ("task", {}),
        ("sharingDigest", "0x00"),
        ("version", 3),
        ("format", "pole.key-share"),
    ],
)
def test_a_sealed_share_with_a_field_out_of_range_is_refused(field: str, value: object) -> None:
    document = json.loads(write_sealed_share(SEALED)) | {field: value}
    with pytest.raises(IntegrityError):
        read_sealed_share(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("change", [{"index": 1}, {"sharing_digest": SEED}, {"dimension": 4}], ids=str)
def test_a_share_of_another_holder_sharing_or_size_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        read_share(write_share(SCALARS, **SHARE), **{**SHARE, "dimension": 3, **change})


@pytest.mark.parametrize("change", OTHER_TASKS, ids=str)
def test_a_share_for_a_task_that_differs_in_one_field_is_refused(change: dict[str, Any]) -> None:
    other = SHARE | {"task": replace(TASK, **change)}
    with pytest.raises(IntegrityError):
        read_share(write_share(SCALARS, **SHARE), **other, dimension=3)


def test_files_of_version_1_are_refused_with_the_commands_that_make_new_ones() -> None:
    again = "share the secret again .`pole data-node share`.*`pole key-holder accept`"
    tensors = {"scalars": SCALARS}
    for kind, read in (
        ("pole.key-sharing", read_sharing),
        ("pole.key-share", lambda data: read_share(data, **SHARE, dimension=3)),
    ):
        content = write_tensors(tensors, {"format": kind, "version": "1"})
        with pytest.raises(IntegrityError, match=f"{kind} file cannot be used.*{again}"):
            read(content)
    fields = {"box": "00", "index": 2, "sharingDigest": f"0x{DIGEST.hex()}", "taskId": 7}
    content = write_document({"format": "pole.sealed-share", "version": 1, **fields})
    with pytest.raises(IntegrityError, match=f"pole.sealed-share file cannot be used.*{again}"):
        read_sealed_share(content)


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
    tasks = [TASK, *(replace(TASK, **change) for change in OTHER_TASKS)]
    contexts = {
        share_context(task, digest, index)
        for task in tasks
        for digest in (DIGEST, SEED)
        for index in (1, 11, 111)
    }
    assert len(contexts) == 7 * 6


@given(TASKS, TASKS)
def test_files_of_two_tasks_are_never_alike(first: SharedTask, second: SharedTask) -> None:
    """So the digest of a sharing, which the chain has, commits to its task."""
    files = [write_sharing(Sharing(task, HOLDERS, COMMITMENTS)) for task in (first, second)]
    contexts = [share_context(task, DIGEST, 1) for task in (first, second)]
    assert (files[0] == files[1]) == (contexts[0] == contexts[1]) == (first == second)


@given(TASKS)
def test_a_task_survives_each_of_its_encodings(task: SharedTask) -> None:
    assert read_sharing(write_sharing(Sharing(task, HOLDERS, COMMITMENTS))).task == task
    assert read_sealed_share(write_sealed_share(replace(SEALED, task=task))).task == task
    assert read_task_metadata(task_metadata(task)) == task
    assert read_task(json.loads(task_text(task))) == task


MALFORMED = [
    ("chainId", "0"),
    ("chainId", "01337"),
    ("chainId", "+1337"),
    ("chainId", " 1337"),
    ("chainId", "1_337"),
    ("chainId", "\u0661"),
    ("chainId", str(2**64)),
    ("taskId", "0"),
    ("keys", "0"),
    ("keys", str(2**32)),
    ("owner", ADDRESSES[0].lower()),
    ("taskList", "0x00"),
    ("specificationDigest", "0x" + "AA" * 32),
    ("specificationDigest", "aa" * 32),
    ("unknown", "1"),
]


@pytest.mark.parametrize(("field", "value"), MALFORMED)
def test_a_sharing_whose_task_is_malformed_is_refused(field: str, value: str) -> None:
    content = write_tensors(SHARING_TENSORS, METADATA | {field: value})
    with pytest.raises(IntegrityError):
        read_sharing(content)


@pytest.mark.parametrize("field", ["chainId", "keys", "owner", "specificationDigest", "taskId", "taskList"])
def test_a_sharing_that_leaves_a_field_of_its_task_out_is_refused(field: str) -> None:
    metadata = {name: value for name, value in METADATA.items() if name != field}
    with pytest.raises(IntegrityError, match=f"missing or unknown fields: '{field}'"):
        read_sharing(write_tensors(SHARING_TENSORS, metadata))


def test_a_sealed_share_as_long_as_can_be_is_checked_without_much_memory() -> None:
    content = write_sealed_share(replace(SEALED, box=bytes(MAX_SEALED_SHARE_BYTES // 2 - 1024)))
    tracemalloc.start()
    try:
        read_sealed_share(content)
        assert tracemalloc.get_traced_memory()[1] < 12 * MAX_SEALED_SHARE_BYTES
    finally:
        tracemalloc.stop()


def test_the_files_survive_their_encoding() -> None:
    read = read_sharing(write_sharing(SHARING))
    assert (read.task, read.holders) == (TASK, HOLDERS)
    assert np.array_equal(read.commitments, COMMITMENTS)
    assert read.threshold == 2
    assert [read.index_of(address) for address in (*ADDRESSES, "0x" + "0" * 40)] == [1, 2, None]
    assert read_sealed_share(write_sealed_share(SEALED)) == SEALED
    assert np.array_equal(read_share(write_share(SCALARS, **SHARE), **SHARE, dimension=3), SCALARS)
    found = read_partial_keys(PARTIAL_FILE, **PARTIAL, windows=2, queries=3)  # type: ignore[arg-type]
    assert np.array_equal(found, COMMITMENTS)


def test_a_sealed_share_does_not_show_its_box() -> None:
    assert "box" not in repr(replace(SEALED, index=3))
