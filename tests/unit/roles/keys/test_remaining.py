"""How often data can still be asked, beside what the rules themselves say of so many query vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.ipfe.group import ORDER
from pole.learning.data.datasets import DataSet
from pole.learning.privacy.measure import DataProfile, profile
from pole.learning.privacy.rules import Rule, broken_rule
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import Input
from pole.roles.keys.remaining import Layer, Remaining, in_turn, remaining


def profile_of(columns: int, rank: int, seed: int = 0, samples: int = 80) -> DataProfile:
    random = np.random.default_rng(seed)
    basis = random.integers(0, 256, (samples, rank))
    x = np.hstack([basis, np.repeat(basis[:, :1], columns - rank, axis=1)]).astype(np.uint8)
    y = np.arange(samples) % 2
    half = samples // 2
    return profile(DataSet("made", x[:half], y[:half], x[half:], y[half:], classes=2), 8)


def layer(columns: int, queries: int = 1, noise: int = 0) -> Layer:
    return Layer(LinearMapping(bits=3, queries=queries, noise=noise), Input(shape=(columns,), bits=8))


@given(st.integers(6, 14), st.integers(3, 6), st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_what_is_left_breaks_no_rule_and_one_more_breaks_the_one_that_is_named(
    columns: int, rank: int, before: int
) -> None:
    measured, kind = profile_of(columns, rank), layer(columns)
    seen = [kind.with_queries(1).view(number + 1) for number in range(before)]
    found = remaining(measured, seen, kind)

    def broken(queries: int) -> Rule | None:
        views = [*seen, kind.with_queries(queries).view(0)]
        return broken_rule(measured.measure, measured.given_by(views, ORDER), None)

    assert found.rule is not None
    assert broken(found.queries + 1) is found.rule
    assert not found.queries or broken(found.queries) is None


def test_dependent_columns_are_no_room_for_queries() -> None:
    assert remaining(profile_of(12, 5), [], layer(12)) == Remaining(3, Rule.RANK)


def test_a_second_and_a_third_task_get_what_the_first_leaves() -> None:
    measured = profile_of(14, 10)
    first, second, third = (each.queries for each in in_turn(measured, [], layer(14, queries=3)))
    assert first > second > third
    assert second == first - 3


@pytest.mark.parametrize("noise", [4096])
def test_noise_leaves_room_where_there_was_none(noise: int) -> None:
    measured, seen = profile_of(8, 4), [layer(8).with_queries(2).view(1)]
    assert remaining(measured, seen, layer(8)).queries == 0
    assert remaining(measured, seen, layer(8, noise=noise)).queries > 0
