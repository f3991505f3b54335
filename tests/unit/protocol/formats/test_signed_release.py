import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import IntegrityError
from pole.protocol.formats.signed_release import (
    MAXIMUM_SIGNATURE_BYTES,
    SignedRelease,
    read_signed_release,
    write_signed_release,
)
from pole.protocol.state import FileRef

RELEASE = SignedRelease(3, FileRef("bafytest", b"\x7e" * 32), 1_700_000_000, b"\x5d" * 65)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"roundId":3', b'"roundId":0', "roundId must be a whole number from 1"),
        (b'"timestamp":1', b'"timestamp":-1', "timestamp must be a whole number"),
        (b"bafytest", b"bafy/../test", "testCid must be a CID"),
        (b"0x7e", b"0x7", "testDigest must be 32 bytes"),
        (b"0x5d", b"5d5d", "signature must be 65 bytes"),
        (b"0x5d", b"0xZZ", "signature must be 65 bytes"),
        (b'"signature":"0x' + b"5d" * 65 + b'"', b'"signature":"0x"', "signature must be 0x and 1 to"),
        (b'"version":1', b'"version":2', "version 2"),
        (b":", b": ", "canonical"),
    ],
)
def test_another_file_is_refused_with_the_field_s_name(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read_signed_release(write_signed_release(RELEASE).replace(old, new))


def test_an_endless_signature_is_refused() -> None:
    long = SignedRelease(3, RELEASE.test, 1, bytes(MAXIMUM_SIGNATURE_BYTES + 1))
    with pytest.raises(IntegrityError, match=f"1 to {MAXIMUM_SIGNATURE_BYTES} bytes"):
        read_signed_release(write_signed_release(long))


@given(
    st.builds(
        SignedRelease,
        st.integers(1, 2**256 - 1),
        st.builds(FileRef, st.just("bafytest"), st.binary(min_size=32, max_size=32)),
        st.integers(0, 2**64 - 1),
        st.binary(min_size=1, max_size=300),
    )
)
def test_what_is_written_is_read(release: SignedRelease) -> None:
    assert read_signed_release(write_signed_release(release)) == release


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_signed_release(data)
    except IntegrityError:
        return
