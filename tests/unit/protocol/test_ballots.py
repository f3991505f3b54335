from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocol.example_rounds import CHAIN, fault, found

from pole.protocol.ballots import LAST_ATTEMPT, ballot_id, due_bond, round_and_attempt, target_seats
from pole.protocol.rounds.tally import NO_FINDING
from pole.protocol.state import Finding, Verdict


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
    assert [target_seats(attempt, parameters) for attempt in range(LAST_ATTEMPT + 1)] == targets


@pytest.mark.parametrize(
    ("tally", "free"),
    [
        ((NO_FINDING, NO_FINDING), True),
        ((NO_FINDING, fault(Verdict.UNAVAILABLE), fault(Verdict.MALFORMED)), True),
        ((NO_FINDING, found()), True),
        ((NO_FINDING, fault(Verdict.DATA_FAULT)), False),
        ((fault(Verdict.UNAVAILABLE), fault(Verdict.MALFORMED)), False),
        ((fault(Verdict.MALFORMED),), False),
    ],
)
def test_doubting_a_tally_with_gaps_is_free_unless_the_data_is_at_fault(
    tally: tuple[Finding, ...], free: bool
) -> None:
    assert due_bond(tally, CHAIN) == (0 if free else CHAIN.challenge_bond)
