"""Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013), on any device.

All parameters move by torch's fused kernel, and not by an optimiser of torch.optim, for the reason that
`adamw` gives.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd


class Sgd:
    """The momentum of a set of parameters, and the step that it leads to.

    `weight_decay` adds so many times each weight to its gradient. Weights are the parameters of two and more
    dimensions: biases and the scales and shifts of norms do not decay.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, momentum: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.moments: list[Tensor] = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter against its gradient at a learning rate, and forget the gradients."""
        states = zip(self.parameters, self.moments, strict=True)
        moved = [(each, each.grad, moment) for each, moment in states if each.grad is not None]
        self._step([state for state in moved if state[0].ndim > 1], rate, self.weight_decay)
        self._step([state for state in moved if state[0].ndim <= 1], rate, 0.0)
        for parameter, _, _ in moved:
            parameter.grad = None

    def _step(self, moved: list[tuple[nn.Parameter, Tensor, Tensor]], rate: float, decay: float) -> None:
        if not moved:
            return
        parameters, gradients, moments = (list(column) for column in zip(*moved, strict=True))
        sgd(
            parameters,
            gradients,
            moments,
            fused=True,
            weight_decay=decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=True,
            maximize=False,
        )

    def state(self) -> dict[str, Any]:
        """Return the momentum, for a checkpoint."""
        return {"moments": self.moments}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the momentum of a checkpoint, which may lie on another device."""
        for own, kept in zip(self.moments, state["moments"], strict=True):
            own.copy_(kept)
