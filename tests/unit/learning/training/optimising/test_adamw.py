import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from pole.learning.training.optimising import adamw
from pole.learning.training.optimising.adamw import AdamW


def by_the_paper(
    weights: NDArray[np.float64], gradients: NDArray[np.float64], rates: list[float], decay: float
) -> NDArray[np.float64]:
    """Algorithm 2 of Loshchilov and Hutter in float64, line by line."""
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        unbiased_first, unbiased_second = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weights = weights - rate * (unbiased_first / (np.sqrt(unbiased_second) + 1e-8) + decay * weights)
    return weights


def test_steps_are_those_of_the_paper() -> None:
    random = np.random.default_rng(0)
    weights, gradients = random.normal(size=(4, 5)), random.normal(size=(30, 4, 5))
    rates = [0.1 / step for step in range(1, 31)]
    parameter = nn.Parameter(torch.from_numpy(weights.copy()))
    optimiser = AdamW([parameter], weight_decay=0.05)
    for gradient, rate in zip(gradients, rates, strict=True):
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step(rate)
    expected = by_the_paper(weights, gradients, rates, 0.05)
    assert np.allclose(parameter.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_parameters_without_a_gradient_stay_as_they_are() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.clone()
    AdamW(layer.parameters(), weight_decay=0.5).step(0.1)
    assert torch.equal(layer.weight, before)


def test_a_step_is_one_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        adamw, "adamw", lambda *lists, **options: asked.append((len(lists[0]), options["fused"]))
    )
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    AdamW(layer.parameters(), weight_decay=0.5).step(0.1)
    assert asked == [(2, True)]


def test_moments_of_a_checkpoint_lead_to_the_same_steps() -> None:
    whole, resumed = nn.Linear(2, 2), nn.Linear(2, 2)
    resumed.load_state_dict(whole.state_dict())
    optimisers = [AdamW(layer.parameters(), weight_decay=0.5) for layer in (whole, resumed)]
    for step in range(4):
        if step == 2:
            kept = optimisers[1].state()
            optimisers[1] = AdamW(resumed.parameters(), weight_decay=0.5)
            optimisers[1].resume(kept)
        for layer, optimiser in zip((whole, resumed), optimisers, strict=True):
            layer(torch.tensor([[1.0, step]])).square().sum().backward()
            optimiser.step(0.1)
    assert [optimiser.state()["steps"] for optimiser in optimisers] == [4, 4]
    assert torch.equal(whole.weight, resumed.weight)
