"""Attacks on answers, and what they are measured by."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.unit.learning.privacy.structures import bits, data_set, layer, low_rank, one_hot, plan_of

from pole.errors import InputError
from pole.ipfe.group import ORDER
from pole.learning.data.datasets import load
from pole.learning.privacy.disclosure import reconstruct
from pole.learning.privacy.hull import affine_hull
from pole.learning.privacy.reconstruction import (
    fit_linear_attack,
    least_squares,
    likeness,
    rounded_one_by_one,
    snapped,
    within_hull,
)
from pole.learning.privacy.views import View, answers, matrix_of, noise_of
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.mapping.kinds import ConvMapping, LinearMapping, Mapping, Shape
from pole.protocol.mapping.layer import query_plan
from pole.protocol.models.specification import Input, ModelSpecification

RANDOM = np.random.default_rng(0)


def views(shape: Shape, mapping: Mapping, rounds: int = 1, noise: int = 0) -> list[View]:
    specification = ModelSpecification.model_construct(input=Input(shape=shape, bits=8), mapping=mapping)
    return [View(query_plan(specification, keccak256(bytes([number]))), noise) for number in range(rounds)]


def correlated(count: int, dimension: int, seed: int) -> np.ndarray:
    """Samples near a plane of three dimensions, 8 bits."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(99).random((3, dimension))
    mixed = random.random((count, 3)) @ directions
    return np.clip(mixed / 3 * 255 + random.normal(0, 2, mixed.shape), 0, 255).astype(np.uint8)


LINEAR = views((6,), LinearMapping(bits=3, queries=4))
CONV = views((1, 4, 5), ConvMapping(bits=3, queries=2, kernel=(3, 3)))


@pytest.mark.parametrize(("found", "dimension"), [(LINEAR, 6), (CONV, 20)])
def test_the_matrix_makes_the_answers(found: list[View], dimension: int) -> None:
    samples = correlated(5, dimension, 1)
    assert np.array_equal(answers(found, samples, RANDOM), samples @ matrix_of(found, dimension).T)


def test_noise_is_in_the_answers_with_its_deviation() -> None:
    noisy = views((6,), LinearMapping(bits=3, queries=4), noise=50)
    samples = np.repeat(correlated(1, 6, 1), 4000, axis=0)
    shown = answers([*noisy, *LINEAR], samples, np.random.default_rng(1))
    assert noise_of([*noisy, *LINEAR]).tolist() == [50.0] * 4 + [0.0] * 4
    assert shown[:, :4].std(axis=0) == pytest.approx(50, rel=0.05)
    assert np.array_equal(shown, np.rint(shown))
    assert (shown[:, 4:] == shown[0, 4:]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9))
def test_least_squares_reproduces_the_answers(seed: int, rank: int) -> None:
    random = np.random.default_rng(seed)
    matrix, samples = random.random((rank, 6)), random.random((3, 6))
    assert np.allclose(least_squares(matrix, samples @ matrix.T) @ matrix.T, samples @ matrix.T, atol=1e-6)


@pytest.mark.parametrize(
    "found",
    [views((6,), LinearMapping(bits=3, queries=6)), views((6,), LinearMapping(bits=3, queries=4), 2)],
)
def test_full_rank_discloses_every_value(found: list[View]) -> None:
    samples = correlated(20, 6, 2).astype(np.float64)
    solved = least_squares(matrix_of(found, 6), answers(found, samples.astype(np.uint8), RANDOM))
    assert (likeness(samples, solved, 255).exact, likeness(samples, solved, 255).whole) == (1.0, 1.0)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**32))
def test_keys_of_the_hulls_rank_disclose_every_value(groups: int, states: int, seed: int) -> None:
    known, unseen = one_hot(300, groups, states, seed), one_hot(20, groups, states, seed + 1)
    rank = groups * (states - 1)
    found = [View(plan_of(layer(rank, groups * states), seed % 250))]
    functions = affine_hull(known, RANDOM).functions_of([each.plan for each in found], ORDER)
    assume(functions == rank)
    solved = within_hull(
        matrix_of(found, groups * states), known.astype(np.float64), answers(found, unseen, RANDOM)
    )
    assert likeness(unseen.astype(np.float64), solved, 1).whole == 1.0


def test_an_attacker_who_knows_such_samples_does_better_than_least_squares() -> None:
    known, unseen = correlated(300, 6, 3), correlated(40, 6, 4)
    attack = fit_linear_attack(answers(LINEAR, known, RANDOM), known.astype(np.float64))
    shown = answers(LINEAR, unseen, RANDOM)
    learned = likeness(unseen.astype(np.float64), attack.apply(shown), 255)
    plain = likeness(unseen.astype(np.float64), least_squares(matrix_of(LINEAR, 6), shown), 255)
    assert learned.mse < plain.mse / 2


