"""contracts/libraries/OmmerRewards.sol against pole.protocol.rounds.ommer_rewards."""

from brownie.test import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.contracts.libraries.conftest import Libraries
from tests.contracts.stage import ZERO

from pole.protocol.rounds.ommer_rewards import best_ommer, fee_covers, ommer_reward
from pole.protocol.state import Ommer

amounts = st.integers(0, 2**96 - 1)
counts = st.integers(0, 2**32 - 1)
ommers = st.builds(
    lambda correct, total: (1, ZERO, bytes(32), correct, total, 1, False), counts, st.integers(1, 2**32 - 1)
)

OmmerTuple = tuple[int, str, bytes, int, int, int, bool]


@st.composite
def fees(draw: st.DrawFn) -> tuple[int, int, int]:
    """Return a block reward, a fee near what covers it, and a margin."""
    reward, margin = draw(amounts), draw(st.integers(0, 10_000))
    fee = (10_000 + margin) * reward * 65 // 320_000 + draw(st.integers(-1, 1))
    return reward, min(2**96 - 1, max(0, fee)), margin


@settings(max_examples=3, deadline=None)
@given(calls=st.lists(st.tuples(amounts, st.integers(1, 6), st.integers(1, 31)), min_size=1, max_size=20))
def test_the_ommers_reward_is_the_one_of_python(
    libraries: Libraries, calls: list[tuple[int, int, int]]
) -> None:
    assert libraries.ask("ommerReward", calls) == [
        ommer_reward(reward, height=100, ommer_height=100 - age, count=count) for reward, age, count in calls
    ]


@settings(max_examples=5, deadline=None)
@given(calls=st.lists(fees(), min_size=1, max_size=20))
def test_a_fee_covers_a_draw_as_in_python(libraries: Libraries, calls: list[tuple[int, int, int]]) -> None:
    assert libraries.ask("isCovered", calls) == [
        fee_covers(fee, block_reward=reward, margin_bps=margin) for reward, fee, margin in calls
    ]


@settings(max_examples=5, deadline=None)
@given(calls=st.lists(st.tuples(ommers, ommers), min_size=1, max_size=20))
def test_the_better_ommer_is_the_one_of_python(
    libraries: Libraries, calls: list[tuple[OmmerTuple, OmmerTuple]]
) -> None:
    def is_better(a: OmmerTuple, b: OmmerTuple) -> bool:
        later = Ommer(2, *a[1:])
        return best_ommer([Ommer(*b), later], height=3) is later

    assert libraries.ask("isBetter", calls) == [is_better(a, b) for a, b in calls]
