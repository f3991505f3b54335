from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import PARAMETERS, TERMS

from pole.protocol.rounds.rent import duration, judging_time, minimum_reward, payment, rent, used_rent

LIST = PARAMETERS.task_list


@pytest.mark.parametrize(
    ("work", "seconds"), [(1, 2), (10, 11), (0, 0), (91, 101), (2**40 - 1, 1_209_462_790_553)]
)
def test_judging_takes_the_work_of_all_samples_rounded_up(work: int, seconds: int) -> None:
    assert judging_time(replace(TERMS, work=work), LIST) == seconds


def test_a_round_may_take_its_time_limit_all_windows_and_the_judging_of_every_place() -> None:
    assert duration(TERMS, LIST) == TERMS.time_limit + 750 + 4 * 6


@given(st.integers(1, 3_600), st.integers(1, 90), st.integers(0, 9), st.integers(0, 9_000))
def test_the_least_reward_grows_with_the_square_of_the_duration(
    limit: int, work: int, per_second: int, floor: int
) -> None:
    asked = replace(TERMS, time_limit=limit, work=work)
    limits = replace(LIST, reward_per_second=per_second, min_reward=floor)
    reward = minimum_reward(asked, limits)
    seconds, windows = duration(asked, limits), limits.round_windows
    assert reward >= floor
    assert reward >= per_second * seconds
    assert reward == floor or reward * windows <= per_second * seconds**2 < (reward + 1) * windows


def test_posting_costs_the_rent_of_a_whole_duration_too() -> None:
    assert rent(TERMS.reward, LIST) == 30_000
    assert payment(TERMS, LIST) == TERMS.reward + TERMS.data_bond + TERMS.fee + 30_000


@given(st.integers(0, 2**96 - 1), st.integers(0, 2**33), st.integers(1, 2**32 - 1))
def test_rent_is_used_by_the_second_and_never_more_than_all(paid: int, elapsed: int, whole: int) -> None:
    used = used_rent(paid, elapsed=elapsed, duration=whole)
    assert 0 <= used <= paid
    assert used <= used_rent(paid, elapsed=elapsed + 1, duration=whole)
    assert used_rent(paid, elapsed=whole, duration=whole) == paid
