"""What a reader takes at its peak is a small multiple of its input, whatever strangers wrote."""

import json
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from pole.errors import IntegrityError
from pole.protocol.formats import block_body, encrypted_set, key_sharing, keys
from pole.protocol.formats.canonical_json import MAX_VALUES, read_document, write_document
from pole.protocol.formats.shared_task import SharedTask, task_metadata
from pole.protocol.formats.tensors import write_tensors
from pole.protocol.state import FileRef, Record, RecordKind

MEBIBYTE = 2**20
DIGEST = bytes(32)
DIMENSION = 2**16
TASK = SharedTask(1337, "0x" + "00" * 20, 5, "0x" + "00" * 20, DIGEST, 1)


def peak(read: Callable[[bytes], object], data: bytes) -> int:
    """Return the most memory that reading takes beside the input."""
    tracemalloc.start()
    try:
        read(data)
    except IntegrityError:
        pass
    finally:
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return highest


def sealed_share() -> bytes:
    box = bytes((key_sharing.MAX_SEALED_SHARE_BYTES - 800) // 2)
    return key_sharing.write_sealed_share(key_sharing.SealedShare(TASK, DIGEST, 1, box))


def manifest() -> bytes:
    rows = encrypted_set.shard_ref("b" * 59, b"", 1)
    return write_document(
        json.loads(
            encrypted_set.write_manifest(
                encrypted_set.EncryptedSetManifest(
                    part=encrypted_set.Part.TRAIN,
                    count=encrypted_set.MAX_SHARDS,
                    input_shape=(DIMENSION,),
                    dimension=DIMENSION,
                    noise_columns=0,
                    classes=2,
                    bits=8,
                    scale=(0.1234567890123456,) * DIMENSION,
                    offset=(0.1234567890123456,) * DIMENSION,
                    master_public_key=FileRef("b" * 59, DIGEST),
                    shards=(rows,) * encrypted_set.MAX_SHARDS,
                )
            )
        )
    )


def body() -> bytes:
    records = tuple(Record(1, index, RecordKind.PAYOUTS, bytes(2**17 - 8)) for index in range(250))
    return block_body.write_body(block_body.BlockBody(1337, "0x" + "00" * 20, 1, records))


def many_records() -> bytes:
    records = tuple(Record(1, index, RecordKind.PAYOUTS, b"") for index in range(2**12))
    return block_body.write_body(block_body.BlockBody(1337, "0x" + "00" * 20, 1, records))


def sharing() -> bytes:
    holders = tuple(key_sharing.Holder(f"0x{number:040x}", DIGEST) for number in range(1, 256))
    commitments = np.zeros((8, DIMENSION, 32), dtype=np.uint8)
    return key_sharing.write_sharing(key_sharing.Sharing(TASK, holders, commitments))


READERS: dict[str, tuple[Callable[[], bytes], Callable[[bytes], object], int]] = {
    "sealed share": (sealed_share, key_sharing.read_sealed_share, 5),
    "manifest": (
        manifest,
        lambda data: encrypted_set.read_manifest(data, part=encrypted_set.Part.TRAIN),
        6,
    ),
    "body": (body, lambda data: block_body.read_body(data, expected_root=DIGEST), 6),
    "body of many records": (
        many_records,
        lambda data: block_body.read_body(data, expected_root=DIGEST),
        24,
    ),
    "sharing": (sharing, key_sharing.read_sharing, 1),
    "master public key": (
        lambda: keys.write_master_public_key(np.zeros((DIMENSION, 32), dtype=np.uint8)),
        lambda data: keys.read_master_public_key(data, dimension=DIMENSION),
        1,
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_the_largest_files_take_a_small_multiple_of_their_size(name: str) -> None:
    make, read, multiple = READERS[name]
    data = make()
    assert peak(read, data) < multiple * len(data)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: b"[" + b"[]," * (MAX_VALUES // 2 - 8) + b"[]]",
    "small objects": lambda: b"[" + b'{"ab":0},' * (MAX_VALUES // 2 - 8) + b"{}]",
    "many lists": lambda: b"[" + b"[]," * MAX_VALUES + b"[]]",
    "many keys": lambda: b"{" + b",".join(b'"%d":0' % number for number in range(MAX_VALUES - 8)) + b"}",
    "many numbers": lambda: b"[" + b"0.5," * (8 * MAX_VALUES) + b"0]",
    "wide characters": lambda: b'{"a":"' + b"x" * 2**24 + "😀".encode() + b'"}',
    "escapes": lambda: b'{"a":"' + b"x" * 2**24 + b'\\ud83d\\ude00"}',
    "text": lambda: b'{"a":"' + b"x" * 2**24 + b'"}',
    "brackets": lambda: b"[" * MAX_VALUES,
    "no structure": lambda: b" " * 2**24,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_json_takes_more_memory_than_its_values_and_a_few_copies_of_its_text(name: str) -> None:
    data = HOSTILE[name]()

    def read(data: bytes) -> object:
        return read_document(data, kind="x", version=1, fields=[], max_bytes=2**26)

    assert peak(read, data) < 4 * len(data) + 80 * MEBIBYTE


@pytest.mark.parametrize("name", ["many lists", "many numbers", "wide characters", "escapes"])
def test_text_that_would_take_much_more_memory_is_refused_before_it_is_parsed(name: str) -> None:
    data = HOSTILE[name]()

    def read(data: bytes) -> object:
        return read_document(data, kind="x", version=1, fields=[], max_bytes=2**26)

    with pytest.raises(IntegrityError, match=r"values|ASCII"):
        read(data)
    assert peak(read, data) < MEBIBYTE


def test_a_sharing_of_too_many_holders_is_refused_before_they_are_made() -> None:
    many = 100_000
    tensors = {
        "addresses": np.zeros((many, 20), dtype=np.uint8),
        "commitments": np.zeros((1, 1, 32), dtype=np.uint8),
        "sealingKeys": np.zeros((many, 32), dtype=np.uint8),
    }
    data = write_tensors(tensors, {"format": "pole.key-sharing", "version": "2"} | task_metadata(TASK))
    with pytest.raises(IntegrityError, match="255 are accepted"):
        key_sharing.read_sharing(data)
    assert peak(key_sharing.read_sharing, data) < MEBIBYTE
