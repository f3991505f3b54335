import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.canonical_json import write_document
from pole.protocol.formats.encrypted_set import (
    EncryptedSetManifest,
    Part,
    Shard,
    read_manifest,
    read_shard,
    shard_ref,
    write_manifest,
    write_shard,
)
from pole.protocol.state import FileRef

SHARD = Shard(
    ct0=np.arange(64, dtype=np.uint8).reshape(2, 32),
    ct=np.arange(128, dtype=np.uint8).reshape(2, 2, 32),
    labels=np.array([0, 2], dtype=np.uint16),
)
SHARD_FILE = write_shard(SHARD)
REF = shard_ref("bafyshard", SHARD_FILE, 2)
MANIFEST = EncryptedSetManifest(
    part=Part.TRAIN,
    count=2,
    input_shape=(1, 2),
    dimension=2,
    noise_columns=0,
    classes=3,
    bits=8,
    scale=(0.1,),
    offset=(0.0, -1.5),
    master_public_key=FileRef("bafykey", b"\x07" * 32),
    shards=(REF,),
)
FILE = write_manifest(MANIFEST)
DOCUMENT: dict[str, Any] = json.loads(FILE)
DROPPED = object()


def changed(path: str, value: object) -> bytes:
    document = json.loads(FILE)
    *parents, last = path.split(".")
    place = document
    for key in parents:
        place = place[int(key)] if key.isdigit() else place[key]
    if value is DROPPED:
        del place[last]
    else:
        place[last] = value
    return write_document(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "pole.body", "no pole.encrypted-set file"),
        ("version", 1, "version 1; this PoLe reads 2: make a new one with `pole task post`"),
        ("version", 3, "version 3"),
        ("version", True, "version True"),
        ("version", 1.0, "canonical|version"),
        ("colour", 1, "unknown fields: 'colour'"),
        ("count", DROPPED, "unknown fields: 'count'"),
        ("count", 3, "hold 2 samples, not 3"),
        ("count", 0, "count must be"),
        ("count", 2**32, "count must be"),
        ("count", "2", "count must be"),
        ("part", "test", "describes the 'test' set"),
        ("inputShape", [2, 2], "has not 2 values"),
        ("inputShape", [], "inputShape must be a list"),
        ("inputShape", [1, 1, 1, 2], "inputShape must be a list"),
        ("inputShape", [-1, -2], "inputShape must be"),
        ("dimension", 2**17, "dimension must be"),
        ("noiseColumns", DROPPED, "unknown fields: 'noiseColumns'"),
        ("noiseColumns", -1, "noiseColumns must be"),
        ("noiseColumns", 1, "has not 1 values"),
        ("noiseColumns", 2, "has not 0 values"),
        ("classes", 1, "classes must be"),
        ("bits", 17, "bits must be"),
        ("quantisation", [], "quantisation must be an object"),
        ("quantisation.scale", [0.0], "scale .* positive"),
        ("quantisation.scale", [1], "list of finite numbers"),
        ("quantisation.scale", [0.1, 0.1, 0.1], "list of 1 to 2"),
        ("quantisation.offset", ["0.0"], "list of finite numbers"),
        ("masterPublicKey.digest", "07" * 32, "digest must be 32 bytes"),
        ("masterPublicKey.cid", "../key", "cid must be a CID"),
        ("masterPublicKey.cid", "a" * 129, "cid must be a CID"),
        ("shards", [], "shards must be a list"),
        ("shards.0.digest", "0x" + "07" * 32, "digest must be 32 bytes"),
        ("shards.0.bytes", 2**28 + 1, "bytes must be"),
        ("shards.0.rows", 0, "rows must be"),
        ("shards.0.colour", 1, "Shard 0 has missing or unknown fields"),
        (
            "shards.0.bytes",
            REF.size - 8,
            f"{REF.size - 8} bytes, but its 2 samples take {REF.size}",
        ),
    ],
)
def test_a_manifest_with_a_wrong_field_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read_manifest(changed(path, value), part=Part.TRAIN)


