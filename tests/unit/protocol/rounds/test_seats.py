import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.protocol.rounds.seats import Seats, leave, mature, take

steps = st.lists(st.one_of(st.just("mature"), st.integers(0, 8)), max_size=40)


def test_a_second_seat_is_refused() -> None:
    with pytest.raises(InputError, match="already has a seat"):
        take(take(Seats(), "a"), "a")


def test_who_has_no_seat_cannot_leave() -> None:
    with pytest.raises(InputError, match="no seat"):
        leave(Seats(), "a")


def test_a_seat_taken_in_a_round_cannot_be_drawn_in_it() -> None:
    seats = take(mature(take(Seats(), "a")), "b")
    assert seats.eligible == ("a",)
    assert mature(seats).eligible == ("a", "b")


def test_leaving_fills_the_gap_with_the_last_mature_seat_and_then_the_last() -> None:
    seats = Seats(("a", "b", "c", "d", "e"), 3)
    assert leave(seats, "a") == Seats(("c", "b", "e", "d"), 2)
    assert leave(seats, "c") == Seats(("a", "b", "e", "d"), 2)
    assert leave(seats, "d") == Seats(("a", "b", "c", "e"), 3)
    assert leave(seats, "e") == Seats(("a", "b", "c", "d"), 3)


@given(steps)
def test_mature_seats_stay_in_front(moves: list[str | int]) -> None:
    seats, old, new = Seats(), set[str](), set[str]()
    for move in moves:
        if move == "mature":
            seats, old, new = mature(seats), old | new, set()
        elif str(move) in seats.verifiers:
            seats = leave(seats, str(move))
            old.discard(str(move))
            new.discard(str(move))
        else:
            seats = take(seats, str(move))
            new.add(str(move))
        assert set(seats.eligible) == old
        assert set(seats.verifiers[seats.mature :]) == new
        assert len(seats.verifiers) == len(old) + len(new)
