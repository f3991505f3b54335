"""Our encoding is eth-abi's, for every type that the contracts have and any value of it."""

from typing import Any

import pytest
from eth_abi.abi import encode as theirs
from eth_abi.codec import ABICodec
from eth_abi.exceptions import DecodingError
from eth_abi.registry import registry
from eth_utils.address import is_address as is_their_address
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from tests.abi_values import TYPES, values_of

from pole.protocol.encoding.abi_codec import AbiError, decode_values, encode_values, kind_of
from pole.protocol.encoding.hashing import address, is_address

decode_theirs = ABICodec(registry).decode


@st.composite
def typed(draw: st.DrawFn) -> tuple[list[str], tuple[Any, ...]]:
    types = draw(st.lists(TYPES, min_size=1, max_size=4))
    return types, tuple(draw(values_of(kind)) for kind in types)


def plain(value: Any) -> Any:
    """Return values as eth-abi decodes them: addresses in small letters."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.lower() if isinstance(value, str) and is_address(value) else value


@given(typed())
def test_values_are_encoded_as_eth_abi_encodes_them_and_decoded_again(both: tuple[list[str], Any]) -> None:
    types, values = both
    encoded = encode_values(types, values)
    assert encoded == theirs(types, values)
    assert decode_values(types, encoded) == values


@given(
    both=typed(), changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4), data=st.data()
)
def test_any_bytes_are_decoded_as_eth_abi_decodes_them(
    both: tuple[list[str], Any], changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    types, values = both
    changed = bytearray(encode_values(types, values))
    for place, value in changes:
        changed[place % len(changed)] = value
    given_bytes = bytes(changed[: data.draw(st.integers(0, len(changed)) | st.just(len(changed)))])
    try:
        expected = decode_theirs(types, given_bytes)
    except (DecodingError, OverflowError):
        expected = None
    except UnicodeError:
        return  # what is no UTF-8 is kept here, and refused there
    if expected is None:
        with pytest.raises(AbiError):
            decode_values(types, given_bytes)
    else:
        assert plain(decode_values(types, given_bytes)) == plain(expected)


@given(st.binary(max_size=80))
def test_text_that_is_no_utf_8_is_kept(raw: bytes) -> None:
    (text,) = decode_values(["string"], theirs(["bytes"], [raw]))
    assert text.encode(errors="surrogateescape") == raw
    assert encode_values(["string"], [text]) == theirs(["bytes"], [raw])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("uint8", value) for value in (-1, 256, True, 1.0, "1", None)],
        *[("bool", value) for value in (0, 1, "", None)],
        *[("bytes4", value) for value in (b"abc", b"abcde", "abcd", bytearray(4))],
        *[("address", value) for value in ("0x12", b"0" * 20, "12" * 20, 7)],
        *[("bytes", value) for value in ("00", None)],
        *[("string", value) for value in (b"a", None, "\ud800")],
        *[("(uint8,bool)", value) for value in ((1,), (1, True, 2), 7, "ab")],
        *[("uint8[]", value) for value in (7, "ab", b"ab", (1, -1))],
        *[("uint8[2]", value) for value in ((1,), (1, 2, 3))],
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(AbiError):
        encode_values([kind], [value])


@pytest.mark.parametrize(
    "kind", ["", "uint", "uint7", "uint264", "uint0", "bytes33", "int8", "uint8[0]", "()", "(a)"]
)
def test_what_is_no_type_of_the_contracts_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="no type"):
        kind_of(kind)


def test_a_long_array_that_is_not_there_takes_no_memory() -> None:
    with pytest.raises(AbiError, match="do not fit"):
        decode_values(["uint8[]"], theirs(["uint256", "uint256"], [32, 2**255]))


@given(
    st.text()
    | st.text("0123456789abcdefABCDEF", min_size=40, max_size=40).map("0x".__add__)
    | st.binary(max_size=21)
)
def test_an_address_is_what_eth_utils_takes_for_one_in_hexadecimal_after_0x(text: Any) -> None:
    assert is_address(text) == (isinstance(text, str) and text.startswith("0x") and is_their_address(text))


@given(st.binary(min_size=20, max_size=20))
def test_a_checksum_is_that_of_eip_55(raw: bytes) -> None:
    assert address(f"0x{raw.hex()}") == address(f"0x{raw.hex().upper()}") == to_checksum_address(raw)
