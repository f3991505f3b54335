"""When a worker that failed is started again."""

from hypothesis import given
from hypothesis import strategies as st

from pole.adapters.machine.fleet.restarts import STAYS_DOWN, Restarts
from pole.errors import DiskError, InputError, JournalError


def test_pauses_double_up_to_the_longest() -> None:
    restarts = Restarts(1.0, 10.0)
    assert [restarts.pause(failures) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 10**9))
def test_no_pause_is_shorter_than_the_first_or_longer_than_the_longest(failures: int) -> None:
    assert 1 <= Restarts().pause(failures) <= Restarts().pause(failures + 1) <= 300


@given(st.integers(0, 1000), st.floats(0, 1e9))
def test_who_ran_long_enough_begins_a_new_row(before: int, ran_for: float) -> None:
    assert Restarts().failures(before, ran_for) == (1 if ran_for >= 60 else before + 1)


def test_a_full_disk_and_a_locked_journal_pass_and_bad_configuration_does_not() -> None:
    assert STAYS_DOWN.isdisjoint({DiskError.exit_code, JournalError.exit_code})
    assert InputError.exit_code in STAYS_DOWN
