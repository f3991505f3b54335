"""Noise of features: the distribution that is promised, from bytes that are given, once for every sample."""

import os
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from math import erfc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.learning.data import noise
from pole.learning.data.noise import draw_noise, with_noise
from pole.protocol.mapping.kinds import LinearMapping, largest_noise
from pole.protocol.mapping.layer import data_plan, inner_products_in_clear, largest_feature, query_plan
from pole.protocol.models.specification import ModelSpecification, mlp

SEED = bytes(range(32))


def specification(deviation: int) -> ModelSpecification:
    mapping = LinearMapping(bits=3, queries=3, noise=deviation)
    return mlp(input_shape=(4,), input_bits=8, mapping=mapping, hidden=(), classes=3)


def exact_probabilities(deviation: int) -> list[Decimal]:
    """Return those of 0 to 16 deviations, with 60 digits, by the definition."""
    reach = 8 * deviation
    with localcontext() as context:
        context.prec = 60
        weights = [(-Decimal(e * e) / (2 * deviation * deviation)).exp() for e in range(-reach, reach + 1)]
        total = sum(weights)
        return [weight / total for weight in weights]


@pytest.mark.parametrize("deviation", [1, 2, 7, 100, 1000])
def test_the_table_is_within_its_last_bit_of_the_definition(deviation: int) -> None:
    table = [int(entry) for entry in noise._cumulative(deviation)]
    assert len(table) == 16 * deviation
    with localcontext() as context:
        context.prec = 60
        below = Decimal(0)
        for entry, probability in zip(table, exact_probabilities(deviation), strict=False):
            below += probability
            assert 0 <= below * 2**64 - entry < Decimal("1.000001")


@pytest.mark.parametrize("deviation", [1, 40, 4096, 2**16])
def test_the_total_variation_distance_is_below_what_is_said(deviation: int) -> None:
    table = [0, *(int(entry) for entry in noise._cumulative(deviation)), 2**64]
    assert all(first <= second for first, second in pairwise(table))
    # Rounding costs half a unit a probability. Beyond 8 deviations, sums are below the Gaussian's integrals.
    rounding = Fraction(16 * deviation + 1, 2**65)
    assert erfc(8 / 2**0.5) < 2**-49
    assert rounding + Fraction(1, 2**49) < Fraction(1, 2**44)


def test_the_same_bytes_give_the_same_noise_and_edges_give_the_extremes() -> None:
    draws = np.array([0, 2**64 - 1, 2**63], dtype="<u8").tobytes()
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return draws

    assert draw_noise(5, 3, source).tolist() == draw_noise(5, 3, source).tolist() == [0, 80, 40]
    assert asked == [24, 24]


@pytest.mark.parametrize("deviation", [1, 3, 50])
def test_draws_have_the_frequencies_of_the_definition(deviation: int) -> None:
    count = 200_000
    drawn = draw_noise(deviation, count, np.random.default_rng(deviation).bytes).astype(np.int64)
    expected = np.array([float(p) for p in exact_probabilities(deviation)]) * count
    seen = np.bincount(drawn, minlength=len(expected))
    often = expected >= 10
    statistic = float(((seen[often] - expected[often]) ** 2 / expected[often]).sum())
    freedom = int(often.sum())
    # Five deviations of the chi-square distribution, for seeds that are fixed.
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5
    assert abs(drawn.mean() - 8 * deviation) < 5 * deviation / count**0.5
    assert abs(drawn.std() / deviation - 1) < 5 / count**0.5


def test_samples_without_noise_are_as_they_were() -> None:
    values = np.ones((2, 4), dtype=np.uint8)
    assert with_noise(values, specification(0), os.urandom) is values


@given(st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=30)
def test_features_are_inner_products_shifted_by_eight_deviations_and_noise(deviation: int, seed: int) -> None:
    spec = specification(deviation)
    values = np.random.default_rng(seed).integers(0, 256, (20, 4)).astype(np.uint8)
    source = np.random.default_rng(seed).bytes
    plan = query_plan(spec, SEED)
    features = inner_products_in_clear(plan, with_noise(values, spec, source))[:, 0]
    plain = inner_products_in_clear(data_plan(spec, SEED), values)[:, 0]
    expected = draw_noise(deviation, 60, np.random.default_rng(seed).bytes).reshape(20, 3)
    assert np.array_equal(features - plain, expected)
    assert 0 <= features.min() <= features.max() <= largest_feature(spec, plan, largest_value=255)
    assert largest_feature(spec, plan, largest_value=255) <= spec.max_inner_product


def test_the_largest_feature_is_reached_by_the_largest_values_and_noise() -> None:
    spec = specification(9)
    plan = query_plan(spec, SEED)
    largest = np.hstack([np.full((1, 4), 255), np.full((1, 3), largest_noise(spec.mapping))]).astype(
        np.uint32
    )
    assert inner_products_in_clear(plan, largest).max() == largest_feature(spec, plan, largest_value=255)
