import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.amounts import ether, wei


@pytest.mark.parametrize("text", ["", "one", "-1", "nan", "inf", "0.0000000000000000001", "1,5", "1 ETH"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no amount of ether"):
        wei(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 ETH"), (1, "0.000000000000000001 ETH"), (15 * 10**17, "1.5 ETH"), (-(10**18), "-1 ETH")],
)
def test_an_amount_is_shown_exactly(amount: int, text: str) -> None:
    assert ether(amount) == text


@given(st.integers(0, 2**128))
def test_reading_what_is_shown_gives_the_same_wei(amount: int) -> None:
    assert wei(ether(amount).removesuffix(" ETH")) == amount
