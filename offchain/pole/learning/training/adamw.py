"""AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2).

torch.optim has it too, but making the first torch optimiser of a process imports torch's compiler: 3 to 10
seconds that would come off the time limit of a round.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

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
        self.steps = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter against its gradient at a learning rate, and forget the gradients."""
        self.steps += 1
        unbiased_rate = rate / (1 - BETA_1**self.steps)
        root = (1 - BETA_2**self.steps) ** 0.5
        for parameter, first, second in zip(self.parameters, self.first, self.second, strict=True):
            gradient = parameter.grad
            if gradient is None:
                continue
            parameter.mul_(1 - rate * self.weight_decay)
            first.lerp_(gradient, 1 - BETA_1)
            second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
            parameter.addcdiv_(first, (second.sqrt() / root).add_(EPSILON), value=-unbiased_rate)
            parameter.grad = None

    def state(self) -> dict[str, Any]:
        """Return the moments and the number of steps, for a checkpoint."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the moments of a checkpoint, which may lie on another device."""
        for own, kept in zip((*self.first, *self.second), (*state["first"], *state["second"]), strict=True):
            own.copy_(kept)
        self.steps = state["steps"]
