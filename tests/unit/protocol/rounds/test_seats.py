import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.rounds.seats import Seats, can_reclaim, leave, take

steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), max_size=40)


def test_a_second_seat_is_refused() -> None:
    with pytest.raises(InputError, match="already has a seat"):
        take(take(Seats(), "a", 1), "a", 2)


def test_who_has_no_seat_cannot_leave() -> None:
    with pytest.raises(InputError, match="no seat"):
        leave(Seats(), "a", 1)


def test_the_last_seat_fills_the_gap_that_leaving_makes() -> None:
    seats = Seats()
    for second, verifier in enumerate("abcd"):
        seats = take(seats, verifier, second)
    assert leave(seats, "b", 9).verifiers == ("a", "d", "c")
    assert leave(seats, "d", 9).verifiers == ("a", "b", "c")


def test_who_stakes_or_leaves_later_changes_no_draw_among_earlier_seats() -> None:
    seats = take(take(Seats(), "a", 10), "b", 20)
    later = leave(take(seats, "c", 30), "a", 30)
    for time in (9, 10, 19, 20, 29):
        assert later.at(time) == seats.at(time)
    assert [seats.at(time) for time in (9, 10, 20)] == [(), ("a",), ("a", "b")]


def test_the_last_change_of_a_second_counts() -> None:
    assert leave(take(Seats(), "a", 10), "a", 10).at(10) == ()


@given(steps)
def test_the_past_is_what_stood_then(moves: list[tuple[int, int]]) -> None:
    seats, now, stood = Seats(), 0, dict[int, tuple[str, ...]]()
    for wait, number in moves:
        now, verifier = now + wait, str(number)
        seats = (leave if verifier in seats.verifiers else take)(seats, verifier, now)
        assert len(set(seats.verifiers)) == len(seats.verifiers)
        stood[now] = seats.verifiers
    assert all(seats.at(time) == verifiers for time, verifiers in stood.items())


@pytest.mark.parametrize(
    ("now", "oldest_opening", "free"),
    [(130, 2**64 - 1, False), (131, 2**64 - 1, True), (500, 130, False), (500, 131, True)],
)
def test_a_stake_is_free_when_no_round_can_draw_its_seat_any_more(
    now: int, oldest_opening: int, free: bool
) -> None:
    assert can_reclaim(100, seat_age=30, now=now, oldest_opening=oldest_opening) is free
