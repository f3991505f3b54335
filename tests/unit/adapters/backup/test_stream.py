"""A sealed stream opens whole, and no other bytes open at all."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.backup.homes import CHEAP

from pole.adapters.backup import stream
from pole.adapters.backup.stream import CHUNK_BYTES, TAG_BYTES, open_stream, seal_stream
from pole.errors import IntegrityError

HEADER = 97
PASSWORD = "password"
FULL = CHUNK_BYTES + TAG_BYTES


def sealed(*pieces: bytes) -> bytes:
    return b"".join(seal_stream(pieces, "password", cost=CHEAP))


def opened(content: bytes, password: str = PASSWORD) -> bytes:
    return b"".join(open_stream(io.BytesIO(content), password))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3 * CHUNK_BYTES), min_size=1, max_size=4).filter(any), st.binary(min_size=1))
def test_any_pieces_come_back_as_one(sizes: list[int], filling: bytes) -> None:
    pieces = [(filling * (size // len(filling) + 1))[:size] for size in sizes]
    content = sealed(*pieces)
    assert opened(content) == b"".join(pieces)
    chunks = -(-sum(sizes) // CHUNK_BYTES)
    assert len(content) == HEADER + sum(sizes) + TAG_BYTES * chunks


THREE = sealed(b"a" * CHUNK_BYTES, b"b" * CHUNK_BYTES, b"c" * 10)
CHUNKS = [THREE[:HEADER], *(THREE[HEADER + n * FULL : HEADER + (n + 1) * FULL] for n in range(3))]


@pytest.mark.parametrize(
    "parts",
    [
        (0,),
        (0, 1),
        (0, 1, 2),
        (0, 2, 1, 3),
        (0, 1, 3),
        (0, 3),
        (0, 1, 1, 2, 3),
        (0, 1, 2, 3, 3),
        (1, 2, 3),
        (),
    ],
)
def test_chunks_left_out_repeated_or_put_elsewhere_are_refused(parts: tuple[int, ...]) -> None:
    with pytest.raises(IntegrityError):
        opened(b"".join(CHUNKS[number] for number in parts))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(THREE) - 1))
def test_a_stream_that_is_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(IntegrityError):
        opened(THREE[:length])


SHORT = sealed(b"a short one")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8 * len(SHORT) - 1))
def test_a_stream_with_another_bit_is_refused(bit: int) -> None:
    changed = bytearray(SHORT)
    changed[bit // 8] ^= 1 << bit % 8
    if 8 * 18 <= bit < 8 * 21:
        # scrypt's cost, which may be a dear one.
        return
    with pytest.raises(IntegrityError):
        opened(bytes(changed))


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(IntegrityError, match="cut short or changed"):
        opened(THREE + b"\0")


def test_chunks_of_another_stream_are_refused() -> None:
    other = sealed(b"a" * CHUNK_BYTES, b"b" * CHUNK_BYTES, b"c" * 10)
    with pytest.raises(IntegrityError, match="cut short or changed"):
        opened(THREE[: HEADER + FULL] + other[HEADER + FULL :])


def test_another_password_another_file_and_a_newer_version_are_sentences() -> None:
    with pytest.raises(IntegrityError, match="the password is wrong, or the file was changed"):
        opened(SHORT, "another")
    with pytest.raises(IntegrityError, match="no backup of pole"):
        opened(b"PK\3\4" * 100)
    newer = SHORT[:8] + bytes([stream.VERSION + 1]) + SHORT[9:]
    with pytest.raises(IntegrityError, match="has version 2; this pole reads 1"):
        opened(newer)


def test_no_more_than_a_few_chunks_are_in_memory_at_once() -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield b"x" * CHUNK_BYTES

    for number, _ in enumerate(seal_stream(pieces(), "password", cost=CHEAP)):
        assert taken <= number + 2