@pytest.mark.parametrize("rows", [1, 2**32 - 1])
def test_a_shard_cannot_have_other_rows_than_its_bytes_hold(rows: int) -> None:
    shards = [{"cid": REF.cid, "digest": REF.digest, "bytes": REF.size, "rows": rows}]
    hostile = write_document(json.loads(FILE) | {"count": rows, "shards": shards})
    with pytest.raises(IntegrityError, match=rf"shard 0 .* its {rows} samples take"):
        read_manifest(hostile, part=Part.TRAIN)


def test_a_shard_is_not_listed_twice() -> None:
    twice = write_manifest(replace(MANIFEST, count=4, shards=(REF, replace(REF, cid="bafysame"))))
    with pytest.raises(IntegrityError, match=r"shard 1 \(bafysame\) of the train set is shard 0 once more"):
        read_manifest(twice, part=Part.TRAIN)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        FILE + b" ",
        FILE.replace(b'"count":2', b'"count": 2'),
        FILE.replace(b'"count":2', b'"count":2,"count":2'),
        FILE.replace(b"0.1", b"0.10"),
        FILE.replace(b"0.1", b"NaN"),
        FILE.replace(b"0.1", b"Infinity"),
        FILE.replace(b"-1.5", b"-1.5e400"),
    ],
)
def test_what_is_not_canonical_json_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_manifest(data, part=Part.TRAIN)


def test_an_absurdly_large_manifest_is_refused_unread() -> None:
    with pytest.raises(IntegrityError, match="at most"):
        read_manifest(b" " * (2**23 + 1), part=Part.TRAIN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimension": 3}, "has not 3 values"),
        ({"count": 3}, "not 3"),
        ({"scale": (0.1, 0.2, 0.3)}, "not 3"),
        ({"scale": (-1.0,)}, "positive"),
    ],
)
def test_a_contradictory_manifest_cannot_be_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(MANIFEST, **change)


@given(st.binary(max_size=300))
def test_any_bytes_are_no_manifest(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_manifest(data, part=Part.TRAIN)


def test_a_manifest_survives_its_encoding() -> None:
    assert read_manifest(FILE, part=Part.TRAIN) == MANIFEST


def test_other_bytes_than_the_manifest_s_are_refused() -> None:
    with pytest.raises(IntegrityError, match="SHA-256"):
        read_shard(SHARD_FILE[:-1] + b"\x01", MANIFEST, 0)
    with pytest.raises(IntegrityError, match="instead of"):
        read_shard(SHARD_FILE + b"\x00", MANIFEST, 0)


def test_a_label_outside_the_classes_is_refused() -> None:
    with pytest.raises(
        IntegrityError, match=r"shard 0 \(bafyshard\) of the train set has the label 2 in row 1"
    ):
        read_shard(SHARD_FILE, replace(MANIFEST, classes=2), 0)


def test_a_shard_of_another_size_is_refused() -> None:
    wrong = [
        replace(MANIFEST, count=1, shards=(replace(REF, rows=1),)),
        replace(MANIFEST, dimension=3, input_shape=(3,), offset=(0.0,)),
    ]
    for manifest in wrong:
        with pytest.raises(IntegrityError, match="has shape"):
            read_shard(SHARD_FILE, manifest, 0)


def test_arrays_that_do_not_fit_make_no_shard() -> None:
    with pytest.raises(InputError, match="A shard needs"):
        write_shard(Shard(SHARD.ct0[:1], SHARD.ct, SHARD.labels))


def test_a_shard_survives_its_encoding() -> None:
    shard = read_shard(SHARD_FILE, MANIFEST, 0)
    assert np.array_equal(shard.ct0, SHARD.ct0)
    assert np.array_equal(shard.ct, SHARD.ct)
    assert np.array_equal(shard.labels, SHARD.labels)
