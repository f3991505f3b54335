"""The ranks of a training, as the training sees them; and the one that is alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

Compute = Callable[[Tensor], Tensor]


class Ranks(Protocol):
    """The processes that learn from one batch together, each from its part.

    Rank 0 decides, judges and keeps checkpoints; the others do what it says.
    """

    def join(self, network: nn.Module, inputs: Tensor, labels: Tensor, above: Sequence[Tensor]) -> Compute:
        """Return what computes the network so that gradients are those of the whole batch.

        Norms over a batch become norms over all of its parts. `above` are what leads from `inputs` to those
        of the network, float32 of any shapes; none where `inputs` are those.
        """

    def begin_cycle(self, settings: Mapping[str, Any], state: Iterable[Tensor]) -> None:
        """Give all ranks the settings of a cycle and rank 0's tensors, which are changed in place."""

    def part(self, rows: Tensor, rate: float, epoch: int) -> tuple[Tensor, float]:
        """Return this rank's part of a batch that is learned at a rate, and the weight of its loss.

        `epoch` counts those that are done.
        """

    def mean(self, loss: Tensor) -> Tensor:
        """Return the mean of a number over all ranks: the batch's loss, where each part's has its weight."""


class _Alone:
    def join(self, network: nn.Module, inputs: Tensor, labels: Tensor, above: Sequence[Tensor]) -> Compute:
        return network

    def begin_cycle(self, settings: Mapping[str, Any], state: Iterable[Tensor]) -> None:
        return

    def part(self, rows: Tensor, rate: float, epoch: int) -> tuple[Tensor, float]:
        return rows, 1.0

    def mean(self, loss: Tensor) -> Tensor:
        return loss


ALONE: Final[Ranks] = _Alone()
"""A training of one process."""


def part_of(rows: Tensor, rank: int, ranks: int) -> tuple[Tensor, float]:
    """Return a rank's part of a batch of at least as many rows as ranks, and the weight of its mean loss.

    Parts are nearly equal, and the mean of the weighted losses is the mean over the batch.
    """
    part = torch.tensor_split(rows, ranks)[rank]
    return part, len(part) * ranks / len(rows)


def useful_ranks(samples: int, batches: int, available: int) -> int:
    """Return how many ranks can have a part of every batch, where an epoch has so many nearly equal ones."""
    return max(1, min(available, samples // batches))
