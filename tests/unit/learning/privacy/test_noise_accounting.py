"""What noise guarantees: held against all samples of a small domain, and against the discrete Gaussian."""

from itertools import product
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pole.learning.privacy.noise import epsilon, rho_of_any, rho_of_own
from pole.learning.privacy.views import View, matrix_of
from pole.protocol.mapping.kinds import BlocksMapping, ConvMapping, LinearMapping, Mapping
from pole.protocol.mapping.layer import data_plan
from pole.protocol.models.layers import Flatten, Linear
from pole.protocol.models.specification import Input, ModelSpecification

SEED = b"\x5c" * 32


def view(shape: tuple[int, ...], mapping: Mapping, noise: int) -> View:
    spec = ModelSpecification(
        input=Input(shape=shape, bits=2),
        mapping=mapping,
        graph=(Flatten(name="flat"), Linear(name="logits", out_features=2)),
        classes=2,
        max_parameters=1000,
        max_bytes=10_000,
    )
    return View(data_plan(spec, SEED), noise)


VIEWS = [
    view((2, 2), LinearMapping(bits=3, queries=3), 5),
    view((2, 2), BlocksMapping(bits=3, queries=2, tile=(1, 2)), 11),
    view((2, 2), ConvMapping(bits=2, queries=2, kernel=(3, 3)), 7),
]


def test_a_view_without_noise_guarantees_nothing() -> None:
    exact = View(VIEWS[0].plan)
    samples = np.array([[0, 0, 0, 0], [3, 3, 3, 3]], dtype=np.uint8)
    assert rho_of_any([VIEWS[1], exact], 4, 3) == inf
    assert rho_of_own([VIEWS[1], exact], samples) == inf
    assert epsilon(inf, 1e-5) == inf


@pytest.mark.parametrize(
    "views", [VIEWS[:1], VIEWS[1:2], VIEWS[2:], VIEWS], ids=["linear", "blocks", "conv", "all"]
)
def test_no_two_samples_of_the_domain_are_further_apart_and_two_are_as_far(views: list[View]) -> None:
    domain = np.array(list(product(range(4), repeat=4)), dtype=np.uint8)
    assert rho_of_own(views, domain) == pytest.approx(rho_of_any(views, 4, 3), rel=1e-12)


def test_rho_is_half_the_squared_distance_in_deviations_and_adds_up_over_views() -> None:
    samples = np.random.default_rng(3).integers(0, 4, (40, 4)).astype(np.uint8)
    matrix = np.concatenate([matrix_of([each], 4) / each.noise for each in VIEWS])
    apart = [((first - second) @ matrix.T) for first in samples * 1.0 for second in samples * 1.0]
    assert rho_of_own(VIEWS, samples) == pytest.approx(max(float(each @ each) for each in apart) / 2)
    alone = [rho_of_any([each], 4, 3) for each in VIEWS]
    assert rho_of_any(VIEWS, 4, 3) == pytest.approx(sum(alone))


@given(st.integers(1, 40), st.integers(1, 12), st.floats(1e-9, 0.2))
def test_the_discrete_gaussian_keeps_what_epsilon_promises(deviation: int, apart: int, delta: float) -> None:
    """The exact delta of one answer, by summing the distribution, is at most the one that was asked for."""
    bound = epsilon(apart**2 / (2 * deviation**2), delta)
    reach = 40 * deviation + apart
    weights = {e: exp(-(e**2) / (2 * deviation**2)) for e in range(-reach, reach + apart + 1)}
    total = sum(weights.values())
    exact = sum(
        max(0.0, weights[e] - exp(min(bound, 700.0)) * weights[e + apart]) / total
        for e in range(-reach, reach)
    )
    assert exact <= delta * (1 + 1e-9)


def test_epsilon_is_that_of_the_published_formula() -> None:
    assert epsilon(0.5, 1e-5) == pytest.approx(0.5 + 2 * (0.5 * log(1e5)) ** 0.5)
    assert epsilon(0.0, 1e-5) == 0.0
