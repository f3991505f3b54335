"""Sealed shares: who can open them, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.wallet.share_box import new_sealing_key, open_sealed, public_sealing_key, seal_to
from pole.errors import IntegrityError

KEY, OTHER = new_sealing_key(), new_sealing_key()
PLAINTEXT, CONTEXT = b"a share", b"pole.key-share/1/00/1"
BOX = seal_to(public_sealing_key(KEY), PLAINTEXT, CONTEXT)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_nothing_is_sealed_to_a_point_of_low_order(point: bytes) -> None:
    with pytest.raises(IntegrityError, match="ask its holder for a new card"):
        seal_to(point, PLAINTEXT, CONTEXT)


def test_another_holder_or_context_does_not_open_a_share() -> None:
    for key, context in ((OTHER, CONTEXT), (KEY, CONTEXT + b"0")):
        with pytest.raises(IntegrityError, match="does not open"):
            open_sealed(key, BOX, context)


@given(at=st.integers(0, len(BOX) - 1), bit=st.integers(0, 7))
def test_a_share_changed_in_one_bit_does_not_open(at: int, bit: int) -> None:
    changed = bytearray(BOX)
    changed[at] ^= 1 << bit
    if at == 31 and bit == 7:
        return  # X25519 ignores the top bit of a point (RFC 7748, section 5)
    with pytest.raises(IntegrityError, match="does not open"):
        open_sealed(KEY, bytes(changed), CONTEXT)


@given(st.binary(max_size=60))
def test_other_bytes_do_not_open(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not open"):
        open_sealed(KEY, data, CONTEXT)


def test_a_share_opens_for_its_holder_and_no_two_boxes_are_alike() -> None:
    assert open_sealed(KEY, BOX, CONTEXT) == PLAINTEXT
    assert seal_to(public_sealing_key(KEY), PLAINTEXT, CONTEXT) != BOX
    assert len(BOX) == 32 + len(PLAINTEXT) + 16
