import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import MINERS

from pole.protocol.rounds.ommer_rewards import (
    NOTHING,
    best_ommer,
    fee_covers,
    inclusion_reward,
    ommer_reward,
    pool_draw,
)
from pole.protocol.state import Ommer


def ommer(
    height: int, correct: int = 9, total: int = 10, count: int = 1, *, referenced: bool = False
) -> Ommer:
    return Ommer(height, MINERS[0], b"\x01" * 32, correct, total, count, referenced)


def test_a_referenced_ommer_is_not_referenced_again() -> None:
    assert best_ommer([ommer(9, referenced=True)], height=10) is None


@pytest.mark.parametrize(("height", "known"), [(3, False), (4, True), (9, True), (10, False)])
def test_an_ommer_is_at_most_six_heights_old(height: int, known: bool) -> None:
    assert (best_ommer([ommer(height)], height=10) is not None) is known


def test_the_most_accurate_ommer_is_referenced_whatever_the_size_of_its_set() -> None:
    assert best_ommer([ommer(8, 89, 100), ommer(9, 9, 10)], height=10) == ommer(9, 9, 10)


def test_among_equals_the_lower_height_is_referenced() -> None:
    assert best_ommer([ommer(9, 90, 100), ommer(8, 9, 10)], height=10) == ommer(8)


def test_a_block_without_an_ommer_draws_its_reward_alone() -> None:
    draw = pool_draw(None, height=10, block_reward=3_200)
    assert (draw.block_reward, draw.inclusion_reward, draw.ommer_reward, draw.total) == (3_200, 0, 0, 3_200)
    assert NOTHING.total == 0


def test_a_block_with_an_ommer_draws_for_both() -> None:
    draw = pool_draw(ommer(8, count=3), height=10, block_reward=3_200)
    assert (draw.block_reward, draw.inclusion_reward, draw.ommer_reward) == (3_200, 100, 533)


@given(st.integers(0, 2**96 - 1), st.integers(1, 6), st.integers(1, 32))
def test_an_ommer_never_gets_more_than_the_block_reward(reward: int, age: int, count: int) -> None:
    paid = ommer_reward(reward, height=10, ommer_height=10 - age, count=count)
    assert paid * age * count <= reward < (paid + 1) * age * count


@given(st.integers(0, 2**96 - 1), st.integers(0, 2**96 - 1), st.integers(0, 65_535))
def test_a_fee_that_covers_exceeds_all_that_a_block_can_draw(fee: int, reward: int, margin: int) -> None:
    largest = reward + inclusion_reward(reward) + ommer_reward(reward, height=2, ommer_height=1, count=1)
    if fee_covers(fee, block_reward=reward, margin_bps=margin):
        assert fee * 10_000 >= largest * (10_000 + margin)


def test_a_fee_one_wei_short_does_not_cover() -> None:
    assert fee_covers(2_031_250, block_reward=1_000_000, margin_bps=0)
    assert not fee_covers(2_031_249, block_reward=1_000_000, margin_bps=0)
