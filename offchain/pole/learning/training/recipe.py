"""A miner's recipe: how it trains, which the specification leaves to it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

WARM_UP: Final = 0.2
SMALLEST_BATCH: Final = 16
BATCHES_IN_AN_EPOCH: Final = 8


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The miner's own choices; the defaults suit a hundred samples as well as tens of thousands.

    The first cycle has at least `epochs` epochs and at least `steps` batches. A batch has at most `batch`
    samples, fewer where an epoch would have less than eight batches. Where the features are vectors,
    `noise` is the standard deviation of the noise added to them once whitened; where they are images,
    `shift` is by how many pixels they are moved at most, each way, and `flip` mirrors half of them. These
    and `label_smoothing` are for the first cycle only. `whitening_floor` is the smallest eigenvalue, as a
    part of the largest, that whitening brings up to variance 1. An `eager` training is judged after every
    epoch and ends with the first model that reaches the required accuracy; otherwise it ends with the cycle
    that does, whose rate has decayed, for more accuracy on the test set. On a GPU networks compute in
    bfloat16 where `mixed_precision` holds. `compiled` runs them through torch.compile, which takes a minute
    before it gains anything.
    """

    epochs: int = 10
    steps: int = 400
    batch: int = 500
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    noise: float = 0.2
    shift: int = 2
    flip: bool = False
    whitening_floor: float = 1e-3
    eager: bool = False
    mixed_precision: bool = True
    compiled: bool = False


def rate_factor(progress: float) -> float:
    """Return the learning rate's factor at a part of a cycle: linear warm-up, then cosine decay."""
    if progress < WARM_UP:
        return 0.05 + 0.95 * max(progress, 0.0) / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * min((progress - WARM_UP) / (1 - WARM_UP), 1.0)))


def batch_count(samples: int, largest: int) -> int:
    """Return the number of batches in an epoch."""
    size = min(largest, max(SMALLEST_BATCH, samples // BATCHES_IN_AN_EPOCH))
    return math.ceil(samples / size)


def shuffled(samples: int, batches: int) -> Iterator[Tensor]:
    """Yield the samples' numbers in random order, batch by batch."""
    # Nearly equal parts: BatchNorm cannot learn from a last batch of one sample.
    yield from torch.tensor_split(torch.randperm(samples), batches)
