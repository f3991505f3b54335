import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from pole.errors import InputError, IntegrityError
from pole.protocol.formats.tensors import MAX_FILE_BYTES, TensorType, read_tensors, write_tensors

TENSORS: dict[str, NDArray[Any]] = {
    "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "b": np.array([1, 258, 65535], dtype=np.uint16),
}
TYPES = {"a": TensorType("U8", (2, 3)), "b": TensorType("U16", (-1,))}
METADATA = {"format": "test", "version": "1"}
FILE = write_tensors(TENSORS, METADATA)


def read(data: bytes) -> dict[str, np.ndarray]:
    return read_tensors(data, what="test", types=TYPES, metadata=METADATA)


def with_header(header: object) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(12)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint32])
def test_other_types_are_not_written(dtype: type) -> None:
    with pytest.raises(InputError, match="formats hold uint8"):
        write_tensors({"a": np.zeros(1, dtype)}, METADATA)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes"),
        (b"\xff" * 8, "claims a header"),
        (b"\xff" * 100, "claims a header"),
        (with_header(b"{"), "no readable header"),
        (with_header(b"[" * 30_000), "no readable header"),
        (with_header(b"\xff\xfe"), "no readable header"),
        (with_header([]), "no object"),
        (with_header({}), "carries None"),
        (with_header({"__metadata__": METADATA}), "missing or unknown tensors: 'a', 'b'"),
        (with_header({"__metadata__": METADATA, "a": 1, "b": 2}), "tensor a must be of type U8"),
        (
            with_header({"__metadata__": METADATA, "a": {"dtype": "U8", "shape": [3, 2]}, "b": 2}),
            r"tensor a has shape \[3, 2\]",
        ),
        (
            with_header({"__metadata__": METADATA, "a": {"dtype": "U8", "shape": [2, True]}, "b": 2}),
            "has shape",
        ),
        (
            with_header(
                {
                    "__metadata__": METADATA,
                    "a": {"dtype": "U8", "shape": [2, 3]},
                    "b": {"dtype": "U16", "shape": [2**27]},
                }
            ),
            "shorter than its tensor b",
        ),
        (
            with_header(
                {
                    "__metadata__": METADATA,
                    "a": {"dtype": "U8", "shape": [2, 3]},
                    "b": {"dtype": "U16", "shape": [0]},
                }
            ),
            "has shape",
        ),
        (FILE + b"\x00", "bytes behind"),
        (FILE[:-1], "shorter"),
    ],
)
def test_a_broken_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read(data)


def test_a_file_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(IntegrityError, match="are accepted"):
        read(bytes(MAX_FILE_BYTES + 1))


def test_other_metadata_are_refused() -> None:
    with pytest.raises(IntegrityError, match="carries"):
        read_tensors(FILE, what="test", types=TYPES, metadata={**METADATA, "version": "2"})


def test_the_same_tensors_in_another_layout_are_refused() -> None:
    other = save_safetensors(TENSORS, {"version": "1", "format": "test"})
    assert other != FILE
    with pytest.raises(IntegrityError, match="canonical"):
        read(other)


@given(st.integers(0, len(FILE) - 1), st.integers(0, 7))
def test_a_flipped_bit_changes_the_content_or_is_refused(position: int, bit: int) -> None:
    changed = bytearray(FILE)
    changed[position] ^= 1 << bit
    try:
        tensors = read(bytes(changed))
    except IntegrityError:
        return
    assert any(not np.array_equal(tensors[name], TENSORS[name]) for name in TENSORS)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read(data)


def test_what_was_written_is_read() -> None:
    tensors = read(FILE)
    assert all(np.array_equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert tensors["b"].dtype == np.uint16
    assert not tensors["a"].flags.writeable


def test_safetensors_reads_our_files() -> None:
    loaded = load_safetensors(FILE)
    assert all(np.array_equal(loaded[name], TENSORS[name]) for name in TENSORS)


def test_big_endian_and_strided_arrays_are_written_alike() -> None:
    turned = {"a": np.asfortranarray(TENSORS["a"]), "b": TENSORS["b"].astype(">u2")}
    assert write_tensors(turned, METADATA) == FILE
