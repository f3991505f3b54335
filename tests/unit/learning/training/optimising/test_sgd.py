import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from pole.learning.training.optimising import sgd
from pole.learning.training.optimising.sgd import Sgd


def by_hand(
    weights: NDArray[np.float64], gradients: NDArray[np.float64], rates: list[float], decay: float
) -> NDArray[np.float64]:
    """Nesterov's momentum as Sutskever et al. write it, at the point that is looked at, in float64."""
    moment = np.zeros_like(weights)
    for gradient, rate in zip(gradients, rates, strict=True):
        slope = gradient + decay * weights
        moment = 0.8 * moment + slope
        weights = weights - rate * (slope + 0.8 * moment)
    return weights


@pytest.mark.parametrize(("shape", "decay"), [((4, 5), 0.05), ((2, 3, 3, 3), 0.05), ((7,), 0.0)])
def test_steps_are_those_of_the_paper_and_weights_alone_decay(shape: tuple[int, ...], decay: float) -> None:
    random = np.random.default_rng(0)
    weights, gradients = random.normal(size=shape), random.normal(size=(30, *shape))
    rates = [0.1 / step for step in range(1, 31)]
    parameter = nn.Parameter(torch.from_numpy(weights.copy()))
    optimiser = Sgd([parameter], momentum=0.8, weight_decay=0.05)
    for gradient, rate in zip(gradients, rates, strict=True):
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step(rate)
    expected = by_hand(weights, gradients, rates, decay)
    assert np.allclose(parameter.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_without_momentum_it_is_gradient_descent() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    Sgd(layer.parameters(), momentum=0.0, weight_decay=0.0).step(0.5)
    assert torch.allclose(layer.weight, before - 0.5)


def test_parameters_without_a_gradient_stay_as_they_are() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.clone()
    Sgd(layer.parameters(), momentum=0.9, weight_decay=0.5).step(0.1)
    assert torch.equal(layer.weight, before)


def test_a_step_is_a_fused_kernel_for_weights_and_one_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool, float]] = []
    monkeypatch.setattr(
        sgd,
        "sgd",
        lambda *lists, **options: asked.append((len(lists[0]), options["fused"], options["weight_decay"])),
    )
    layers = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    layers(torch.ones(3, 2)).sum().backward()
    Sgd(layers.parameters(), momentum=0.9, weight_decay=0.5).step(0.1)
    assert asked == [(1, True, 0.5), (3, True, 0.0)]


def test_momentum_of_a_checkpoint_leads_to_the_same_steps() -> None:
    whole, resumed = nn.Linear(2, 2), nn.Linear(2, 2)
    resumed.load_state_dict(whole.state_dict())
    optimisers = [Sgd(layer.parameters(), momentum=0.9, weight_decay=0.5) for layer in (whole, resumed)]
    for step in range(4):
        if step == 2:
            kept = optimisers[1].state()
            optimisers[1] = Sgd(resumed.parameters(), momentum=0.9, weight_decay=0.5)
            optimisers[1].resume(kept)
        for layer, optimiser in zip((whole, resumed), optimisers, strict=True):
            layer(torch.tensor([[1.0, step]])).square().sum().backward()
            optimiser.step(0.01)
    assert torch.equal(whole.weight, resumed.weight)