def test_few_known_samples_and_many_queries_give_the_same_map() -> None:
    known = correlated(9, 6, 3).astype(np.float64)
    shown = answers(views((6,), LinearMapping(bits=3, queries=5), 4), known.astype(np.uint8), RANDOM)
    short = fit_linear_attack(shown, known)
    assert np.allclose(short.apply(shown), known, atol=0.6)


def test_rounding_one_by_one_finds_whole_samples_where_the_linear_map_finds_none() -> None:
    known, unseen = bits(2000, 24, seed=1).astype(np.float64), bits(100, 24, seed=2)
    found = [View(plan_of(layer(20, 24)))]
    shown, matrix = answers(found, unseen, RANDOM), matrix_of(found, 24)
    linear = fit_linear_attack(answers(found, known.astype(np.uint8), RANDOM), known).apply(shown)
    rounded = rounded_one_by_one(matrix, noise_of(found), known, shown)
    assert likeness(unseen.astype(np.float64), rounded, 1).whole > 0.9
    assert likeness(unseen.astype(np.float64), linear, 1).whole < 0.9


def test_backgrounds_are_snapped_to() -> None:
    known = np.where(RANDOM.random((400, 5)) < 0.8, 0, RANDOM.integers(60, 255, (400, 5))).astype(np.float64)
    blurred = known + RANDOM.normal(0, 12, known.shape)
    assert likeness(known, snapped(blurred, known, blurred), 255).exact > 0.75
    assert likeness(known, blurred, 255).exact < 0.5


def test_one_known_sample_is_no_prior() -> None:
    with pytest.raises(InputError, match="--known"):
        fit_linear_attack(np.ones((1, 2)), np.ones((1, 3)))


def test_likeness_of_a_perfect_and_of_a_constant_reconstruction() -> None:
    samples = np.array([[0.0, 255.0], [255.0, 0.0]])
    perfect, constant = likeness(samples, samples, 255), likeness(samples, np.full((2, 2), 127.5), 255)
    assert (perfect.mse, perfect.psnr, perfect.exact, perfect.whole) == (0.0, float("inf"), 1.0, 1.0)
    assert perfect.correlation == pytest.approx(1.0)
    assert (constant.mse, constant.correlation, constant.exact, constant.whole) == (0.25, 0.0, 0.0, 0.0)
    assert constant.psnr == pytest.approx(6.0206, abs=1e-4)


def test_columns_that_never_vary_make_no_share_look_better() -> None:
    samples = np.zeros((4, 10))
    samples[:, 0] = [0, 1, 2, 3]
    assert likeness(samples, np.zeros((4, 10)), 3).exact == 0.25


def test_all_attacks_stand_side_by_side_and_the_learned_ones_beat_the_mean() -> None:
    data = data_set(np.concatenate([correlated(300, 6, 5), correlated(30, 6, 6)]))
    found = reconstruct(data, LINEAR, bits=8, steps=20, seed=1)
    errors = {each.method: each.likeness.mse for each in (*found.guesses, *found.attacks)}
    assert list(errors) == [
        *("mean", "most common", "least squares", "within the hull"),
        *("linear, learned", "common values, learned", "network, learned", "rounding, one by one", "search"),
    ]
    assert found.left_out == ()
    assert errors["linear, learned"] < errors["mean"] / 4
    assert errors["network, learned"] < errors["mean"] / 4
    assert found.measure.attack.mse <= min(errors.values())


def test_noise_leaves_the_attacks_that_learn() -> None:
    noisy = views((6,), LinearMapping(bits=3, queries=4), noise=400)
    data = data_set(correlated(330, 6, 5))
    clear, blurred = (reconstruct(data, each, bits=8, steps=20) for each in (LINEAR, noisy))
    assert blurred.left_out == ("least squares", "within the hull", "search")
    assert clear.measure.attack.mse < blurred.measure.attack.mse < 1.1 * blurred.measure.guess.mse


def test_the_same_seed_trains_the_same_network() -> None:
    data = data_set(correlated(55, 6, 7))
    first, second = (reconstruct(data, LINEAR, bits=8, steps=5, seed=3) for _ in range(2))
    for one, other in zip(first.attacks, second.attacks, strict=True):
        assert np.array_equal(one.samples, other.samples)


def test_tables_that_passed_under_the_old_count_are_recovered_to_the_last_row() -> None:
    hot = reconstruct(data_set(one_hot(2000, 5, 6)), [View(plan_of(layer(25, 30)))], bits=8, steps=5)
    assert hot.measure.attack.whole == 1.0
    digits = load("digits", None)
    found = reconstruct(digits, views((8, 8), LinearMapping(bits=3, queries=61)), bits=8, steps=5)
    assert found.measure.attack.whole == 1.0
    few = reconstruct(data_set(low_rank(2000, 30, 5)), [View(plan_of(layer(10, 30)))], bits=8, steps=5)
    assert few.measure.gain > 0.5
