"""Attacks on projections, and what they are measured by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pole.errors import InputError
from pole.learning.data.datasets import DataSet
from pole.learning.privacy.disclosure import reconstruct
from pole.learning.privacy.reconstruction import (
    fit_linear_attack,
    least_squares,
    likeness,
    matrix_of,
    projections,
)
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping, Mapping, Shape
from pole.protocol.mapping.layer import query_plan
from pole.protocol.mapping.plan import QueryPlan
from pole.protocol.models.specification import Input, ModelSpecification


def plans(shape: Shape, mapping: Mapping, rounds: int = 1) -> list[QueryPlan]:
    specification = ModelSpecification.model_construct(input=Input(shape=shape, bits=8), mapping=mapping)
    return [query_plan(specification, keccak256(bytes([number]))) for number in range(rounds)]


def correlated(count: int, dimension: int, seed: int) -> np.ndarray:
    """Samples near a plane of three dimensions, 8 bits."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(99).random((3, dimension))
    mixed = random.random((count, 3)) @ directions
    return np.clip(mixed / 3 * 255 + random.normal(0, 2, mixed.shape), 0, 255).astype(np.uint8)


LINEAR = plans((6,), LinearMapping(bits=3, queries=4))
CONV = plans((1, 4, 5), ConvMapping(bits=3, queries=2, kernel=(3, 3)))


@pytest.mark.parametrize(("found", "dimension"), [(LINEAR, 6), (CONV, 20)])
def test_the_matrix_makes_the_projections(found: list[QueryPlan], dimension: int) -> None:
    samples = correlated(5, dimension, 1)
    assert np.allclose(projections(found, samples, 255), samples / 255 @ matrix_of(found, dimension).T)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9))
def test_least_squares_reproduces_the_projections_unless_values_are_cut_off(seed: int, rank: int) -> None:
    random = np.random.default_rng(seed)
    matrix, samples = random.random((rank, 6)), np.full((3, 6), 0.5) + random.random((3, 6)) / 100
    solved = least_squares(matrix, samples @ matrix.T)
    inside = (solved > 0).all(axis=1) & (solved < 1).all(axis=1)
    assert np.allclose(solved[inside] @ matrix.T, (samples @ matrix.T)[inside], atol=1e-6)


@pytest.mark.parametrize(
    "found", [plans((6,), LinearMapping(bits=3, queries=6)), plans((6,), LinearMapping(bits=3, queries=4), 2)]
)
def test_full_rank_discloses_every_value(found: list[QueryPlan]) -> None:
    samples = correlated(20, 6, 2)
    solved = least_squares(matrix_of(found, 6), projections(found, samples, 255))
    assert likeness(samples / 255, solved, 255).exact == 1.0


def test_an_attacker_who_knows_such_samples_does_better_than_least_squares() -> None:
    known, unseen = correlated(300, 6, 3), correlated(40, 6, 4)
    attack = fit_linear_attack(projections(LINEAR, known, 255), known / 255)
    learned = likeness(unseen / 255, attack.apply(projections(LINEAR, unseen, 255)), 255)
    plain = likeness(unseen / 255, least_squares(matrix_of(LINEAR, 6), projections(LINEAR, unseen, 255)), 255)
    assert learned.mse < plain.mse / 2


def test_one_known_sample_is_no_prior() -> None:
    with pytest.raises(InputError, match="--known"):
        fit_linear_attack(np.ones((1, 2)), np.ones((1, 3)))


def test_likeness_of_a_perfect_and_of_a_constant_reconstruction() -> None:
    samples = np.array([[0.0, 1.0], [1.0, 0.0]])
    perfect, constant = likeness(samples, samples, 255), likeness(samples, np.full((2, 2), 0.5), 255)
    assert (perfect.mse, perfect.psnr, perfect.exact) == (0.0, float("inf"), 1.0)
    assert perfect.correlation == pytest.approx(1.0)
    assert (constant.mse, constant.correlation, constant.exact) == (0.25, 0.0, 0.0)
    assert constant.psnr == pytest.approx(6.0206, abs=1e-4)


def test_all_attacks_stand_side_by_side_and_the_learned_ones_beat_the_mean() -> None:
    x_train, x_test = correlated(300, 6, 5), correlated(30, 6, 6)
    data = DataSet("blobs", x_train, np.arange(300) % 2, x_test, np.arange(30) % 2, classes=2)
    found = reconstruct(data, LINEAR, bits=8, steps=20, seed=1)
    errors = {each.method: each.likeness.mse for each in found.reconstructions}
    assert list(errors) == ["mean", "least squares", "linear, learned", "network, learned"]
    assert errors["linear, learned"] < errors["mean"] / 4
    assert errors["network, learned"] < errors["mean"] / 4
    assert all(each.samples.shape == found.samples.shape == (30, 6) for each in found.reconstructions)


def test_the_same_seed_trains_the_same_network() -> None:
    x_train, x_test = correlated(50, 6, 7), correlated(5, 6, 8)
    data = DataSet("blobs", x_train, np.arange(50) % 2, x_test, np.arange(5) % 2, classes=2)
    first, second = (reconstruct(data, LINEAR, bits=8, steps=5, seed=3) for _ in range(2))
    assert np.array_equal(first.reconstructions[-1].samples, second.reconstructions[-1].samples)
