"""More noise: a worse learner, a worse attacker, a smaller epsilon."""

from math import isinf

import numpy as np
from tests.unit.learning.privacy.structures import data_set, layer, low_rank, plan_of

from pole.learning.data.datasets import DataSet
from pole.learning.privacy.noise import TradeOff, trade_off
from pole.learning.privacy.views import View


def separable() -> DataSet:
    made = data_set(low_rank(600, 12, 6))
    halves = [(x[:, :6].sum(axis=1) > x[:, 6:].sum(axis=1)).astype(int) for x in (made.x_train, made.x_test)]
    return DataSet("made", made.x_train, halves[0], made.x_test, halves[1], classes=2)


def tried(noise: int, *, classifies: bool = True) -> TradeOff:
    views = [View(plan_of(layer(8, 12)))]
    return trade_off(separable(), views, noise, bits=8, steps=10, classifies=classifies)


def test_noise_is_paid_for_by_learner_and_attacker() -> None:
    clear, little, much = (tried(noise) for noise in (0, 100, 20_000))
    assert clear.learner > 0.9
    assert clear.learner >= little.learner - 0.02 > much.learner
    assert clear.attack.attack.mse < little.attack.attack.mse < much.attack.attack.mse
    assert isinf(clear.epsilon_any)
    assert little.epsilon_any > much.epsilon_any
    assert much.epsilon_any > much.epsilon_own


def test_a_regression_is_told_by_the_variance_that_is_explained() -> None:
    assert 0.3 < tried(0, classifies=False).learner < 1
    assert np.isclose(tried(50_000, classifies=False).learner, 0, atol=0.3)
