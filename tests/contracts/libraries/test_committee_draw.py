"""contracts/libraries/CommitteeDraw.sol against pole.protocol.rounds.committee_draw."""

from brownie.network.contract import ProjectContract
from brownie.test import given
from hypothesis import example, settings
from hypothesis import strategies as st
from tests.contracts.libraries.conftest import Libraries

from pole.protocol.rounds.committee_draw import draw

entropies = st.binary(min_size=32, max_size=32)


# A barred index beyond the seats bars nobody, in either.
draws = st.tuples(
    entropies, st.integers(0, 40), st.integers(1, 12), st.lists(st.integers(0, 40), unique=True, max_size=10)
)


def drawn_in_python(entropy: bytes, total: int, size: int, barred: list[int]) -> tuple[int, ...]:
    seats = [str(index) for index in range(total)]
    drawn = draw(seats, entropy, size=size, minimum=0, barred=[str(index) for index in barred])
    return tuple(int(index) for index in drawn)


@settings(max_examples=8, deadline=None)
@given(calls=st.lists(draws, min_size=1, max_size=20))
@example(calls=[(bytes(32), 0, 1, [])])
def test_the_seats_drawn_are_those_of_python(
    libraries: Libraries, calls: list[tuple[bytes, int, int, list[int]]]
) -> None:
    assert libraries.ask("draw", calls) == [drawn_in_python(*call) for call in calls]


@settings(max_examples=3, deadline=None)
@given(calls=st.lists(st.tuples(entropies, st.integers(1, 30)), min_size=1, max_size=10))
def test_no_seat_is_drawn_twice_and_all_are_when_all_are_wanted(
    libraries: Libraries, calls: list[tuple[bytes, int]]
) -> None:
    drawn = libraries.ask("draw", [(entropy, total, 63, []) for entropy, total in calls])
    assert [sorted(seats) for seats in drawn] == [list(range(total)) for _, total in calls]


def test_the_largest_committee_among_many_barred_is_drawn_within_a_block(harness: ProjectContract) -> None:
    drawn = harness.draw(b"\x07" * 32, 10_000, 63, list(range(33)))
    assert len(drawn) == 63
    assert harness.draw.estimate_gas(b"\x07" * 32, 96, 63, list(range(33))) < 3_000_000
