"""Random numbers of a checkpoint, where it is gone on from on another device than it was written on."""

import pytest
import torch
from torch import Tensor

from pole.learning.machine.random_state import random_state, resume_random

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)
OF_GPU = torch.ones(16, dtype=torch.uint8)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, torch.device]]:
    """Return what a GPU is given; torch asks `GPU`, and no other that may be the current one."""
    given: list[tuple[Tensor, torch.device]] = []
    monkeypatch.setattr(torch.cuda, "get_rng_state", {GPU: OF_GPU}.__getitem__)
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: given.append((state.clone(), device))
    )
    return given


@pytest.mark.parametrize(
    ("written", "resumed", "own"), [(CPU, CPU, 0), (CPU, GPU, 0), (GPU, CPU, 0), (GPU, GPU, 1)]
)
def test_any_device_goes_on_with_the_numbers_of_any_other(
    given: list[tuple[Tensor, torch.device]], written: torch.device, resumed: torch.device, own: int
) -> None:
    with torch.random.fork_rng(devices=[]):
        state = random_state(written)
        drawn = torch.rand(3)
        resume_random(state, resumed)
        assert torch.equal(torch.rand(3), drawn)
    assert [device for _, device in given] == [GPU] * own
    assert all(torch.equal(each, OF_GPU) for each, _ in given)
