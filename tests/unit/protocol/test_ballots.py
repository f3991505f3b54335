from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import CHAIN

from pole.protocol.ballots import (
    LAST_ATTEMPT,
    ballot_id,
    challenge_bond,
    committee_fee,
    minimum_members,
    minimum_seats,
    round_and_attempt,
    seats_asked,
)

ATTEMPTS = range(LAST_ATTEMPT + 1)


@given(st.integers(1, 2**60), st.integers(0, LAST_ATTEMPT))
def test_a_ballot_s_number_tells_its_round_and_attempt(round_id: int, attempt: int) -> None:
    assert round_and_attempt(ballot_id(round_id, attempt)) == (round_id, attempt)


@pytest.mark.parametrize(
    ("size", "cap", "targets"), [(3, 63, [3, 7, 63]), (3, 5, [3, 5, 5]), (5, 5, [5, 5, 5]), (1, 9, [1, 3, 9])]
)
def test_committees_grow_from_n_over_2n_and_1_to_all_under_the_cap(
    size: int, cap: int, targets: list[int]
) -> None:
    parameters = replace(CHAIN, committee_size=size, max_committee=cap)
    assert [seats_asked(attempt, 1, parameters) for attempt in ATTEMPTS] == targets


@pytest.mark.parametrize(
    ("reward", "minimum", "targets"),
    [
        (0, 2, [3, 7, 20]),
        (1_000_000, 2, [3, 7, 20]),
        (1_500_000, 3, [3, 7, 20]),
        (1_500_001, 4, [4, 9, 20]),
        (9_999_999, 20, [20, 20, 20]),
    ],
)
def test_a_larger_reward_asks_for_more_seats(reward: int, minimum: int, targets: list[int]) -> None:
    parameters = replace(CHAIN, max_committee=20)
    assert minimum_seats(reward, parameters) == minimum
    assert minimum_members(reward, parameters) == max(2, minimum * 2 // 3 + 1)
    assert [seats_asked(attempt, reward, parameters) for attempt in ATTEMPTS] == targets


@given(st.integers(0, 10**8), st.integers(1, 20), st.integers(0, 43))
def test_what_decides_on_a_reward_is_never_less_than_it(reward: int, size: int, more: int) -> None:
    parameters = replace(CHAIN, committee_size=size, max_committee=size + more)
    for attempt in ATTEMPTS:
        seats = seats_asked(attempt, reward, parameters)
        assert seats == size + more or seats * parameters.reward_per_seat >= reward


def test_a_challenge_costs_what_the_larger_committee_earns() -> None:
    reward = 1_000_003
    assert committee_fee(reward, CHAIN) == 100_000
    assert challenge_bond(0, reward, CHAIN) == 100_000 * 7 // 3
    assert challenge_bond(1, reward, replace(CHAIN, max_committee=20)) == 100_000 * 20 // 3
