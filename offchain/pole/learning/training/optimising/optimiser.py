"""The optimiser that a recipe names."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from torch import nn

from pole.learning.training.optimising.adamw import AdamW
from pole.learning.training.optimising.sgd import Sgd
from pole.learning.training.recipe import TrainingSettings


class Optimiser(Protocol):
    """What moves a set of parameters against their gradients, and what it remembers of them."""

    def step(self, rate: float) -> None:
        """Move every parameter against its gradient at a learning rate, and forget the gradients."""

    def state(self) -> dict[str, Any]:
        """Return what it remembers, for a checkpoint: tensors and numbers."""

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned, which may lie on another device."""


def optimiser_of(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> Optimiser:
    """Return a new optimiser of some parameters, which remembers nothing yet."""
    if settings.optimiser == "sgd":
        return Sgd(parameters, momentum=settings.momentum, weight_decay=settings.weight_decay)
    return AdamW(parameters, weight_decay=settings.weight_decay)
