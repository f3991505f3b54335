import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.amounts import UNITS, ether, unit_of, wei, written


@pytest.mark.parametrize(
    "text", ["", "one", "-1", "nan", "inf", "0.0000000000000000001", "1,5", "5 finney", "1.5 wei", "1gwei2"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no amount of ether"):
        wei(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 ETH"), (1, "0.000000000000000001 ETH"), (15 * 10**17, "1.5 ETH"), (-(10**18), "-1 ETH")],
)
def test_an_amount_is_shown_exactly(amount: int, text: str) -> None:
    assert ether(amount) == text


@given(st.integers(0, 2**128), st.sampled_from(sorted(UNITS)))
def test_reading_what_is_shown_gives_the_same_wei_in_the_same_unit(amount: int, unit: str) -> None:
    read = wei(written(amount, unit))
    assert (read, unit_of(read)) == (amount, unit)
    assert wei(ether(amount).removesuffix(" ETH")) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.1", 10**17), ("1gwei", 10**9), ("5 ether", 5 * 10**18), (".5 GWEI", 5 * 10**8), ("7 wei", 7)],
)
def test_an_amount_may_have_a_unit(text: str, amount: int) -> None:
    assert wei(text) == amount


@given(st.text())
def test_any_text_is_an_amount_or_refused_in_a_sentence(text: str) -> None:
    try:
        assert wei(text) >= 0
    except InputError as error:
        assert str(error).endswith(".")  # noqa: PT017
