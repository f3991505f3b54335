"""What data and keys measure, and the rules that hold one against the other."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.learning.privacy.structures import bits, data_set, layer, low_rank, one_hot, plan_of

from pole.ipfe.group import ORDER
from pole.learning.privacy.information import one_hot_groups
from pole.learning.privacy.measure import (
    AttackMeasure,
    Best,
    DataMeasure,
    DataProfile,
    KeysMeasure,
    numerical_rank,
    profile,
)
from pole.learning.privacy.rules import Rule, broken_rule, covers, why
from pole.learning.privacy.views import View


def given_by(profiled: DataProfile, queries: int, noise: int = 0) -> KeysMeasure:
    view = View(plan_of(layer(queries, profiled.measure.dimension)), noise)
    return profiled.given_by([view], ORDER)


def broken(samples: np.ndarray, queries: int) -> Rule | None:
    profiled = profile(data_set(samples), 8)
    return broken_rule(profiled.measure, given_by(profiled, queries), None)


def test_one_hot_groups_count_by_their_states() -> None:
    measure = profile(data_set(one_hot(4000, 5, 6)), 8).measure
    assert (measure.dimension, measure.affine_rank, measure.numerical_rank) == (30, 25, 25)
    assert measure.bits == 12  # 5 log2(6) = 12.9


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 3), st.integers(0, 2**32))
def test_groups_are_found_in_any_order_of_columns(groups: int, states: int, others: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    samples = np.concatenate([one_hot(400, groups, states, seed), 1 + bits(400, others, seed)], axis=1)[
        :, random.permutation(groups * states + others)
    ]
    found = one_hot_groups(samples)
    assert sum(len(group) for group in found) == groups * states
    assert all((samples[:, group] > 0).sum(axis=1).max() == 1 for group in found)


def test_real_numbers_of_few_directions_have_their_rank_beyond_rounding() -> None:
    measure = profile(data_set(low_rank(2500, 30, 5)), 8).measure
    assert (measure.affine_rank, measure.numerical_rank) == (30, 5)


def test_rounding_alone_is_no_direction() -> None:
    covariance = np.cov(np.random.default_rng(3).uniform(-0.5, 0.5, (4000, 40)).T)
    assert numerical_rank(covariance, 4000) <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12))
def test_more_queries_never_carry_less(queries: int, more: int) -> None:
    profiled = profile(data_set(bits(600, 24)), 8)
    fewer, all_of_them = given_by(profiled, queries), given_by(profiled, min(24, queries + more))
    assert fewer.functions <= all_of_them.functions
    assert fewer.bits <= all_of_them.bits


def test_noise_takes_functions_away_and_leaves_some_bits() -> None:
    profiled = profile(data_set(low_rank(1000, 20, 8)), 8)
    clear, little, much = (given_by(profiled, 6, noise) for noise in (0, 10, 10_000))
    assert (clear.functions, little.functions, much.functions) == (6, 0, 0)
    assert clear.bits > little.bits > much.bits


@pytest.mark.parametrize(
    ("samples", "queries", "rule"),
    [
        (one_hot(2500, 5, 6), 25, Rule.RANK),
        (one_hot(2500, 5, 6), 24, Rule.RANK),
        (one_hot(2500, 5, 6), 5, Rule.ENTROPY),
        (one_hot(2500, 5, 6), 4, Rule.ENTROPY),
        (one_hot(2500, 5, 6), 2, None),
        (bits(2500, 30), 10, Rule.ENTROPY),
        (bits(2500, 30), 8, Rule.ENTROPY),
        (bits(2500, 30), 4, None),
        (low_rank(2500, 30, 8), 7, Rule.NUMERICAL_RANK),
        (low_rank(2500, 30, 8), 3, None),
    ],
)
def test_the_first_rule_that_breaks_is_named(samples: np.ndarray, queries: int, rule: Rule | None) -> None:
    assert broken(samples, queries) is rule


def test_digits_break_at_the_dimensions_that_vary() -> None:
    from pole.learning.data.datasets import load

    profiled = profile(load("digits", None), 8)
    assert profiled.measure.affine_rank == 61
    assert broken_rule(profiled.measure, given_by(profiled, 60), None) is Rule.RANK


def test_products_of_columns_are_what_the_bits_do_not_see() -> None:
    """The example of docs/privacy.md: 20 bits that are counted as many more."""
    chosen = bits(4000, 20)
    products = [chosen[:, i] & chosen[:, j] for i, j in combinations(range(20), 2)]
    profiled = profile(data_set(np.column_stack([chosen, *products])), 8)
    measure = profiled.measure
    assert (measure.dimension, measure.affine_rank, measure.bits) == (210, 210, 137)
    keys = given_by(profiled, 12)
    assert 60 < keys.bits < 80
    assert broken_rule(measure, keys, None) is None


DATA = DataMeasure(dimension=10, affine_rank=8, numerical_rank=6, bits=40, samples=100, measured=100)
GUESS = Best(mse=0.1, exact=0.2, whole=0.0)


@pytest.mark.parametrize(
    ("keys", "attack", "rule"),
    [
        (KeysMeasure(7, 0), None, Rule.RANK),
        (KeysMeasure(6, 0), None, Rule.NUMERICAL_RANK),
        (KeysMeasure(5, 0), None, Rule.NUMERICAL_RANK),
        (KeysMeasure(4, 38), None, Rule.ENTROPY),
        (KeysMeasure(4, 37), None, None),
        (KeysMeasure(4, 37), Best(0.01, 0.61, 0.0), Rule.ATTACK),
        (KeysMeasure(4, 37), Best(0.01, 0.3, 0.011), Rule.ATTACK),
        (KeysMeasure(4, 37), Best(0.01, 0.59, 0.009), None),
        (KeysMeasure(0, 0), Best(0.1, 0.2, 0.0), None),
    ],
)
def test_each_rule_has_its_limit(keys: KeysMeasure, attack: Best | None, rule: Rule | None) -> None:
    found = None if attack is None else AttackMeasure(attack, GUESS)
    assert broken_rule(DATA, keys, found) is rule
    if rule is not None:
        assert why(rule, DATA, keys)


def test_who_accepts_a_rule_accepts_the_weaker_ones_after_it() -> None:
    assert covers(None, None)
    assert covers(Rule.RANK, Rule.ATTACK)
    assert covers(Rule.ENTROPY, Rule.ENTROPY)
    assert not covers(Rule.ATTACK, Rule.ENTROPY)
    assert not covers(None, Rule.ATTACK)


def test_covariances_of_large_data_are_those_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pole.learning.privacy.measure.VALUES_MEASURED", 3000)
    measure = profile(data_set(one_hot(500, 5, 6)), 8).measure
    assert (measure.samples, measure.measured) == (500, 100)
    assert measure.affine_rank == 25


def test_twins_are_counted() -> None:
    samples = low_rank(50, 6, 6)
    assert profile(data_set(samples), 8).equal == 0
    samples[7] = samples[11] = samples[3]
    assert profile(data_set(samples), 8).equal == 3
