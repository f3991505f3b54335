"""Work ahead of its reader: in order, bounded, and stopped where it fails."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.errors import InputError
from pole.roles.support.look_ahead import look_ahead


def test_what_fails_is_raised_in_its_turn_and_later_work_is_left() -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError(item)
        return item

    results = look_ahead(work, range(100), workers=2, maximum=3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)
    assert max(begun) < 6


def test_an_item_that_cannot_be_made_is_raised_behind_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 0
        yield 1
        raise InputError("no third")

    results = look_ahead(lambda item: item, items(), workers=2, maximum=9)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InputError, match="no third"):
        next(results)


def test_no_more_is_begun_than_the_reader_allows() -> None:
    begun: list[int] = []
    results = look_ahead(begun.append, range(100), workers=8, maximum=4)
    next(results)
    assert len(begun) <= 4
    results.close()


def test_items_are_worked_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    assert len(list(look_ahead(lambda _: both.wait(), range(2), workers=2, maximum=2))) == 2


@given(st.lists(st.integers(), max_size=20), st.integers(1, 4), st.integers(1, 6))
def test_results_keep_the_order_of_the_items(items: list[int], workers: int, maximum: int) -> None:
    assert list(look_ahead(lambda item: -item, items, workers=workers, maximum=maximum)) == [
        -i for i in items
    ]
