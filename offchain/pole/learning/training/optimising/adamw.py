"""AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2), on any device.

All parameters move by torch's fused kernel at once, but not by an optimiser of torch.optim: the first one of
a process imports torch's compiler, for 7 seconds (`benchmarks.libraries`, 2 cores, torch 2.13, 2026-11-28),
that would come off the time limit of a round.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

BETA_1: Final = 0.9
BETA_2: Final = 0.999
EPSILON: Final = 1e-8


class AdamW:
    """The moments of a set of parameters, and the step that they lead to."""

    def __init__(self, parameters: Iterable[nn.Parameter], *, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.first: list[Tensor] = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second: list[Tensor] = [torch.zeros_like(parameter) for parameter in self.parameters]
        # The kernel wants a count for each parameter, on its device.
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter against its gradient at a learning rate, and forget the gradients."""
        states = zip(self.parameters, self.first, self.second, self.steps, strict=True)
        moved = [(each, each.grad, *state) for each, *state in states if each.grad is not None]
        if not moved:
            return
        parameters, gradients, first, second, steps = (list(column) for column in zip(*moved, strict=True))
        adamw(
            parameters,
            gradients,
            first,
            second,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=BETA_1,
            beta2=BETA_2,
            lr=rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )
        for parameter in parameters:
            parameter.grad = None

    def state(self) -> dict[str, Any]:
        """Return the moments and the number of steps, for a checkpoint."""
        return {"first": self.first, "second": self.second, "steps": max(map(int, self.steps), default=0)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the moments of a checkpoint, which may lie on another device."""
        for own, kept in zip((*self.first, *self.second), (*state["first"], *state["second"]), strict=True):
            own.copy_(kept)
        for count in self.steps:
            count.fill_(state["steps"])
