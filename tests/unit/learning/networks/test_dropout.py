"""Dropout: what it keeps, how often, and that evaluation does not see it."""

import pytest
import torch

from pole.learning.networks.dropout import Dropout

MANY = torch.full((1000, 401), 2.0)


def test_evaluation_keeps_everything() -> None:
    assert torch.equal(Dropout(0.4).eval()(MANY), MANY)


def test_nothing_is_dropped_with_probability_zero() -> None:
    assert torch.equal(Dropout(0.0)(MANY), MANY)


@pytest.mark.parametrize("p", [1e-5, 0.2, 0.5, 0.9, 1 - 1e-9])
def test_what_is_kept_is_scaled_so_that_the_expectation_stays(p: float) -> None:
    torch.manual_seed(1)
    seen = Dropout(p)(MANY)
    kept = seen != 0
    part = max(1 - round(p * 2**16) / 2**16, 2**-16)
    deviation = (part * (1 - part) / MANY.numel()) ** 0.5
    assert abs(kept.double().mean().item() - part) <= 5 * deviation
    assert torch.allclose(seen[kept], MANY[kept] / part)


def test_every_place_is_dropped_as_often() -> None:
    torch.manual_seed(2)
    kept = (Dropout(0.3)(torch.ones(400_000)) != 0).double().view(-1, 4)
    deviation = (0.3 * 0.7 / len(kept)) ** 0.5
    assert (kept.mean(0) - 0.7).abs().max() <= 5 * deviation
    correlations = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlations.abs().max() <= 5 / len(kept) ** 0.5


def test_gradients_flow_through_what_is_kept() -> None:
    x = torch.ones(1000, requires_grad=True)
    seen = Dropout(0.5)(x)
    seen.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, seen.detach())


def test_the_seed_of_torch_decides() -> None:
    drop, seen = Dropout(0.5), []
    for _ in range(2):
        torch.manual_seed(3)
        seen.append(drop(MANY))
    assert torch.equal(*seen)
    assert not torch.equal(seen[0], drop(MANY))
