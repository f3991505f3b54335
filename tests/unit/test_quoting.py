import tracemalloc
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.quoting import MAX_LINE, MAX_REASON, differing, listed, one_line, quoted, reason

FORGED = "x\x1b[2K\r12:00:00 INFO    Paid.\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (FORGED, r"x\x1b[2K\r12:00:00 INFO    Paid.\n"),
        ("\x7f\x85\x9b2J", r"\x7f\x85\x9b2J"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u2028b\u2029c\u200ed", r"a\u2028b\u2029c\u200ed"),
        ("\ud800", r"\ud800"),
        ("größer, 4 × 3 € …", "größer, 4 × 3 € …"),
    ],
    ids=["escape", "c1", "bidi", "separators", "surrogate", "plain"],
)
def test_what_does_not_print_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(), st.integers(1, 50))
def test_a_line_is_printable_and_within_its_limit(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@given(
    st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists)
    | st.dictionaries(st.text(), st.text())
)
def test_a_quoted_value_is_printable_and_short(value: object) -> None:
    assert quoted(value).isprintable()
    assert len(quoted(value)) < MAX_LINE


def test_a_value_that_is_short_is_quoted_whole() -> None:
    assert quoted("ab") == "'ab'"
    assert quoted([4, 28, 28]) == "[4, 28, 28]"
    assert quoted({"version": "2", "format": "x"}) == "{'format': 'x', 'version': '2'}"


def test_a_large_value_is_not_copied_to_be_quoted() -> None:
    large = "\x1b" * 10_000_000
    tracemalloc.start()
    try:
        assert len(quoted(large)) < 100
        assert len(one_line(large)) == MAX_LINE
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_first_names_of_any_number_are_listed() -> None:
    assert listed([]) == ""
    assert listed(["a", "b\n"]) == r"'a', 'b\n'"
    assert listed(map(str, count())) == "'0', '1', '2', '3', '4', '5', …"


def test_names_that_are_missing_come_before_those_that_are_unknown() -> None:
    assert differing({"a": 1, "x\n": 2}, ["a", "b"]) == r"'b', 'x\n'"
    assert differing(["b", "a"], ("a", "b")) == ""
    assert differing([f"{number}" for number in range(10**5)], []).endswith("'5', …")


def test_what_another_library_says_is_cut() -> None:
    assert reason(ValueError(FORGED)) == one_line(FORGED)
    assert len(reason(ValueError("y" * 10_000))) == MAX_REASON
