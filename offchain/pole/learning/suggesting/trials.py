"""A specification tried with several seeds: what to ask of miners, and what to expect of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from pole.learning.data.datasets import DataSet
from pole.learning.training.rehearsal import Rehearsal, rehearse
from pole.learning.training.stopping import StopRule
from pole.protocol.encoding.hashing import keccak256
from pole.protocol.models.specification import ModelSpecification

SPARE: Final = 0.01
"""What a threshold leaves below the worst training score: another seed may do a little worse."""
SPARE_TIME: Final = 5
"""What a time limit allows, in times of the slowest trial: other machines are slower."""
MINIMUM_TIME: Final = 120

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Rehearsals of a specification, one a seed, on a data set."""

    dataset: DataSet
    specification: ModelSpecification
    rehearsals: tuple[Rehearsal, ...]

    @property
    def train_shares(self) -> Shares:
        """Return the training scores as shares from 0 to 1."""
        return np.array([each.train.correct for each in self.rehearsals]) / len(self.dataset.x_train)

    @property
    def test_shares(self) -> Shares:
        """Return the test scores as shares from 0 to 1."""
        return np.array([each.test.correct for each in self.rehearsals]) / len(self.dataset.x_test)

    @property
    def advice(self) -> "Advice":
        """Return the highest whole percentage that all reached with a little to spare, and its time."""
        percentage = max(0, floor(100 * (float(self.train_shares.min()) - SPARE)))
        needed = ceil(percentage / 100 * len(self.dataset.x_train))
        seconds = max(each.seconds_to(needed) or 0.0 for each in self.rehearsals)
        return Advice(percentage, seconds, max(MINIMUM_TIME, ceil(SPARE_TIME * seconds / 10) * 10))


@dataclass(frozen=True, slots=True)
class Advice:
    """What to ask: a training score in percent that every trial reached, the seconds that took, a limit."""

    train_accuracy: int
    seconds: float
    time_limit: int


def try_out(
    dataset: DataSet,
    specification: ModelSpecification,
    seeds: Sequence[int],
    rule: Callable[[], StopRule],
    *,
    device: torch.device,
    report: Callable[[int, Rehearsal], None] = lambda _seed, _found: None,
) -> Trials:
    """Return a rehearsal for each seed, which draws mapping layer and start; `rule` is made when one begins.

    Raises InputError where data and specification do not fit.
    """
    found = []
    for seed in seeds:
        layer = keccak256(seed.to_bytes(32, "big", signed=True))
        each = rehearse(dataset, specification, rule(), seed=layer, random_seed=seed, device=device)
        report(seed, each)
        found.append(each)
    return Trials(dataset, specification, tuple(found))
