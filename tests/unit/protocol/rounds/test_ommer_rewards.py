import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import MINERS

from pole.protocol.rounds.ommer_rewards import (
    NOTHING,
    age,
    fee_covers,
    inclusion_reward,
    ommer_reward,
    pool_draw,
    referable,
)
from pole.protocol.state import Ommer


def ommer(
    height: int, correct: int = 9, total: int = 10, count: int = 1, *, referenced: bool = False
) -> Ommer:
    return Ommer(height, MINERS[0], b"\x01" * 32, correct, total, count, referenced)


@pytest.mark.parametrize(
    ("height", "lanes", "known"),
    [(3, 1, False), (4, 1, True), (9, 1, True), (1, 2, True), (-2, 2, True), (-3, 2, False), (-3, 4, True)],
)
def test_an_ommer_is_at_most_six_blocks_of_every_lane_old(height: int, lanes: int, known: bool) -> None:
    assert referable(ommer(height), height=10, lanes=lanes) == (ommer(height) if known else None)


def test_where_none_is_kept_none_is_referenced() -> None:
    assert referable(None, height=10, lanes=1) is None


def test_a_block_without_an_ommer_draws_its_reward_alone() -> None:
    draw = pool_draw(None, height=10, lanes=1, block_reward=3_200)
    assert (draw.block_reward, draw.inclusion_reward, draw.ommer_reward, draw.total) == (3_200, 0, 0, 3_200)
    assert NOTHING.total == 0


@pytest.mark.parametrize(("lanes", "paid"), [(1, 533), (2, 1_066), (4, 1_066)])
def test_a_block_with_an_ommer_draws_for_both(lanes: int, paid: int) -> None:
    draw = pool_draw(ommer(8, count=3), height=10, lanes=lanes, block_reward=3_200)
    assert (draw.block_reward, draw.inclusion_reward, draw.ommer_reward) == (3_200, 100, paid)


@given(st.integers(0, 2**96 - 1), st.integers(1, 96), st.integers(1, 16), st.integers(1, 16))
def test_an_ommer_never_gets_more_than_the_block_reward(
    reward: int, distance: int, lanes: int, count: int
) -> None:
    left = ommer(100 - distance, count=count)
    years = age(left, height=100, lanes=lanes)
    paid = ommer_reward(left, block_reward=reward, height=100, lanes=lanes)
    assert (years - 1) * lanes < distance <= years * lanes
    assert paid * years * count <= reward < (paid + 1) * years * count


@given(st.integers(0, 2**96 - 1), st.integers(0, 2**96 - 1), st.integers(0, 65_535))
def test_a_fee_that_covers_exceeds_all_that_a_block_can_draw(fee: int, reward: int, margin: int) -> None:
    newest = ommer_reward(ommer(1), block_reward=reward, height=2, lanes=1)
    if fee_covers(fee, block_reward=reward, margin_bps=margin):
        assert fee * 10_000 >= (reward + inclusion_reward(reward) + newest) * (10_000 + margin)


def test_a_fee_one_wei_short_does_not_cover() -> None:
    assert fee_covers(2_031_250, block_reward=1_000_000, margin_bps=0)
    assert not fee_covers(2_031_249, block_reward=1_000_000, margin_bps=0)
