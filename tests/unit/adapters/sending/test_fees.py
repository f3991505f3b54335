import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.fake_node import FakeNode

from pole.adapters.sending.fees import GWEI, FeePolicy, Fees, current_fees, raised_fees
from pole.errors import FundsError


def test_a_price_above_the_ceiling_is_refused() -> None:
    node = FakeNode()
    node.base_fee = 20 * GWEI
    with pytest.raises(FundsError, match=r"21\.0 gwei now, above the ceiling of 20\.0 gwei: .*--fee-ceiling"):
        current_fees(node.w3, FeePolicy(ceiling=20 * GWEI))


def test_the_offer_goes_up_to_the_ceiling_while_that_covers_the_next_block() -> None:
    node = FakeNode()
    for base in (10, 19):
        node.base_fee = base * GWEI
        assert current_fees(node.w3, FeePolicy(ceiling=20 * GWEI)) == Fees(20 * GWEI, GWEI)


def test_the_offer_is_twice_the_base_fee_and_the_tip() -> None:
    assert current_fees(FakeNode().w3, FeePolicy()) == Fees(3 * GWEI, GWEI)


@given(st.integers(1, 400 * GWEI), st.integers(0, 10 * GWEI), st.integers(1, 400 * GWEI))
def test_a_replacement_offers_a_tenth_more_of_both_and_stays_below_the_ceiling(
    fee: int, tip: int, market: int
) -> None:
    raised = raised_fees(Fees(fee, tip), Fees(market, GWEI), FeePolicy())
    if raised is None:
        assert max(fee * 9 // 8 + 1, market) > FeePolicy().ceiling
    else:
        assert raised.max_fee * 10 >= fee * 11
        assert raised.tip * 10 >= tip * 11
        assert raised.max_fee <= FeePolicy().ceiling
