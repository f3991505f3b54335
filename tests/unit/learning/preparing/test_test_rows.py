"""Test rows of a table of their own: which columns they need, and how one that they lack is left out."""

import pytest
from tests.unit.learning.preparing.test_preparing import columns, role

from pole.errors import InputError
from pole.learning.data.preparation import TableSource
from pole.learning.preparing.preparing import Wanted, prepare_frame

TRAIN = columns()
TEST = {name: column for name, column in TRAIN.items() if name != "id"}


def test_a_column_that_test_rows_lack_is_said_and_dropping_it_helps() -> None:
    with pytest.raises(InputError, match=r"^The test rows lack the column 'id'; add it, or --drop it"):
        prepare_frame(TRAIN, Wanted(target="churned"), TEST)
    prepared = prepare_frame(TRAIN, Wanted(target="churned", dropped=("id",)), TEST)
    assert role(prepared, "id") == "dropped"
    assert len(prepared.dataset.x_test) == len(TRAIN["churned"])


def test_what_is_dropped_makes_the_same_data_set_wherever_it_is() -> None:
    wanted = Wanted(target="churned", dropped=("town", "id", "town"))
    both, one = (prepare_frame(TRAIN, wanted, test) for test in (TRAIN, TEST))
    assert both.preparation == one.preparation
    assert both.columns == one.columns
    assert isinstance(one.preparation.source, TableSource)
    assert one.preparation.source.ignored == ("id", "row", "town", "name", "same")


def test_the_target_and_the_texts_are_not_dropped() -> None:
    assert prepare_frame(TRAIN, Wanted(target="churned", dropped=("churned",)), TRAIN).dataset.classes == 2
    test = {name: column for name, column in TEST.items() if name != "churned"}
    with pytest.raises(InputError, match=r"^The test rows lack the target 'churned'"):
        prepare_frame(TRAIN, Wanted(target="churned", dropped=("churned", "id")), test)
