from hypothesis import given
from hypothesis import strategies as st

from pole.roles.support.recent import Recent


@given(st.lists(st.integers(0, 12)), st.integers(1, 6))
def test_the_last_different_values_are_kept_and_no_others(added: list[int], maximum: int) -> None:
    recent = Recent[int](maximum)
    for value in added:
        recent.add(value)
    last = list(dict.fromkeys(reversed(added)))[:maximum]
    assert {value for value in range(13) if value in recent} == set(last)
